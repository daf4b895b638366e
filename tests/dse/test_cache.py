from __future__ import annotations

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from dse.cache import ENVIRONMENT_VARIABLE, EvaluationCache, content_key, default_directory
from dse.errors import CacheError

KEY = {"shape": "14x14", "core": "abc"}


@pytest.fixture
def cache(tmp_path):
    return EvaluationCache(tmp_path / "cache")


def test_returns_what_was_stored(cache):
    assert cache.load("latency", KEY) is None
    cache.store("latency", KEY, {"cycles": 12, "bound": "port F0, Größe"})
    assert cache.load("latency", KEY) == {"cycles": 12, "bound": "port F0, Größe"}
    assert cache.load("accuracy", KEY) is None
    assert cache.load("latency", {**KEY, "core": "other"}) is None


def test_key_does_not_depend_on_the_order_of_fields():
    assert content_key({"a": 1, "b": 2}) == content_key({"b": 2, "a": 1})


def test_first_of_two_records_wins(cache):
    cache.store("accuracy", KEY, {"accuracy": 0.8})
    assert cache.store("accuracy", KEY, {"accuracy": 0.9}) == {"accuracy": 0.8}
    assert cache.load("accuracy", KEY) == {"accuracy": 0.8}


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "rubbish", "other key", "list"])
def test_damaged_record_is_one_line_that_names_the_file(cache, damage):
    cache.store("latency", KEY, {"cycles": 12})
    path = cache.record_path("latency", KEY)
    data = path.read_bytes()
    other = EvaluationCache(cache.directory)
    other.store("latency", {"other": 1}, {"cycles": 13})
    contents = {
        "truncate": data[:-10],
        "flip": data.replace(b'"cycles":12', b'"cycles":13'),
        "empty": b"",
        "rubbish": b"\xff\x00",
        "other key": other.record_path("latency", {"other": 1}).read_bytes(),
        "list": b"[]",
    }
    path.write_bytes(contents[damage])
    with pytest.raises(CacheError, match=r"damaged.*delete that file") as caught:
        cache.load("latency", KEY)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_file_is_refused(cache):
    name = cache.store_file("weights", b"weights", ".safetensors")
    assert cache.load_file("weights", name) == b"weights"
    cache.file_path("weights", name).write_bytes(b"Weights")
    with pytest.raises(CacheError, match="damaged"):
        cache.load_file("weights", name)
    cache.file_path("weights", name).unlink()
    with pytest.raises(CacheError, match="missing"):
        cache.load_file("weights", name)


@pytest.mark.parametrize("call", ["open", "fsync"])
def test_full_disk_is_one_line_and_leaves_nothing(cache, monkeypatch, call):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    cache.store("latency", {"earlier": 1}, {"cycles": 1})
    monkeypatch.setattr({"open": "pathlib.Path.open", "fsync": "os.fsync"}[call], full)
    with pytest.raises(CacheError, match="No space left on device: make room") as caught:
        cache.store("latency", KEY, {"cycles": 12})
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    assert [path.suffix for path in cache.files()] == [".json"]
    assert cache.load("latency", {"earlier": 1}) == {"cycles": 1}


def test_whoever_may_read_what_the_user_writes_may_read_a_record(cache):
    before = os.umask(0o027)
    try:
        cache.store("latency", KEY, {"cycles": 12})
        cache.store_file("weights", b"weights", ".safetensors")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.files()} == {0o640}


def test_folder_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="cannot write the evaluation cache"):
        EvaluationCache(tmp_path / "file").store("latency", KEY, {})


def test_file_system_without_hard_links(cache, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    cache.store("latency", KEY, {"cycles": 12})
    assert cache.load("latency", KEY) == {"cycles": 12}


def _store_many(directory: Path, worker: int) -> None:
    cache = EvaluationCache(directory)
    for number in range(200):
        held = cache.store("latency", {"number": number}, {"worker": worker, "filler": "x" * 5000})
        assert cache.load("latency", {"number": number}) == held


def test_two_processes_write_the_same_records(cache):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_store_many, args=(cache.directory, number)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(list(cache.files())) == 200
    assert all(json.loads(path.read_text())["record"]["worker"] in (0, 1) for path in cache.files())


def test_clear_deletes_records_only(cache):
    cache.store("latency", KEY, {"cycles": 12})
    bystander = cache.directory / "notes.txt"
    bystander.write_text("mine")
    assert cache.clear() == 1
    assert bystander.exists()
    assert cache.load("latency", KEY) is None


def test_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    assert default_directory() == tmp_path
