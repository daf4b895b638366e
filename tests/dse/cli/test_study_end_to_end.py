"""The real thing in small: `dse study run` as a process, with emulated kernels, short trainings and SQLite.

Commands around it that a process of its own would tell nothing about run in this one: to start costs seconds.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from dse.cli.main import run

PROGRAM = (sys.executable, "-c", "from dse.cli.main import main; main()")
SMALL = ("--epochs", "1", "--train-images", "128", "--widths", "1", "--name", "small")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("study")


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "BNN_DSE_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def dse(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setenv("BNN_DSE_CACHE", str(folder / "cache"))
        code = run(arguments)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def trials(folder: Path, *states: TrialState) -> list[optuna.trial.FrozenTrial]:
    study = optuna.load_study(study_name="small", storage=f"sqlite:///{folder / 'study.db'}")
    return study.get_trials(states=states or None)


@pytest.fixture(scope="module")
def first_run(folder):
    done = process(folder, "study", "run", "--trials", "2", *SMALL)
    assert done.returncode == 0, done.stderr
    return done


def test_prints_the_front_and_leaves_study_and_report(folder, first_run):
    assert "Pareto front of small" in first_run.stdout
    assert "conventional" in first_run.stdout
    assert first_run.stderr == ""
    assert "<html" in (folder / "report.html").read_text()
    assert len(trials(folder, TrialState.COMPLETE)) == 2


def test_first_trial_is_the_conventional_design(folder, first_run):
    design = trials(folder)[0].user_attrs["design"]
    assert design == {
        "width_multiplier": 1.0,
        "accumulator": 32,
        "overflow": "exact",
        "clip": None,
        "maps": "float32",
    }


def test_again_evaluates_nothing_and_prints_the_same_front(folder, first_run):
    before = {path: path.stat().st_mtime_ns for path in (folder / "cache").rglob("*")}
    again = dse(folder, "study", "run", "--trials", "2", *SMALL)
    assert again.returncode == 0, again.stderr
    assert first_run.stdout.endswith(again.stdout)
    assert {path: path.stat().st_mtime_ns for path in (folder / "cache").rglob("*")} == before
    assert len(trials(folder, TrialState.WAITING)) == 1  # the third of the designs that a study begins with
    assert len(trials(folder)) == 1 + len(trials(folder, TrialState.COMPLETE, TrialState.PRUNED))


@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--core", "cortex-a53", "core"),
        ("--seed", "5", "seed"),
        ("--epochs", "2", "recipe"),
        ("--widths", "1,2", "widths"),
    ],
)
def test_other_settings_are_refused_by_name(folder, first_run, option, value, field):
    done = dse(folder, "study", "run", "--trials", "9", *SMALL, option, value)
    assert done.returncode == 2
    assert f"was made with {field} " in done.stderr
    assert done.stderr.count("\n") == 1


def test_shows_the_study_in_every_format(folder, first_run):
    shown = json.loads(dse(folder, "study", "show", "--all", "--format", "json").stdout)
    rows = list(csv.DictReader(io.StringIO(dse(folder, "study", "show", "--all", "--format", "csv").stdout)))
    assert [trial["trial"] for trial in shown["trials"]] == [int(row["trial"]) for row in rows]
    assert shown["trials"][0]["speedup"] == 1.0
    assert shown["latency_scope"] == "binary layers: convolution, batch norm, shortcut and signs"


@pytest.mark.parametrize(
    "command",
    [
        "study report -o study.db",
        "study export study.db --format csv",
        "study export study.db --format json",
        "train --trial 1 --epochs 1 --save study.db",
    ],
)
def test_a_study_is_not_overwritten_by_what_is_made_of_it(folder, first_run, command):
    before = (folder / "study.db").read_bytes()
    done = dse(folder, *command.split())
    assert (done.returncode, done.stderr) == (
        2,
        "error: study.db is the storage of the study, which would be lost: give another file\n",
    )
    assert (folder / "study.db").read_bytes() == before


@pytest.fixture
def apart(folder, first_run, tmp_path):
    """A folder of its own, with a copy of the study."""
    shutil.copy(folder / "study.db", tmp_path / "study.db")
    return tmp_path


def test_storage_that_another_program_holds_is_no_fault_of_dse(apart, monkeypatch):
    monkeypatch.setattr("dse.storage.StudyStorage.__init__.__kwdefaults__", {"must_exist": False, "lock_timeout": 0.1})
    with closing(sqlite3.connect(apart / "study.db", isolation_level=None)) as other:
        other.execute("begin immediate")
        done = dse(apart, "study", "run", "--trials", "9", *SMALL)
    assert done.returncode == 1
    assert "storage" in done.stderr
    assert "database is locked: another program is writing to it; close that, or try again" in done.stderr
    assert done.stderr.count("\n") == 1


def test_damaged_storage_is_no_fault_of_dse(apart):
    content = bytearray((apart / "study.db").read_bytes())
    content[20_000:] = os.urandom(len(content) - 20_000)
    (apart / "study.db").write_bytes(content)
    done = dse(apart, "study", "show", "--all")
    assert done.returncode == 1
    assert "storage" in done.stderr
    assert "fault in dse" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_second_table_overwrites_no_study_either(folder, first_run):
    shutil.copy(folder / "study.db", folder / "x.layers.csv")
    done = dse(folder, "study", "export", "x.csv", "--storage", "x.layers.csv")
    assert done.returncode == 2
    assert "x.layers.csv is the storage" in done.stderr
    assert (folder / "x.layers.csv").read_bytes() == (folder / "study.db").read_bytes()


def test_a_design_that_comes_too_late_is_not_dropped_without_a_word(folder, first_run):
    known = dse(folder, "study", "run", "--trials", "2", *SMALL, "--enqueue", "clip=none")
    assert known.returncode == 0, known.stderr
    late = dse(folder, "study", "run", "--trials", "2", *SMALL, "--enqueue", "accumulator=8 clip=15")
    assert late.returncode == 2
    assert "study 'small' has ended without it: give it more --trials" in late.stderr
    assert late.stderr.count("\n") == 1
    wrong = dse(folder, "study", "run", "--trials", "2", *SMALL, "--enqueue", "nonsense=3")
    assert wrong.returncode == 2
    assert "nonsense" in wrong.stderr


def test_spec_file_says_the_same_as_options(folder, first_run):
    spec = folder / "small.toml"
    done = dse(folder, "study", "init", "small.toml")
    assert done.returncode == 0, done.stderr
    text = spec.read_text()
    for default, other in (
        ('kind = "quick"', 'kind = "scratch"'),
        ("epochs = 3 ", "epochs = 1 "),
        ("widths = [0.5, 0.75, 1.0, 1.5, 2.0]", "widths = [1]"),
        ("trials = 40 ", "trials = 9 "),
    ):
        assert default in text
        text = text.replace(default, other)
    spec.write_text(text)
    options = ("--trials", "2", "--set", "recipe.scratch.train_images=128", "--name", "small")
    again = dse(folder, "study", "run", "--spec", "small.toml", *options)
    assert again.returncode == 0, again.stderr
    assert first_run.stdout.endswith(again.stdout)
    refused = dse(folder, "study", "init", "small.toml")
    assert (refused.returncode, spec.read_text()) == (2, text)
    refused = dse(folder, "study", "run", "--spec", "small.toml", "--core", "cortex-a53", *options)
    assert refused.returncode == 2
    assert "was made with core cortex-a72, not cortex-a53" in refused.stderr


def test_shows_the_tile_of_each_layer_of_a_trial(folder, first_run):
    shown = dse(folder, "study", "show", "--trial", "0")
    assert shown.returncode == 0, shown.stderr
    layers = json.loads(dse(folder, "study", "show", "--trial", "0", "--format", "json").stdout)["layers"]
    rows = list(csv.DictReader(io.StringIO(dse(folder, "study", "show", "--trial", "0", "--format", "csv").stdout)))
    recorded = trials(folder)[0].user_attrs["layers"]
    assert [layer["tile"] for layer in layers] == [row["tile"] for row in rows] == [one["tile"] for one in recorded]
    assert all(layer["tile"] in shown.stdout for layer in layers)
    json_of_one = json.loads(dse(folder, "study", "show", "--trial", "1", "--format", "json").stdout)
    twins = json_of_one["stands_for"]
    assert {twin["design"]["accumulator"] for twin in twins} == {16, 32}
    assert min(twin["measures"]["latency_ms"] for twin in twins) >= trials(folder)[1].values[0]
    table = dse(folder, "study", "show", "--trial", "1").stdout
    assert all(f"{twin['measures']['latency_ms']:.4f}" in table for twin in twins)
    assert f"timed and not trained: {len(twins)} of {2 + len(twins)} designs" in dse(folder, "study", "show").stdout
    missing = dse(folder, "study", "show", "--trial", "99")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    assert "no trial 99 with timed layers" in missing.stderr


def test_trained_network_and_emulated_kernels_agree(folder, first_run):
    done = dse(folder, "verify", "--name", "small", "--trial", "0", "--images", "2", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["images"], report["differing_outputs"], report["differing_classes"]) == (2, 0, 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGKILL, -signal.SIGKILL)])
def test_stopped_run_continues_with_every_finished_trial(folder, first_run, number, code):
    finished = [(trial.number, trial.values) for trial in trials(folder, TrialState.COMPLETE)]
    stopped = start(folder, "study", "run", "--trials", "40", *SMALL)
    _wait_for_training(folder)
    stopped.send_signal(number)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == code
    kept = [(trial.number, trial.values) for trial in trials(folder, TrialState.COMPLETE)]
    assert kept[: len(finished)] == finished
    if number == signal.SIGINT:
        assert err == f"interrupted: {len(kept)} trials finished, run the same command to continue\n"
    done = dse(folder, "study", "run", "--trials", str(len(kept) + 1), *SMALL)
    assert done.returncode == 0, done.stderr
    assert not trials(folder, TrialState.RUNNING)
    assert trials(folder, TrialState.FAIL)[-1].user_attrs["error"] == "interrupted"
    assert [(trial.number, trial.values) for trial in trials(folder, TrialState.COMPLETE)][: len(kept)] == kept


def _wait_for_training(folder: Path) -> None:
    """Wait until a new trial has been running for longer than a cached evaluation takes."""
    deadline = time.monotonic() + 120
    seen, since = -1, 0.0
    while time.monotonic() < deadline:
        running = [trial.number for trial in trials(folder, TrialState.RUNNING) if "design" in trial.user_attrs]
        if running and running[0] != seen:
            seen, since = running[0], time.monotonic()
        if running and time.monotonic() - since > 0.5:
            return
        time.sleep(0.1)
    pytest.fail("no trial started")


def test_damaged_cache_record_ends_the_run_and_the_study_continues_without_it(folder, first_run):
    records = {path: path.read_bytes() for path in (folder / "cache").rglob("accuracy/*/*.json")}
    for path, content in records.items():
        path.write_bytes(content[:-1])
    other = (*SMALL[:-1], "other")
    done = dse(folder, "study", "run", "--trials", "1", *other)
    assert done.returncode == 1
    assert "is damaged" in done.stderr
    assert "delete that file and run again" in done.stderr
    assert done.stderr.count("\n") == 1
    for path, content in records.items():
        path.write_bytes(content)
    done = dse(folder, "study", "run", "--trials", "1", "--json", *other)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["finished"] == 1


def test_a_design_is_exported_from_its_trial(folder, first_run):
    done = process(folder, "study", "export", "board", "--name", "small", "--design", "0", "--images", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"design 0 in board: \d+ files, [\d,]+ bytes, \d kernels for 4 binary layers, 2 test images; make check builds "
        r"it and checks it\n",
        done.stdout,
    )
    trial = trials(folder)[0]
    text = (folder / "board/README.md").read_text()
    assert text.startswith("# Design 0 of study small: width 1, 32-bit exact, no clip\n")
    assert f"cortex-a72 with warm caches: {trial.user_attrs['cycles']:,} for all binary layers" in text
    for layer in trial.user_attrs["layers"]:
        assert f".predicted_cycles = {layer['cycles']}," in (folder / "board/network.c").read_text()
    again = dse(folder, "study", "export", "board", "--name", "small", "--design", "0")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == "error: folder board is not empty: give another one, or empty it\n"


def test_a_design_is_trained_anew_verified_and_taken_to_the_board(folder, first_run):
    of_trial = ("--name", "small", "--trial", "1")
    longer = ("--epochs", "2", "--train-images", "256", "--save", "longer.safetensors", "--json")
    trained = dse(folder, "train", *of_trial, *longer)
    assert trained.returncode == 0, trained.stderr
    found = json.loads(trained.stdout)
    assert {name: found[name] for name in ("accumulator", "clip", "dataset")} == {
        "accumulator": 8,
        "clip": 63,
        "dataset": "fashion-mnist-small",
    }
    weights = ("--weights", "longer.safetensors")
    done = dse(folder, "verify", *of_trial, "--images", "2", "--json", *weights)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["differing_outputs"] == 0
    exported = ("study", "export", "longer", "--name", "small", "--images", "1")
    done = dse(folder, *exported, "--design", "1", *weights)
    assert done.returncode == 0, done.stderr
    text = (folder / "longer/README.md").read_text()
    assert f"| weights | of longer.safetensors: {100 * found['accuracy']:.2f} ± " in text
    for refused, message in {
        ("verify", "--name", "small", "--trial", "0", *weights): "compute something else than trial 0, width 1, 32-bit",
        ("verify", *of_trial, "--weights", "none.safetensors"): "none.safetensors: cannot be read",
        ("train", "--name", "small", "--trial", "99"): "study 'small' has no trial 99",
        (*exported, *weights): "--weights is for a design: give --design too",
        exported: "--images is for a design: give --design too",
        (*exported[:-2], "--data-dir", "."): "--data-dir is for a design: give --design too",
    }.items():
        done = dse(folder, *refused)
        assert done.returncode in (1, 2)
        assert message in done.stderr
        assert done.stderr.count("\n") == 1


def test_what_cannot_be_exported_is_told_in_a_line(folder, first_run):
    for options, message in {
        ("--design", "9"): "error: study 'small' has no trial 9: it has ",
        (
            "--design",
            "0",
            "--images",
            "9999",
        ): "error: 9999 images: fashion-mnist-small has 3500 test images, give fewer",
        ("--design", "0", "--cache", "elsewhere"): "error: ",
    }.items():
        done = dse(folder, "study", "export", "nowhere", "--name", "small", *options)
        assert done.returncode in (1, 2)
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1
        assert not (folder / "nowhere").exists()


JOBS = ("--epochs", "1", "--train-images", "128", "--widths", "1", "--name", "jobs", "--jobs", "2")


def test_local_workers_share_a_study_in_a_journal(folder, first_run):
    options = ("--storage", "journal:jobs.log", "--report", "jobs.html")
    done = process(folder, "study", "run", "--trials", "2", *JOBS, *options)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "[2/2] trial" in done.stdout
    assert "Pareto front of jobs" in done.stdout
    shown = json.loads(dse(folder, "study", "show", "journal:jobs.log", "--all", "--format", "json").stdout)
    assert [trial["state"] for trial in shown["trials"]].count("complete") == 2

    finished = dse(folder, "worker", "journal:jobs.log", "jobs")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "study jobs: 2 trials finished" in finished.stdout


def test_ctrl_c_ends_local_workers_cleanly(folder, first_run):
    run = start(folder, "study", "run", "--trials", "90", *JOBS, "--storage", "stopped.db", "--report", "stopped.html")
    deadline = time.monotonic() + 200
    while not (running := running_workers(folder / "stopped.db")):
        assert time.monotonic() < deadline
        assert run.poll() is None
        time.sleep(0.2)
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=100)
    assert run.returncode == 1
    assert re.fullmatch(r"interrupted: \d+ trials finished, run the same command to continue\n", err)
    assert running_workers(folder / "stopped.db") == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in running)


def running_workers(path: Path) -> list[int]:
    """Return the ids of the processes that run trials; reads only, as Optuna would make tables while the run does."""
    query = (
        "select value_json from trial_user_attributes join trials using (trial_id) "
        "where state = 'RUNNING' and key = 'worker'"
    )
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return [json.loads(worker)["pid"] for (worker,) in connection.execute(query)]
    except sqlite3.OperationalError:  # the study is being made
        return []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("missing.db", "jobs"), "there is no storage missing.db"),
        (("study.db", "unknown"), "no study 'unknown' in study.db"),
        (("postgresql://127.0.0.1:1/x", "jobs"), "storage postgresql://127.0.0.1:1/x: "),
    ],
)
def test_worker_without_a_study_says_so(folder, first_run, arguments, error):
    done = dse(folder, "worker", *arguments)
    assert done.returncode != 0
    assert error in done.stderr
    assert done.stderr.count("\n") == 1


LAYERED = """
[parameters]
widths = [0.25, 1]
clips = [0, 31, 15, 7]
maps = ["float32"]
depths = [1, 2]
input_sizes = [0, 16]
repairs = ["", "activation=prelu"]
per_layer = true
"""


def test_layers_depth_input_size_and_repairs_are_searched_and_agree_with_their_kernels(folder):
    (folder / "layered.toml").write_text(LAYERED)
    design = "width=0.25 depth=2 input_size=16 repairs=activation=prelu clip=31/15/none/7/31/31/none/none"
    bits = "accumulator=8/8/16/8/8/8/8/32 overflow=exact/wrap/exact/saturate/exact/wrap/saturate/exact"
    place = ("--storage", "layered.db", "--name", "layered")
    options = ("--spec", "layered.toml", "--epochs", "1", "--train-images", "128", "--enqueue", f"{design} {bits}")
    done = dse(folder, "study", "run", "--trials", "2", *place, *options)
    assert done.returncode == 0, done.stderr
    shown = json.loads(dse(folder, "study", "show", "layered.db", "--format", "json", "--all").stdout)["trials"]
    (number,) = (trial["trial"] for trial in shown if trial["input_size"] == 16)
    assert shown[number]["accumulator"] == "8*2/16/8*4/32"
    study = optuna.load_study(study_name="layered", storage=f"sqlite:///{folder / 'layered.db'}")
    assert len(study.trials[number].user_attrs["layers"]) == 8
    verified = dse(folder, "verify", *place, "--trial", str(number), "--images", "8")
    assert verified.returncode == 0, verified.stderr
    assert "8 images" in verified.stdout


def test_second_look_trains_the_front_longer_and_is_shown(folder, first_run):
    shutil.copy(folder / "study.db", folder / "looked.db")  # other tests compare what the study's own storage shows
    look = ("study", "refine", "looked.db", "--name", "small", "--seeds", "1", "--epochs", "1", "--jobs", "2")
    done = process(folder, *look)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.search(r"trials? 0.*, seed 1: validation accuracy", done.stdout)
    again = dse(folder, *look, "--json")
    assert again.returncode == 0, again.stderr
    shown = json.loads(again.stdout)
    assert (shown["second_look"]["seeds"], shown["second_look"]["recipe"]["epochs"]) == ([1], 1)
    for trial in shown["trials"]:
        assert 0 < trial["refined_accuracy"] < 1
        assert trial["refined_accuracy_standard_error"] > 0.003
        assert trial["accuracy"] == trials(folder)[trial["trial"]].values[1]
    refused = dse(folder, "study", "refine", "looked.db", "--recipe", "fulll")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert "did you mean full?" in refused.stderr
