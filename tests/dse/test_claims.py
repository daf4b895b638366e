from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
import threading
import time

import pytest

from dse.cache import EvaluationCache
from dse.claims import obtain, obtain_all, take_claim
from dse.errors import CacheError
from dse.liveness import Watch, has_ended, heartbeat, this_process

KIND, KEY = "accuracy", {"network": "tiny"}
FORK = multiprocessing.get_context("fork")
ELSEWHERE = {"host": "elsewhere", "machine": "another", "pid": 1, "started": 1}


@pytest.fixture
def cache(tmp_path):
    return EvaluationCache(tmp_path / "cache")


def claims(cache):
    return sorted(path.name for path in cache.files() if ".claim" in path.name)


def leave_claim(cache, owner, number=0):
    record = cache.record_path(KIND, KEY)
    record.parent.mkdir(parents=True, exist_ok=True)
    claim = record.with_name(f"{record.name}.claim{number}")
    claim.write_text(owner if isinstance(owner, str) else json.dumps(owner))
    return claim


def evaluate(cache, log, seconds=0.0):
    """Obtain the record, and note in the log that it was made here."""

    def make():
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(seconds)
        return cache.store(KIND, KEY, {"accuracy": 0.8})

    record, _ = obtain(cache, KIND, KEY, make)
    assert record == {"accuracy": 0.8}


def start(*arguments):
    process = FORK.Process(target=evaluate, args=arguments)
    process.start()
    return process


