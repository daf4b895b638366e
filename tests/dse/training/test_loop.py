"""Training: it learns, repeats itself exactly, and its results survive on disk."""

import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch

from dse.augmentation import augment
from dse.data import Dataset, load_dataset
from dse.errors import TrainingError, UsageError
from dse.networks import FeatureMaps, build_network
from dse.training.digest import training_digest
from dse.training.evaluation import evaluate, predict
from dse.training.loop import train
from dse.training.recipe import Recipe
from dse.training.schedules import Schedule
from dse.training.weights import WeightsError, load_weights, parse_weights, save_weights, weights_bytes
from dse.uncertainty import standard_error
from kernels_asm import Arithmetic, EndValue, Overflow, RunningSums

torch.set_num_threads(1)  # tests run side by side

FULL = load_dataset()
SMALL = Dataset("small", FULL.class_names, FULL.train[:800], FULL.validation[:500], FULL.test[:500])
NETWORK = build_network("tiny", 0.5)
RECIPE = Recipe(epochs=4, batch_size=32)


def functions_of(arithmetic: Arithmetic, network=NETWORK):
    return tuple(arithmetic.layer_function(layer.shape) for layer in network.binary_layers)


EXACT = functions_of(Arithmetic(32))


@pytest.fixture(scope="module")
def trained():
    return train(NETWORK, EXACT, SMALL, RECIPE, seed=1)


def test_training_learns(trained):
    assert trained.accuracy > 0.6  # chance is 0.1
    assert trained.test_accuracy > 0.6
    assert [epoch.epoch for epoch in trained.history] == [1, 2, 3, 4]
    assert trained.history[-1].loss < 0.7 * trained.history[0].loss
    assert trained.history[-1].accuracy == trained.accuracy
    assert trained.standard_error == standard_error([trained.accuracy], 500)
    assert trained.test_standard_error == standard_error([trained.test_accuracy], 500)


def test_stored_weights_are_those_that_were_judged(trained):
    model = trained.model()
    assert evaluate(model, SMALL.validation) == trained.accuracy
    assert evaluate(model, SMALL.test) == trained.test_accuracy


def test_evaluation_is_exact_in_integers(trained):
    """The classes by the plain forward pass are those of a network whose convolutions are done in integers."""
    model = trained.model()
    images = torch.tensor(SMALL.test.images[:250])
    logits, _ = model.record(images)
    assert np.array_equal(predict(model, SMALL.test[:250]), logits.argmax(dim=1).numpy())


