"""`dse train`: trains, keeps, goes on, saves, compares repairs, and says in a line what is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dse.ablation import BASELINE
from dse.cli.main import run
from dse.networks.repairs import repair_choices
from dse.training.recipe import Optimiser
from dse.training.safetensors_file import tensors_digest
from dse.training.weights import load_weights
from dse.uncertainty import standard_error
from tests.dse.training.small_training import SMALL

torch.set_num_threads(1)

ROOT = Path(__file__).parents[3]
QUICK = ["train", "--width", "0.25", "--epochs", "2", "--set", "batch_size=32"]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """The arguments of a training of half a second."""
    monkeypatch.setattr("dse.training_subject.load_dataset", lambda *arguments: SMALL)
    return [*QUICK, "--cache", str(tmp_path / "cache")]


def asked(capsys, arguments):
    """Run a command that must succeed and return its JSON."""
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_trains_once_and_then_remembers(capsys, small):
    first = asked(capsys, small)
    again = asked(capsys, small)
    assert [seed["cached"] for seed in first["seeds"] + again["seeds"]] == [False, True]
    assert first["accuracy"] == again["accuracy"] == first["seeds"][0]["accuracy"]
    assert first["accuracy_standard_error"] == standard_error([first["accuracy"]], len(SMALL.validation))
    assert first["recipe"]["epochs"] == 2
    assert len(first["seeds"][0]["history"]) == 2


def test_several_seeds_give_a_mean_and_the_spread(capsys, small):
    found = asked(capsys, [*small, "--seeds", "3", "--seed", "4"])
    accuracies = [seed["accuracy"] for seed in found["seeds"]]
    assert [seed["seed"] for seed in found["seeds"]] == [4, 5, 6]
    assert len(set(accuracies)) > 1
    assert found["accuracy"] == pytest.approx(sum(accuracies) / 3)
    assert found["accuracy_standard_error"] == standard_error(accuracies, len(SMALL.validation))
    tested = [seed["test_accuracy"] for seed in found["seeds"]]
    assert found["test_accuracy_standard_error"] == standard_error(tested, len(SMALL.test))


def test_text_tells_epochs_and_the_result(capsys, small, tmp_path):
    assert run([*small, "--seeds", "2", "--distil", "--save", str(tmp_path / "w.safetensors")]) == 0
    out = capsys.readouterr().out
    for label in ("[1/2] seed 0, teacher", "[1/2] seed 0", "[2/2] seed 1, teacher", "[2/2] seed 1"):
        epochs = re.findall(rf"^{re.escape(label)}: epoch (\d)/2, .*, time left \d+:\d\d$", out, re.MULTILINE)
        assert epochs == ["1", "2"], label
    assert re.search(r"^validation accuracy [\d.]+ ± [\d.]+ %, test [\d.]+ ± [\d.]+ %, mean of 2 seeds$", out, re.M)
    assert re.search(r"^weights of seed [01] in .*w\.safetensors$", out, re.MULTILINE)


def test_saves_the_seed_that_validates_best(capsys, small, tmp_path):
    path = tmp_path / "best.safetensors"
    found = asked(capsys, [*small, "--seeds", "3", "--save", str(path)])
    best = max(found["seeds"], key=lambda seed: seed["accuracy"])
    saved = load_weights(path)
    assert (saved.seed, saved.accuracy) == (best["seed"], best["accuracy"])
    assert saved.recipe.to_dict() == found["recipe"]


@pytest.mark.parametrize(
    "options",
    [
        ["--stages", "two-stage"],
        ["--stages", "insert-arithmetic", "--clip", "15"],
        ["--optimiser", "sgd", "--set", "weight_decay=1e-4", "--set", "schedule=cosine"],
        ["--repairs", "estimator=ste,residual=single"],
        ["--accumulator", "8", "--overflow", "saturate", "--clip", "3"],
        ["--recipe", "full"],
        ["--augment"],
        ["--maps", "int8"],
        ["--depth", "2"],
        ["--input-size", "14"],
    ],
    ids=" ".join,
)
def test_options_reach_the_training(capsys, small, options):
    plain, changed = asked(capsys, small), asked(capsys, [*small, *options])
    parts = ("recipe", "repairs", "accumulator", "clip", "maps", "depth_multiplier", "input_size")
    different = {field for field in parts if plain.get(field) != changed.get(field)}
    assert different
    assert plain["seeds"][0]["weights"] != changed["seeds"][0]["weights"]


def test_a_recipe_file(capsys, small, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "full"\nepochs = 2\nbatch_size = 32\nstages = "two-stage"\n[distillation]\nweight = 0.3\n',
        encoding="utf-8",
    )
    recipe = asked(capsys, ["train", "--width", "0.25", "--recipe", str(path), *small[-2:]])["recipe"]
    assert (recipe["epochs"], recipe["shift"], recipe["label_smoothing"]) == (2, 4, 0.1)
    assert recipe["distillation"] == {"weight": 0.3, "temperature": 4.0, "teacher": None}
    assert [stage["weights"] for stage in recipe["stages"]] == ["real", "binary"]


def test_a_teacher_from_a_file(capsys, small, tmp_path):
    path = tmp_path / "teacher.safetensors"
    assert run([*small, "--seed", "3", "--save", str(path)]) == 0
    capsys.readouterr()
    taught = asked(capsys, [*small, "--teacher", str(path)])
    assert taught["recipe"]["distillation"]["teacher"] is not None
    path.write_bytes(path.read_bytes()[:-9])
    assert run([*small, "--teacher", str(path)]) == 1
    assert capsys.readouterr().err.startswith(f"error: {path}: no weights of a trained network")


# ---------------------------------------------------------------- interruption


def command(arguments):
    program = [sys.executable, "-c", "from dse.cli.main import main; main()", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
    )


def test_ctrl_c_keeps_what_was_learned_and_says_how_to_continue(tmp_path):
    options = [
        "--train-images",
        "320",
        "--checkpoint",
        str(tmp_path / "kept"),
        "--save",
        str(tmp_path / "w.safetensors"),
    ]
    arguments = [*QUICK, *options, "--epochs", "3", "--cache", str(tmp_path / "cache")]
    with command(arguments) as process:
        for line in process.stdout:
            if "epoch 1/3" in line:
                process.send_signal(signal.SIGINT)
                break
        rest, error = process.communicate()
    assert process.returncode == 1
    assert "epoch 3/3" not in rest
    assert error == (
        "interrupted: 0 of 1 trainings finished, what the next has learned is kept: run the same command to continue\n"
    )
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["seed-0.safetensors"]
    with command(arguments) as process:
        out, error = process.communicate()
    assert process.returncode == 0, error
    assert re.search(r"^seed 0: goes on behind step 1\d of 30$", out, re.MULTILINE)
    assert "epoch 3/3" in out
    assert list((tmp_path / "kept").iterdir()) == []
    stopped = load_weights(tmp_path / "w.safetensors")
    other = [*QUICK, "--train-images", "320", "--epochs", "3", "--cache", str(tmp_path / "other")]
    assert run([*other, "--save", str(tmp_path / "through.safetensors")]) == 0
    through = load_weights(tmp_path / "through.safetensors")
    assert tensors_digest(stopped.state_dict) == tensors_digest(through.state_dict)
    assert stopped.history == through.history


def test_another_training_s_checkpoint_is_refused_until_restart(capsys, small, tmp_path, monkeypatch):
    folder = tmp_path / "kept"
    kept = [*small, "--checkpoint", str(folder)]
    checks = iter([None, None, None, KeyboardInterrupt()])  # before the training, as it begins, and in its first step

    def check(_interruption):
        if error := next(checks):
            raise error

    with monkeypatch.context() as patch:
        patch.setattr("dse.interruption.Interruption.check", check)
        assert run(kept) == 1
    assert capsys.readouterr().err.startswith("interrupted: 0 of 1 trainings finished")
    assert (folder / "seed-0.safetensors").exists()
    assert run([*kept, "--clip", "7"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: checkpoint {folder / 'seed-0.safetensors'}: of another training, with another func"
    )
    assert "--restart" in error
    assert run([*kept, "--clip", "7", "--restart"]) == 0
    assert not (folder / "seed-0.safetensors").exists()


# ---------------------------------------------------------------- ablation


@pytest.fixture
def few_choices(monkeypatch):
    """Two options instead of six."""
    choices = {"estimator": ("approx-sign", "ste"), "activation": ("none", "relu", "rprelu")}
    assert all(set(values) <= set(repair_choices()[option]) for option, values in choices.items())
    monkeypatch.setattr("dse.ablation.repair_choices", lambda: choices)


def test_ablation_changes_one_thing_at_a_time(capsys, small, tmp_path, few_choices):
    options = ["--ablate", "repairs", "--seeds", "2", "--clip", "15", "--output", str(tmp_path / "table.md")]
    found = asked(capsys, [*small, *options])
    rows = {row["change"]: row for row in found["rows"]}
    assert list(rows) == [
        BASELINE,
        "estimator=ste",
        "activation=relu",
        "activation=rprelu",
        "distillation=yes",
        "stages=insert-arithmetic",
        "stages=two-stage",
        *(f"optimiser={optimiser}" for optimiser in Optimiser if optimiser != "adam"),
    ]
    assert "every sign is +1" in rows.pop("activation=relu")["error"]
    base = rows[BASELINE]
    assert base["difference"] is None
    for change, row in rows.items():
        assert len(row["seeds"]) == 2
        assert row["accuracy"]["value"] == pytest.approx(sum(row["seeds"]) / 2)
        costs = change == "activation=rprelu"  # the others change what only training sees
        assert row["cycles"] > base["cycles"] if costs else row["cycles"] == base["cycles"] > 0
        if change != BASELINE:
            assert row["difference"]["value"] == pytest.approx(row["accuracy"]["value"] - base["accuracy"]["value"])
            assert row["difference"]["standard_error"] > 0
            margin = 1.96 * row["difference"]["standard_error"]
            assert row["difference_shown"] == (abs(row["difference"]["value"]) > margin)
    assert rows["activation=rprelu"]["operations_per_output"] != base["operations_per_output"]
    assert rows["estimator=ste"]["operations_per_output"] == base["operations_per_output"]
    assert len({tuple(row["seeds"]) for row in rows.values()}) > 5
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert table.count("\n| ") == 1 + 1 + len(rows) + 1  # heading, rule, rows, the refused one
    assert all(f"| {change} | " in table for change in rows)
    # a second run trains nothing, and shows the same on a terminal
    assert run([*small, *options]) == 0
    out = capsys.readouterr().out
    assert out.count("(trained before)") == 2 * len(rows)
    assert "activation=rprelu" in out


def test_a_training_that_diverges_is_a_row_of_the_table(capsys, small, few_choices, monkeypatch):
    from dse.errors import TrainingError
    from dse.training.loop import train

    def diverge(network, functions, dataset, recipe, *arguments, **options):
        if recipe.optimiser == "sgd":
            raise TrainingError("training diverged: the loss is nan at step 3 of 10")
        return train(network, functions, dataset, recipe, *arguments, **options)

    monkeypatch.setattr("dse.training.loop.train", diverge)
    rows = {row["change"]: row for row in asked(capsys, [*small, "--ablate", "repairs"])["rows"]}
    assert rows["optimiser=sgd"]["error"] == "training diverged: the loss is nan at step 3 of 10"
    assert rows["optimiser=sgd"]["accuracy"] is None
    assert rows["optimiser=adamw"]["accuracy"] is not None


# ---------------------------------------------------------------- what a person may get wrong


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--network", "tinny"], "did you mean tiny?"),
        (["--set", "crop_scale=[0, 1]"], "crop_scale is (0.0, 1.0)"),
        (["--overflow", "rap"], "--overflow 'rap' is unknown; known: exact"),
        (["--accumulator", "9"], "accumulator width 9"),
        (["--maps", "int9"], "--maps 'int9' is unknown; known: float32, int8"),
        (["--depth", "0"], "depth multiplier 0"),
        (["--input-size", "99"], "rows: give fewer"),
        (["--trial", "0", "--width", "2", "--maps", "int8"], "trial 0 says what to train: leave out --width, --maps"),
        (["--name", "mine"], "give both"),
        (["--accumulator", "32", "--overflow", "wrap"], "never overflows"),
        (["--recipe", "quik"], "did you mean quick?"),
        (["--recipe", "no-such.toml"], "cannot be read"),
        (["--set", "learning_rate"], "write FIELD=VALUE"),
        (["--set", "learning_rate=fast"], "give a number"),
        (["--set", "shift=1", "--set", "shift=2"], "given twice"),
        (["--set", 'stages=[{features = "real", arithmetic = "exact"}]'], "no kernel computes"),
        (["--stages", "three"], "stages: 'three' is unknown"),
        (["--optimiser", "lion"], "'lion'"),
        (["--repairs", "estimator=st"], "did you mean ste?"),
        (["--ablate", "layers"], "--ablate 'layers' is unknown"),
        (["--output", "table.md"], "--output takes the table of --ablate"),
        (["--ablate", "repairs", "--save", "w.safetensors"], "leave one of them out"),
        (["--save", "/no/such/folder/w.safetensors"], "in a directory that exists"),
        (["--core", "cortex-a1"], "cortex-a1"),
        (["--train-images", "1000"], "train_images is 1000"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_options_are_a_line_and_exit_code_2(capsys, small, options, part):
    assert run([*small, *options]) == 2
    error = capsys.readouterr().err
    assert part in error
    assert error.count("\n") == 1


def test_a_diverging_training_is_a_line_and_exit_code_1(capsys, small):
    assert run([*small, "--set", "learning_rate=1e38", "--set", "schedule=constant"]) == 1
    error = capsys.readouterr().err
    assert re.fullmatch(r"error: seed 0: training diverged: .* at step \d+ of 10; lower the learning rate .*\n", error)
