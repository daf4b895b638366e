"""Network descriptions."""

import pytest

from dse.errors import UsageError
from dse.networks import Classifier, FloatConv, build_network, network_names
from dse.training.recipe import Recipe


@pytest.mark.parametrize(
    ("multiplier", "narrow", "wide"), [(0.5, 16, 32), (0.75, 24, 48), (1, 32, 64), (1.5, 48, 96), (2, 64, 128)]
)
def test_tiny_at_every_width(multiplier, narrow, wide):
    network = build_network("tiny", multiplier)
    assert [layer.name for layer in network.binary_layers] == ["block1", "block2", "block3", "block4"]
    assert [str(layer.shape) for layer in network.binary_layers] == [
        f"14x14x{narrow}x{narrow} k3x3 s1 p1",
        f"14x14x{narrow}x{narrow} k3x3 s1 p1",
        f"14x14x{narrow}x{wide} k3x3 s2 p1",
        f"7x7x{wide}x{wide} k3x3 s1 p1",
    ]


@pytest.mark.parametrize("multiplier", [0.1, 0.3, 0.55, 0.65, 1.2, 3])
@pytest.mark.parametrize("input_shape", [(1, 28, 28), (3, 32, 32), (2, 9, 13)])
def test_layers_fit_each_other_at_odd_widths_and_sizes(multiplier, input_shape):
    stem, *blocks, head = build_network("tiny", multiplier, input_shape, 7).layers
    assert isinstance(stem, FloatConv)
    assert isinstance(head, Classifier)
    assert (stem.channels_in, stem.height, stem.width) == input_shape
    size = (stem.channels_out, stem.out_height, stem.out_width)
    for block in blocks:
        shape = block.shape
        assert (shape.channels_in, shape.height, shape.width) == size
        assert shape.channels_out % shape.channels_in == 0  # the shortcut repeats whole feature maps
        size = (shape.channels_out, shape.out_height, shape.out_width)
    assert (head.channels, head.classes) == (size[0], 7)


@pytest.mark.parametrize(
    ("name", "depth", "layers"),
    [
        ("tiny", 2.0, 8),
        ("tiny", 0.4, 4),
        ("resnet-20", 0.5, 12),
        ("birealnet-18", 1.5, 24),
        ("quicknet-large", 0.5, 18),
    ],
)
def test_depth_multiplies_the_blocks_of_each_stage(name, depth, layers):
    network = build_network(name, input_shape=(3, 32, 32), depth_multiplier=depth)
    assert len(network.binary_layers) == layers
    names = [layer.name for layer in network.layers]
    assert len(set(names)) == len(names)
    usual = build_network(name, input_shape=(3, 32, 32))
    ends = [(one.out_channels, one.out_height) for one in (network.binary_layers[-1], usual.binary_layers[-1])]
    assert ends[0] == ends[1]


def test_digest_tells_networks_apart():
    variants = [
        build_network("tiny", 1),
        build_network("tiny", 2),
        build_network("tiny", 1, (3, 28, 28)),
        build_network("tiny", 1, (1, 28, 28), 5),
        build_network("tiny", 1, depth_multiplier=2),
    ]
    assert len({network.digest for network in variants}) == len(variants)
    assert build_network("tiny", 1).digest == build_network("tiny", 1.0).digest


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"name": "tinny"}, "did you mean tiny?"),
        ({"width_multiplier": 0.0}, "width multiplier"),
        ({"width_multiplier": float("nan")}, "width multiplier"),
        ({"depth_multiplier": 0.0}, "depth multiplier"),
        ({"depth_multiplier": 17.0}, "depth multiplier"),
        ({"name": "vgg-small", "input_shape": (3, 32, 32), "depth_multiplier": 2.0}, "depth 2 means nothing"),
        ({"input_shape": (0, 28, 28)}, "input"),
        ({"classes": 1}, "classes"),
    ],
)
def test_wrong_arguments_are_refused(arguments, part):
    with pytest.raises(UsageError, match=part.replace("?", r"\?")):
        build_network(**arguments)
    assert network_names()[0] == "tiny"


def test_recipe_digest_follows_its_fields():
    assert Recipe().digest == Recipe().digest
    assert len({Recipe().digest, Recipe(epochs=9).digest, Recipe(flip=True).digest, Recipe(train_images=9).digest}) == 4


@pytest.mark.parametrize(
    "field", [{"epochs": 0}, {"batch_size": 1}, {"learning_rate": 0.0}, {"warmup": 1.0}, {"shift": -1}]
)
def test_recipe_out_of_range_names_the_field(field):
    with pytest.raises(UsageError, match=f": {next(iter(field))} is"):
        Recipe(**field)


@pytest.mark.parametrize("steps", [1, 2, 5, 300])
def test_learning_rate_rises_to_its_peak_and_falls_to_almost_nothing(steps):
    rates = [Recipe(learning_rate=0.4, warmup=0.2).learning_rate_at(step, steps) for step in range(steps)]
    assert all(0 < rate <= 0.4 for rate in rates)
    peak = rates.index(max(rates))
    assert rates == sorted(rates[:peak]) + sorted(rates[peak:], reverse=True)
    if steps == 300:
        assert 58 <= peak <= 60
        assert max(rates) > 0.399
        assert rates[0] < 0.001 > rates[-1]