def wait_for(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_of_several_processes_evaluates(cache, tmp_path):
    log = tmp_path / "log"
    processes = [start(cache, log, 0.3) for _ in range(4)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(log.read_text().splitlines()) == 1
    assert claims(cache) == []


def test_one_of_several_that_wait_takes_over_from_a_killed_owner(cache, tmp_path):
    log = tmp_path / "log"
    owner = start(cache, log, 600)
    wait_for(log.exists)
    waiting = [start(cache, log, 0.2) for _ in range(3)]
    time.sleep(0.1)
    assert claims(cache) != []
    os.kill(owner.pid, signal.SIGKILL)
    for process in (owner, *waiting):
        process.join()
    assert [process.exitcode for process in waiting] == [0] * 3
    assert len(log.read_text().splitlines()) == 2
    assert claims(cache) == []


def test_looked_up_record_needs_no_claim(cache, tmp_path):
    cache.store(KIND, KEY, {"accuracy": 0.8})
    leave_claim(cache, ELSEWHERE)
    assert obtain(cache, KIND, KEY, pytest.fail) == ({"accuracy": 0.8}, False)


def test_those_of_several_that_are_missing_are_made_together(cache):
    contents = [{"number": number} for number in (0, 1, 2, 1)]
    cache.store(KIND, contents[0], {"accuracy": 0.0})
    made = []

    def make(places):
        made.append((list(places), claims(cache)))
        return [cache.store(KIND, contents[place], {"accuracy": float(place)}) for place in places]

    records = obtain_all(cache, KIND, contents, make)
    assert [record["accuracy"] for record in records] == [0.0, 1.0, 2.0, 1.0]
    assert [places for places, _ in made] == [[1, 2]]
    assert len(made[0][1]) == 2
    assert claims(cache) == []
    assert obtain_all(cache, KIND, contents, lambda _places: pytest.fail("nothing is missing")) == records


def test_what_another_makes_is_waited_for_while_no_claim_is_held(cache):
    contents = [{"number": number} for number in range(3)]
    other = cache.record_path(KIND, contents[1])
    other.parent.mkdir(parents=True, exist_ok=True)
    claim = other.with_name(f"{other.name}.claim0")
    claim.write_text(json.dumps(this_process()))
    made, held = [], []

    def make(places):
        made.append(list(places))
        return [cache.store(KIND, contents[place], {"accuracy": float(place)}) for place in places]

    def finish_the_other(_what):
        held.extend(claims(cache))
        cache.store(KIND, contents[1], {"accuracy": 0.5})
        claim.unlink()

    records = obtain_all(cache, KIND, contents, make, finish_the_other)
    assert made == [[0, 2]]
    assert held == [claim.name]
    assert [record["accuracy"] for record in records] == [0.0, 0.5, 2.0]


def test_failed_evaluation_of_several_frees_all_claims(cache):
    def fail(_places):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        obtain_all(cache, KIND, [{"number": 0}, {"number": 1}], fail)
    assert claims(cache) == []


def test_failed_evaluation_frees_the_claim(cache):
    with pytest.raises(ZeroDivisionError):
        obtain(cache, KIND, KEY, lambda: 1 / 0)
    assert claims(cache) == []


@pytest.mark.parametrize("owner", [ELSEWHERE, "", '{"host'], ids=["elsewhere", "empty", "torn"])
def test_silent_owner_expires(cache, owner):
    leave_claim(cache, owner, number=4)
    began = time.monotonic()
    assert take_claim(cache.record_path(KIND, KEY), Watch(expiry=0.3), lambda _what: None) == 5
    assert time.monotonic() - began > 0.3


def test_owner_elsewhere_with_a_heartbeat_is_waited_for(cache):
    claim = leave_claim(cache, ELSEWHERE)
    told, taken = [], []
    record = cache.record_path(KIND, KEY)
    waiter = threading.Thread(target=lambda: taken.append(take_claim(record, Watch(expiry=1.0), told.append)))
    with heartbeat(lambda: os.utime(claim), every=0.05):
        waiter.start()
        time.sleep(2.0)
        assert taken == []
        assert "waiting for process 1 on elsewhere" in told[0]
    claim.unlink()
    waiter.join()
    assert taken == [0]


def test_own_claim_beats(cache, monkeypatch):
    monkeypatch.setattr("dse.claims.HEARTBEAT", 0.02)

    def make():
        claim = cache.record_path(KIND, KEY).parent / claims(cache)[0]
        os.utime(claim, (0, 0))
        wait_for(lambda: claim.stat().st_mtime > 0)
        return cache.store(KIND, KEY, {})

    assert obtain(cache, KIND, KEY, make) == ({}, True)


def test_claim_that_was_taken_over_stays_with_its_new_owner(cache):
    def make():
        leave_claim(cache, ELSEWHERE, number=1)
        return cache.store(KIND, KEY, {})

    obtain(cache, KIND, KEY, make)
    assert [name[-7:] for name in claims(cache)] == [".claim1"]


def test_cache_that_cannot_be_written_is_one_line(cache, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dse.claims.os.open", full)
    with pytest.raises(CacheError, match=r"^cannot write the evaluation cache in .*: No space left on device: make"):
        obtain(cache, KIND, KEY, pytest.fail)


def test_a_claim_that_cannot_be_written_does_not_stay_behind(cache, monkeypatch):
    def full(*_arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dse.claims.json.dump", full)
        with pytest.raises(CacheError, match=r"^cannot write .*: No space left on device: make room"):
            obtain(cache, KIND, KEY, pytest.fail)
    assert claims(cache) == []
    assert obtain(cache, KIND, KEY, lambda: cache.store(KIND, KEY, {"accuracy": 0.8})) == ({"accuracy": 0.8}, True)


def test_process_is_told_from_a_later_one_and_from_one_elsewhere():
    mine = this_process()
    assert not has_ended(mine)
    assert has_ended({**mine, "started": mine["started"] - 1})
    assert not has_ended({**mine, "started": 0, "machine": "another"})
    assert not has_ended({**mine, "started": 0, "machine": None})


def test_zombie_has_ended():
    process = FORK.Process(target=time.sleep, args=(60,))
    process.start()
    there = {**this_process(), "pid": process.pid}
    there["started"] = int(open(f"/proc/{process.pid}/stat").read().rpartition(")")[2].split()[19])  # noqa: SIM115, PTH123
    assert not has_ended(there)
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: has_ended(there))
    process.join()
