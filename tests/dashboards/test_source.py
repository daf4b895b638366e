"""Reading a study: only when it changed, never writing, and one line for everything that can be wrong."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from sqlalchemy import text

from dashboards import storage as storage_module
from dashboards.source import StudySource
from dse.errors import DseError
from dse.goal import Goal
from dse.storage import FORMAT, StudyStorage
from dse.study_reader import StudyReader
from tests.sample_study import CONVENTIONAL, add_complete, build_study, create_study


def settle(storage: Path) -> None:
    """Date the file back, as if its last change were long ago."""
    os.utime(storage, ns=(10**18, 10**18))


def load(storage: Path, name: str | None = None) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=f"sqlite:///{storage}")


def refusal(storage: Path | str, name: str | None = None) -> str:
    with pytest.raises(DseError) as caught:
        StudySource(str(storage), name).snapshot()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_unchanged_file_is_not_read_again(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(storage)
    source = StudySource(str(storage), None)
    first = source.snapshot()
    monkeypatch.setattr(StudyReader, "read", lambda _reader: pytest.fail("read again"))
    assert source.snapshot() is first


def test_revision_changes_with_the_study_and_only_then(storage: Path) -> None:
    source = StudySource(str(storage), None)
    first = source.snapshot()
    settle(storage)
    assert source.snapshot().revision == first.revision
    add_complete(load(storage), CONVENTIONAL)
    second = source.snapshot()
    assert second.revision != first.revision
    assert len(second.results.trials) == len(first.results.trials) + 1


def test_revisions_of_two_runs_differ(storage: Path) -> None:
    assert StudySource(str(storage), None).snapshot().revision != StudySource(str(storage), None).snapshot().revision


def test_reading_leaves_the_file_as_it_is(storage: Path) -> None:
    before = storage.read_bytes()
    storage.chmod(0o444)
    study = StudySource(str(storage), None)
    study.snapshot()
    assert storage.read_bytes() == before
    assert [path.name for path in storage.parent.iterdir()] == [storage.name]


def test_storage_refuses_to_be_written(storage: Path) -> None:
    study = optuna.load_study(study_name=None, storage=storage_module.open_storage(str(storage)))
    with pytest.raises(optuna.exceptions.StorageInternalError):
        study.set_user_attr("format", FORMAT + 1)


def test_threads_that_read_at_once_keep_their_connections(storage: Path) -> None:
    opened = storage_module.open_storage(str(storage))
    assert isinstance(opened, RDBStorage)
    count = len(load(storage).trials)
    threads = 8
    all_are_reading = threading.Barrier(threads, timeout=60)

    def read(_: int) -> int:
        with opened.engine.connect() as connection:
            rows = connection.execute(text("SELECT number FROM trials"))
            begun = len(rows.fetchmany(1))
            all_are_reading.wait()
            return begun + len(rows.fetchall())

    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(read, range(threads))) == [count] * threads


def test_replaced_file_is_opened_anew(storage: Path, tmp_path: Path) -> None:
    source = StudySource(str(storage), None)
    source.snapshot()
    build_study(tmp_path / "other.db", "another", complete=3)
    (tmp_path / "other.db").replace(storage)
    assert source.snapshot().results.name == "another"


@pytest.mark.parametrize("prefix", ["", "journal:"])
def test_file_deleted_and_made_anew_is_opened_anew(tmp_path: Path, prefix: str) -> None:
    file = tmp_path / "study"
    location = f"{prefix}{file}"
    attributes = create_study(tmp_path / "attributes.db").user_attrs
    StudyStorage(location).create("first", attributes, Goal().objectives)
    source = StudySource(location, None)
    assert source.snapshot().results.name == "first"
    file.unlink()
    with pytest.raises(DseError, match="does not exist"):
        source.snapshot()
    StudyStorage(location).create("second", attributes, Goal().objectives)
    assert source.snapshot().results.name == "second"


def test_missing_file_is_refused_and_not_made(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_folder_is_refused(tmp_path: Path) -> None:
    assert "is not a file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.db"
    path.write_bytes(content)
    assert "is not a SQLite database, or is damaged" in refusal(path)


def test_empty_file_and_foreign_database_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    path.touch()
    assert "holds no Optuna study" in refusal(path)
    with sqlite3.connect(path) as connection:
        connection.execute("create table recipes (id integer)")
    assert "holds no Optuna study" in refusal(path)


def test_locked_file_is_refused(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_module, "LOCK_TIMEOUT_S", 0.05)
    writer = sqlite3.connect(storage, isolation_level=None)
    writer.execute("begin exclusive")
    assert "is locked by another program" in refusal(storage)
    writer.close()


def test_recovers_with_the_same_revision_after_an_error(storage: Path) -> None:
    source = StudySource(str(storage), None)
    first = source.snapshot()
    good = storage.read_bytes()
    storage.write_bytes(b"x" * 5000)
    with pytest.raises(DseError):
        source.snapshot()
    storage.write_bytes(good)
    assert source.snapshot().revision == first.revision


def test_study_is_chosen_by_name(tmp_path: Path) -> None:
    path = tmp_path / "two.db"
    create_study(path, "one")
    create_study(path, "two")
    assert "holds 2 studies, choose one with --name: one, two" in refusal(path)
    assert "has no study 'three'; it has: one, two" in refusal(path, "three")
    assert StudySource(str(path), "two").snapshot().results.name == "two"


def test_study_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.db"
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="mine")
    assert "is empty: its making was interrupted, or it was not made by dse" in refusal(path)
    study.ask()
    assert "'mine' was not made by dse" in refusal(path)


def test_damaged_trial_is_named(storage: Path) -> None:
    study = load(storage)
    study._storage.set_trial_user_attr(study.ask()._trial_id, "layers", [{"name": "block1.conv", "cycles": "many"}])
    message = refusal(storage)
    assert re.search(r"trial 30: damaged layers\.0\.", message), message


def test_deleted_study_is_a_message(storage: Path) -> None:
    source = StudySource(str(storage), None)
    name = source.snapshot().results.name
    optuna.delete_study(study_name=name, storage=f"sqlite:///{storage}")
    with pytest.raises(DseError):
        source.snapshot()


def test_password_of_a_url_is_not_shown() -> None:
    message = refusal("postgresql://reader:secret@127.0.0.1:1/studies")
    assert "secret" not in message


@pytest.mark.parametrize("storage", ["nonsense://", "sqlite://", "http://127.0.0.1/study.db"])
def test_senseless_url_is_one_line(storage: str) -> None:
    refusal(storage)


def test_journal_is_read_without_being_changed(tmp_path: Path) -> None:
    location = f"journal:{tmp_path / 'study.log'}"
    made = build_study(tmp_path / "study.db")
    storage = StudyStorage(location).create("copy", made.user_attrs, Goal().objectives)
    storage.add_trials(made.get_trials())
    before = (tmp_path / "study.log").read_bytes()
    results = StudySource(location, None).snapshot().results
    assert len(results.front) > 1
    assert (tmp_path / "study.log").read_bytes() == before