@pytest.mark.parametrize(
    "arithmetic", [Arithmetic(32, clip=7), Arithmetic(8, Overflow.SATURATE), Arithmetic(8, Overflow.RUNNING)], ids=str
)
def test_same_seed_same_weights_other_seed_other_weights(arithmetic):
    recipe = Recipe(epochs=1, train_images=160, batch_size=32, flip=True, shift=2)
    runs = [train(NETWORK, functions_of(arithmetic), SMALL, recipe, seed=seed) for seed in (5, 5, 6)]
    first, again, other = (run.state_dict for run in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert runs[0].accuracy == runs[1].accuracy
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    train(NETWORK, EXACT, SMALL, Recipe(epochs=1, train_images=64, batch_size=32), seed=9)
    assert torch.equal(torch.rand(4), expected)


def test_progress_counts_every_step_and_evaluation():
    seen = []
    result = train(NETWORK, EXACT, SMALL, Recipe(epochs=2, train_images=100, batch_size=32), progress=seen.append)
    steps = [(1, 1), (2, 1), (3, 1), (3, 2), (4, 2), (5, 2), (6, 2), (6, 2), (6, 2)]  # three evaluations in between
    assert [(p.step, p.epoch) for p in seen] == steps
    assert all((p.steps, p.epochs, p.stage, p.stages) == (6, 2, 1, 1) for p in seen)
    assert [p.accuracy for p in seen[:3]] == [None] * 3
    assert seen[-1].accuracy == result.accuracy
    assert [p.seconds for p in seen] == sorted(p.seconds for p in seen)
    assert seen[-1].seconds == result.seconds
    assert seen[-1].seconds_left == 0 < seen[-2].seconds_left


DIVERGENCES = {
    "loss": (
        "dse.training.distillation.functional.cross_entropy",
        lambda logits, labels, label_smoothing: logits.sum() * float("nan"),
        r"the loss is nan at step 1 of 100",
    ),
    "weights": (
        "dse.training.training_run.torch.isfinite",
        lambda tensor: torch.zeros(1, dtype=torch.bool),
        r"pixel_mean is no longer finite at step 25 of 100",
    ),
    "validation": (
        "dse.training.training_run.evaluate",
        lambda model, split: evaluate(lamed(model), split),
        r"numbers that are not finite on images that it did not learn from at step 25 of 100",
    ),
}


def lamed(model):
    """The model with a head of NaN, as it is after a step that overflowed."""
    with torch.no_grad():
        model.layers["classifier"].linear.bias.fill_(float("nan"))
    return model


@pytest.mark.parametrize("where", DIVERGENCES)
def test_divergence_is_one_line_with_step_and_advice(monkeypatch, where):
    target, replacement, message = DIVERGENCES[where]
    monkeypatch.setattr(target, replacement)
    with pytest.raises(TrainingError, match=message + r"; lower the learning rate \(0\.01\)") as caught:
        train(NETWORK, EXACT, SMALL, RECIPE)
    assert "\n" not in str(caught.value)


def test_weights_that_overflow_end_the_training():
    """A learning rate beyond all bounds, without any replaced function."""
    with pytest.raises(TrainingError, match=r"training diverged: .*; lower the learning rate"):
        train(NETWORK, EXACT, SMALL, replace(RECIPE, learning_rate=1e38, schedule=Schedule.CONSTANT))


def test_interrupt_passes_through():
    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(NETWORK, EXACT, SMALL, RECIPE, progress=interrupt)


@pytest.mark.parametrize(
    ("network", "recipe", "part"),
    [
        (build_network("tiny", 0.5, (3, 32, 32)), RECIPE, "build the network for the dataset"),
        (build_network("tiny", 0.5, classes=9), RECIPE, "build the network for the dataset"),
        (NETWORK, replace(RECIPE, train_images=801), "train_images is 801: small has 800"),
        (NETWORK, replace(RECIPE, train_images=20), "batch_size is 32"),
    ],
)
def test_what_does_not_fit_together_is_refused(network, recipe, part):
    with pytest.raises(UsageError, match=part):
        train(network, EXACT, SMALL, recipe)


def test_constant_layers_train_without_nan():
    """At this window the count saturates for every input, so the layer is constant and only the shortcut carries."""
    network = build_network("tiny", 2)
    functions = functions_of(Arithmetic(8, Overflow.SATURATE, clip=3), network)
    assert functions[-1].lo == functions[-1].hi == 3
    result = train(network, functions, SMALL, Recipe(epochs=1, train_images=64, batch_size=32))
    assert all(torch.isfinite(tensor).all() for tensor in result.state_dict.values())


# ---------------------------------------------------------------- augmentation


def test_augmentation_moves_and_mirrors_each_image_on_its_own():
    images = torch.tensor(SMALL.train.images[:64])
    before = images.clone()
    changed = augment(images, flip=True, shift=2, random=torch.Generator().manual_seed(1))
    assert torch.equal(images, before)
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    kinds = set()
    for number, image in enumerate(changed):
        matches = [
            (mirror, top, left)
            for mirror in (False, True)
            for top in range(5)
            for left in range(5)
            if torch.equal(
                image,
                (padded[number].flip(2) if mirror else padded[number])[:, top : top + 28, left : left + 28],
            )
        ]
        assert matches
        kinds.add(matches[0])
    assert len(kinds) > 20


def test_no_augmentation_changes_nothing():
    images = torch.tensor(SMALL.train.images[:8])
    assert torch.equal(augment(images, flip=False, shift=0, random=torch.Generator()), images)


# ---------------------------------------------------------------- weights on disk


def test_weights_come_back_as_they_were(trained, tmp_path):
    save_weights(tmp_path / "w.safetensors", trained)
    loaded = load_weights(tmp_path / "w.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    assert loaded.network == trained.network
    assert loaded.functions == trained.functions
    assert loaded.history == trained.history
    assert (loaded.accuracy, loaded.test_accuracy) == (trained.accuracy, trained.test_accuracy)
    assert all(torch.equal(loaded.state_dict[name], tensor) for name, tensor in trained.state_dict.items())
    assert np.array_equal(predict(loaded.model(), SMALL.test), predict(trained.model(), SMALL.test))


def test_weights_of_running_sums_come_back(trained):
    functions = functions_of(Arithmetic(8, Overflow.RUNNING))
    assert {type(function) for function in functions} == {EndValue, RunningSums}
    loaded = parse_weights(weights_bytes(replace(trained, functions=functions)), "w.safetensors")
    assert loaded.functions == functions


def test_equal_trainings_make_equal_files(trained):
    assert weights_bytes(trained) == weights_bytes(replace(trained, seconds=2 * trained.seconds))


def test_weights_that_tell_their_seconds_are_read(trained):
    loaded = parse_weights(described(weights_bytes(trained), format=3, seconds=1.5), "w.safetensors")
    assert loaded.seconds is None
    assert weights_bytes(loaded) == weights_bytes(trained)


def test_weights_whose_bytes_counted_otherwise_are_refused(trained):
    in_bytes = build_network(trained.network.name, trained.network.width_multiplier, maps=FeatureMaps.INT8)
    content = weights_bytes(replace(trained, network=in_bytes))
    assert parse_weights(content, "w.safetensors").network == in_bytes
    with pytest.raises(WeightsError, match="another scale: train again"):
        parse_weights(described(content, format=4), "w.safetensors")


def described(content: bytes, **changes) -> bytes:
    """The same tensors with other entries in the description."""
    length = int.from_bytes(content[:8], "little")
    description = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["trained"]) | changes
    return safetensors.torch.save(safetensors.torch.load(content), metadata={"trained": json.dumps(description)})


DAMAGES = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[:-100],
    "another format": lambda content: b"PK\x03\x04" + content,
    "flipped header": lambda content: content[:40] + bytes([content[40] ^ 0x80]) + content[41:],
    "flipped tensor": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "no description": lambda content: safetensors.torch.save(safetensors.torch.load(content)),
    "older format": lambda content: described(content, format=0),
    "other network": lambda content: described(content, network_digest="0" * 64),
    "unknown field": lambda content: described(content, network={"input_shape": [1, 28, 28], "depth": 3}),
    "missing function": lambda content: described(content, functions=[["end value", 1, 3, -1, 1]]),
    "unknown function": lambda content: described(content, functions=[["median", -1, 1]] * 4),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_one_line(trained, damage):
    with pytest.raises(WeightsError, match=r"^w\.safetensors: ") as caught:
        parse_weights(DAMAGES[damage](weights_bytes(trained)), "w.safetensors")
    assert "\n" not in str(caught.value)


def test_missing_and_unwritable_weights_are_one_line(trained, tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        load_weights(tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="cannot be written"):
        save_weights(tmp_path / "no-such-folder" / "w.safetensors", trained)


def test_training_digest_follows_the_sources(tmp_path, monkeypatch):
    before = training_digest()
    assert before == training_digest()
    training_digest.cache_clear()
    monkeypatch.setattr("dse.training.digest.importlib.metadata.version", lambda name: "0.0")
    assert training_digest() != before
    training_digest.cache_clear()
