"""A training that was killed, or stopped, ends as if nothing had happened; a checkpoint of no use is refused."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch

from dse.training.checkpoint import Checkpoint, CheckpointError, TrainingState
from dse.training.safetensors_file import tensors_digest
from tests.dse.training.small_training import RECIPES, small_training

torch.set_num_threads(1)

PROGRAM = Path(__file__).with_name("small_training.py")
ROOT = Path(__file__).parents[3]
STEPS_OF_AN_EPOCH = 5


@pytest.fixture(scope="module")
def uninterrupted():
    """What each recipe ends with, trained once."""
    results = {}

    def of(name):
        if name not in results:
            results[name] = small_training(name)
        return results[name]

    return of


def checkpoint_of(name, path, **options):
    return Checkpoint(path, {"recipe": RECIPES[name].digest}, **options)


def assert_same(trained, expected):
    assert tensors_digest(trained.state_dict) == tensors_digest(expected.state_dict)
    assert trained.history == expected.history
    assert trained.test_accuracy == expected.test_accuracy


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path, uninterrupted):
    """SIGKILL in the middle of the second epoch, in a process of its own."""
    path = tmp_path / "kept.safetensors"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(PROGRAM), "adam", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        for line in process.stdout:
            if int(line) == STEPS_OF_AN_EPOCH + 3:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    state = checkpoint_of("adam", path).load()
    assert len(state.position["history"]) == 1
    assert 2 <= state.position["batch"] < STEPS_OF_AN_EPOCH
    seen = []
    trained = small_training("adam", progress=seen.append, checkpoint=checkpoint_of("adam", path))
    assert seen[0].step == STEPS_OF_AN_EPOCH + state.position["batch"] + 1
    assert_same(trained, uninterrupted("adam"))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("stop_at", [3, 5, 8, 10, 15])
def test_a_stopped_training_goes_on_to_the_same_weights(tmp_path, uninterrupted, name, stop_at):
    """Stopped within an epoch, at its last step, where a stage ends (after two epochs of three), at the end."""
    path = tmp_path / "kept.safetensors"

    def stop(progress):
        if progress.step == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_training(name, progress=stop, checkpoint=checkpoint_of(name, path))
    assert_same(small_training(name, checkpoint=checkpoint_of(name, path)), uninterrupted(name))
    assert [file.name for file in tmp_path.iterdir()] == ["kept.safetensors"]


def test_a_finished_training_is_only_judged_again(tmp_path, uninterrupted):
    kept = checkpoint_of("adam", tmp_path / "kept.safetensors")
    first = small_training("adam", checkpoint=kept)
    seen = []
    again = small_training("adam", progress=seen.append, checkpoint=kept)
    assert_same(first, uninterrupted("adam"))
    assert_same(again, first)
    assert len(seen) == 1
    assert again.seconds > kept.load().position["seconds"] > 0


def test_a_checkpoint_is_written_each_epoch_and_when_it_is_due(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, state: saved.append(state.position))
    small_training("adam", checkpoint=checkpoint_of("adam", tmp_path / "kept"))
    assert [(len(position["history"]), position["batch"]) for position in saved] == [(1, 0), (2, 0), (3, 0)]
    saved.clear()
    small_training("adam", checkpoint=checkpoint_of("adam", tmp_path / "kept", seconds_between=0))
    assert len(saved) == 3 * (STEPS_OF_AN_EPOCH + 1)


# ---------------------------------------------------------------- files of no use

KEY = {"recipe": "a", "seed": 1}
STATE = TrainingState({"model/weight": torch.arange(12.0), "random": torch.zeros(8, dtype=torch.uint8)}, {"batch": 1})


def edited(content, **changes):
    """The same tensors with other entries in the description."""
    length = int.from_bytes(content[:8], "little")
    description = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["checkpoint"]) | changes
    return safetensors.torch.save(safetensors.torch.load(content), metadata={"checkpoint": json.dumps(description)})


DAMAGES = {
    "empty": (lambda content: b"", "damaged"),
    "truncated": (lambda content: content[:-9], "damaged"),
    "flipped tensor": (lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], "damaged"),
    "a pickle": (lambda content: b"\x80\x02}q\x00.", "damaged"),
    "no description": (lambda content: safetensors.torch.save(safetensors.torch.load(content)), "damaged"),
    "newer format": (lambda content: edited(content, format=99), "of format 99, not 1"),
    "other seed": (lambda content: edited(content, key={"recipe": "a", "seed": 2}), "with another seed: "),
    "other training": (lambda content: edited(content, key={"data": 0}), "with another recipe, seed, data: "),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_of_no_use_is_one_line_and_stays(tmp_path, damage):
    path = tmp_path / "kept.safetensors"
    Checkpoint(path, KEY).save(STATE)
    damaging, part = DAMAGES[damage]
    path.write_bytes(damaging(path.read_bytes()))
    before = path.read_bytes()
    with pytest.raises(CheckpointError) as caught:
        Checkpoint(path, KEY).load()
    message = str(caught.value)
    assert message.startswith(f"checkpoint {path}: ")
    assert part in message
    assert "--restart" in message
    assert "\n" not in message
    assert path.read_bytes() == before


@pytest.mark.parametrize("missing", ["model/latent", "random", "optimiser/nothing"])
def test_a_state_that_does_not_fit_is_refused(tmp_path, missing):
    """A whole file whose tensors are not those of the training, as one of another program would be."""
    kept = checkpoint_of("adam", tmp_path / "kept.safetensors")
    small_training("adam", checkpoint=kept)
    state = kept.load()
    if missing == "optimiser/nothing":
        state.tensors["optimiser/nothing/exp_avg"] = torch.zeros(3)
    else:
        for name in [name for name in state.tensors if missing.rpartition("/")[2] in name]:
            del state.tensors[name]
    kept.save(state)
    with pytest.raises(CheckpointError, match=r"damaged \(.*--restart"):
        small_training("adam", checkpoint=kept)


def test_missing_unreadable_and_unwritable(tmp_path):
    assert Checkpoint(tmp_path / "none", KEY).load() is None
    Checkpoint(tmp_path / "none", KEY).remove()
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError, match="cannot be read"):
        Checkpoint(tmp_path / "folder", KEY).load()
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match="cannot be written"):
        Checkpoint(tmp_path / "file" / "kept", KEY).save(STATE)
    with pytest.raises(CheckpointError, match="cannot be deleted"):
        Checkpoint(tmp_path / "folder", KEY).remove()
