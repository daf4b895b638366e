from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState

from dse import local_workers
from dse.errors import DseError, InterruptedStudyError
from dse.local_workers import LocalWorkers, worker_command


def workers(fake, code, jobs=2):
    fake.load()
    LocalWorkers(fake.load(), [sys.executable, "-c", code], jobs, fake.progress).run(3)


def test_command_names_all_that_a_worker_needs(tmp_path):
    assert worker_command("s.db", "mobile", tmp_path, "")[3:] == ["worker", "s.db", "mobile", "--cache", str(tmp_path)]
    assert worker_command("s.db", "mobile", tmp_path, "data")[-2:] == ["--data-dir", "data"]


def test_error_of_a_worker_is_told_and_ends_the_others(fake_study):
    first = str(fake_study.folder / "first")
    code = (
        f"import os, sys, time\ntry: os.mkdir({first!r})\nexcept FileExistsError: time.sleep(600)\n"
        "sys.exit('error: the disk is full')"
    )
    with pytest.raises(DseError, match=r"^a worker stopped: the disk is full$"):
        workers(fake_study, code)


def test_a_worker_that_loses_the_first_signal_is_asked_again(fake_study, monkeypatch):
    monkeypatch.setattr(local_workers, "PATIENCE", 0.1)
    ready = str(fake_study.folder / "ready")
    deaf = f"signal.signal(15, lambda *_: signal.signal(15, signal.SIG_DFL)); open({ready!r}, 'w'); time.sleep(600)"
    failing = f"while not os.path.exists({ready!r}): time.sleep(0.01)\n  sys.exit('error: the disk is full')"
    first = str(fake_study.folder / "first")
    code = f"import os, signal, sys, time\ntry:\n  os.mkdir({first!r})\n  {failing}\nexcept FileExistsError:\n  {deaf}"
    with pytest.raises(DseError, match="the disk is full"):
        workers(fake_study, code)


def test_others_go_on_where_one_worker_is_killed(fake_study):
    lock = fake_study.folder / "one"
    code = f"import os; os.mkdir({str(lock)!r}); os.kill(os.getpid(), 9)"
    workers(fake_study, f"try:\n  {code}\nexcept FileExistsError: pass")
    assert lock.exists()


def test_a_terminal_that_closes_ends_the_workers(fake_study):
    folder = fake_study.folder
    code = (
        f"import os, signal, time; open({str(folder)!r} + f'/{{os.getpid()}}.pid', 'w'); "
        "os.kill(os.getppid(), signal.SIGHUP); time.sleep(600)"
    )
    previous = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # without `nohup`, under which the tests may run
    try:
        with pytest.raises(InterruptedStudyError):
            workers(fake_study, code)
    finally:
        signal.signal(signal.SIGHUP, previous)
    begun = [path.stem for path in folder.glob("*.pid")]
    assert begun
    assert not any(Path(f"/proc/{process}").exists() for process in begun)


def test_killed_workers_are_told(fake_study):
    with pytest.raises(DseError, match="every worker was killed: if memory ran out"):
        workers(fake_study, "import os; os.kill(os.getpid(), 9)")


def test_trials_of_workers_are_shown(fake_study):
    code = (
        "from pathlib import Path; import optuna; from tests.dse.conftest import FakeStudy; "
        f"FakeStudy(Path({str(fake_study.folder)!r})).run(3)"
    )
    workers(fake_study, code, jobs=1)
    assert fake_study.progress.begun == (0, 3)
    assert [trial.number for trial in fake_study.progress.ended] == [0, 1, 2]
    assert len(fake_study.load().get_trials(states=(TrialState.COMPLETE,))) == 3


def test_workers_share_the_processors(fake_study, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: range(6))
    workers(fake_study, "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] != '3')")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    workers(fake_study, "import os, sys; sys.exit(os.environ['OMP_NUM_THREADS'] != '1')")
