"""Several workers on one study in each kind of storage, killed while they work."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from dse.design import Design
from dse.liveness import Watch
from dse.networks import FeatureMaps
from dse.space import SearchSpace
from dse.workers import signs_of_life
from kernels_asm import Overflow
from tests.dse.conftest import CONVENTIONAL, FakeStudy, FakeTrainer
from tests.fuzz import examples
from tests.postgres_server import postgres_server

FORK = multiprocessing.get_context("fork")
STORAGES = ("sqlite", "journal", "postgresql")
EVALUATION = 0.05
"""Seconds of one fake training, so that kills meet it."""


class LoggedTrainer(FakeTrainer):
    """Takes a while, and notes in a file that processes share when a training begins and ends."""

    def __init__(self, log: Path) -> None:
        super().__init__()
        self.log = log

    def train(self, network, functions, activity, judge=None):
        key = f"{network.digest[:12]} {abs(hash(functions))}"
        self.note("begin", key)
        time.sleep(EVALUATION)
        trained = super().train(network, functions, activity, judge)
        self.note("end", key)
        return trained

    def note(self, what, key):
        with self.log.open("a") as file:
            file.write(f"{what} {key}\n")

    def noted(self, what):
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return Counter(line.removeprefix(f"{what} ") for line in lines if line.startswith(f"{what} "))


@pytest.fixture(scope="module")
def server(require_tool, require_package):
    require_package("psycopg")
    with postgres_server(Path(require_tool("initdb", "postgresql")).parent) as url:
        yield url


@pytest.fixture(params=STORAGES)
def shared(request, tmp_path):
    """A study that workers can share, in each kind of storage."""
    match request.param:
        case "sqlite":
            location = str(tmp_path / "study.db")
        case "journal":
            location = f"journal:{tmp_path / 'study.log'}"
        case _:
            location = new_database(request.getfixturevalue("server"), f"t{time.time_ns()}")
    fake = FakeStudy(tmp_path, location=location, trainer=LoggedTrainer(tmp_path / "trainings"))
    fake.load()
    return fake


def new_database(url, name):
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.replace("/postgres?", f"/{name}?")


def start(fake, budget, machine=None):
    process = FORK.Process(target=work, args=(fake, budget, machine))
    process.start()
    return process


def work(fake, budget, machine):
    """Be a worker; of a machine of its own, if it is given a name.

    It has less patience than usual, as one that was killed before it had said who it is is waited for all that time.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    patch = pytest.MonkeyPatch()
    patch.setattr("dse.workers.DEATHS", 1000)  # these tests kill workers for no fault of their designs
    if machine is not None:
        patch.setattr("dse.liveness._machine", lambda: machine)
    expiry = 5.0 if machine is None else 1.0
    patch.setattr("dse.study.Watch", partial(Watch, expiry=expiry))
    patch.setattr("dse.claims.Watch", partial(Watch, expiry=expiry))
    patch.setattr("dse.study.signs_of_life", partial(signs_of_life, every=expiry / 10))
    patch.setattr("dse.claims.HEARTBEAT", expiry / 10)
    fake.run(budget)


def finish(fake, budget, workers):
    """Wait for the workers; the study must then be finished, with nothing lost and nothing counted twice."""
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * len(workers)
    study = fake.load()
    complete = [tuple(sorted(trial.params.items())) for trial in study.get_trials(states=(TrialState.COMPLETE,))]
    assert len(complete) == len(set(complete)) == budget
    assert study.get_trials(states=(TrialState.RUNNING, TrialState.WAITING, TrialState.PRUNED)) == []
    failed = study.get_trials(states=(TrialState.FAIL,))
    assert {trial.user_attrs["error"] for trial in failed} <= {"interrupted"}
    known = [trial for trial in failed if "design" in trial.user_attrs]
    assert {tuple(sorted(trial.params.items())) for trial in known} <= set(complete)
    return study, failed


def test_workers_share_the_budget_and_repeat_nothing(shared):
    budget = 12
    study, failed = finish(shared, budget, [start(shared, budget) for _ in range(3)])
    assert failed == []
    assert len({trial.user_attrs["worker"]["pid"] for trial in study.trials}) == 3
    assert Design.from_dict(study.trials[0].user_attrs["design"]) == CONVENTIONAL
    assert set(shared.trainer.noted("begin").values()) == {1}
    starts = sorted(trial.datetime_start for trial in study.trials)
    ends = sorted(trial.datetime_complete for trial in study.trials)
    assert sum(later < earlier for (_, later), earlier in zip(pairwise(starts), ends, strict=False)) > 0


def test_workers_wait_for_a_training_that_one_of_them_runs(tmp_path):
    space = SearchSpace((1.0,), (8, 16, 32), (Overflow.EXACT,), (0,), (FeatureMaps.FLOAT32,))  # one training for all
    fake = FakeStudy(
        tmp_path, space, location=f"journal:{tmp_path / 'study.log'}", trainer=LoggedTrainer(tmp_path / "trainings")
    )
    fake.load()
    study, _ = finish(fake, 3, [start(fake, 3) for _ in range(3)])
    assert fake.trainer.noted("begin").total() == 1
    assert sorted(trial.user_attrs["accuracy_cached"] for trial in study.trials) == [False, True, True]


@pytest.mark.hypothesis  # so that `make fuzz` runs it, with more kills
def test_workers_killed_at_random_lose_nothing(shared):
    kill_at_random(shared, kills=min(50, examples(6)))


def kill_at_random(fake, kills):
    """Kill one of three workers after the other, and start another in its place; then let them finish."""
    drawn = random.Random(kills)  # noqa: S311
    budget = 6 + kills // 2
    workers = [start(fake, budget) for _ in range(3)]
    finished = {}
    killed = 0
    while killed < kills:
        time.sleep(drawn.uniform(0, 4 * EVALUATION))
        for trial in fake.load().get_trials(states=(TrialState.COMPLETE,)):
            assert finished.setdefault(trial.number, trial.values) == trial.values
        if len(finished) == budget:
            budget += 4
            for worker in workers:
                worker.join()
            workers = [start(fake, budget) for _ in workers]
            continue
        victim = choose_victim(fake, [worker.pid for worker in workers], drawn)
        os.kill(workers[victim].pid, signal.SIGKILL)
        workers[victim].join()
        killed += workers[victim].exitcode == -signal.SIGKILL
        workers[victim] = start(fake, budget)
    study, failed = finish(fake, budget, workers)
    complete = {trial.number: trial.values for trial in study.get_trials(states=(TrialState.COMPLETE,))}
    assert finished.items() <= complete.items()
    assert 0 < len(failed) <= killed
    begun, ended = fake.trainer.noted("begin"), fake.trainer.noted("end")
    assert begun.total() <= len(ended) + killed
    return study, failed, killed


def choose_victim(fake, pids, drawn):
    """Return the place of a worker that runs a trial, if there is one, or half of the time of any."""
    running = [trial.user_attrs.get("worker") for trial in fake.load().get_trials(states=(TrialState.RUNNING,))]
    busy = [pids.index(worker["pid"]) for worker in running if worker and worker["pid"] in pids]
    return drawn.choice(busy) if busy and drawn.random() < 0.5 else drawn.randrange(len(pids))


def test_workers_of_other_machines_are_taken_over_when_their_signs_of_life_end(shared):
    budget = 8
    workers = [start(shared, budget, machine=f"machine {number}") for number in range(3)]
    victim = wait_for_a_training_of(shared, {worker.pid: worker for worker in workers})
    os.kill(victim.pid, signal.SIGKILL)
    victim.join()
    workers.remove(victim)
    _, failed = finish(shared, budget, workers)
    assert [trial.user_attrs["worker"]["pid"] for trial in failed] in ([], [victim.pid])


def wait_for_a_training_of(fake, workers):
    study = fake.load()  # once: each has a connection of its own, and a server has not many
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for trial in study.get_trials(states=(TrialState.RUNNING,)):
            if "worker" in trial.user_attrs:
                return workers[trial.user_attrs["worker"]["pid"]]
        time.sleep(0.01)
    pytest.fail("no worker began a trial")
