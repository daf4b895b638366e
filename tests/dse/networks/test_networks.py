"""What holds of every network's description, and what each has of its paper."""

from __future__ import annotations

import pytest

from dse.errors import UsageError
from dse.networks import (
    Activation,
    BinaryConv,
    FloatConv,
    Network,
    Normalisation,
    PoolKind,
    Relu,
    Repairs,
    Residual,
    build_network,
    default_repairs,
)
from dse.networks.layers import Pool
from dse.networks.shortcut import Shortcut
from kernels_asm import ConvShape
from tests.sample_networks import INPUTS, NETWORKS, one_change

SIZES = (*INPUTS, (3, 224, 224), (2, 37, 51))
IMAGENET = (3, 224, 224)


def sizes_of(layer):
    """Return height, width and channels of a layer's input; None where it takes any size."""
    if isinstance(layer, BinaryConv):
        return layer.shape.height, layer.shape.width, layer.shape.channels_in
    if isinstance(layer, FloatConv):
        return layer.height, layer.width, layer.channels_in
    return (layer.height, layer.width, layer.channels) if hasattr(layer, "height") else None


@pytest.mark.parametrize("residual", Residual)
@pytest.mark.parametrize("width", [0.25, 0.55, 1, 2])
@pytest.mark.parametrize("input_shape", SIZES, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_layers_and_shortcuts_fit_each_other(name, input_shape, width, residual):
    if name == "vgg-small":
        residual = Residual.NONE
    network = build_network(name, width, input_shape, 7, Repairs(residual=residual))
    channels, height, width_ = input_shape
    size = height, width_, channels
    inputs = []  # of the binary layers
    for layer in network.layers[:-1]:
        assert sizes_of(layer) == size
        size = layer.out_height, layer.out_width, layer.out_channels
        assert min(size) >= 1
        if isinstance(layer, BinaryConv):
            inputs.append(sizes_of(layer))
            if layer.shortcut:
                start = inputs[-layer.shortcut.spans]
                assert (layer.shortcut.height, layer.shortcut.width, layer.shortcut.channels_in) == start
                assert (layer.shortcut.out_height, layer.shortcut.out_width, layer.shortcut.channels_out) == size
    head = network.layers[-1]
    assert (head.channels, head.pixels, head.classes) == (size[2], size[0] * size[1], 7)
    assert len({layer.name for layer in network.layers}) == len(network.layers)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "vgg-small"])
def test_shortcuts_are_around_none_every_second_or_every_layer(name):
    spans = {
        residual: [layer.shortcut.spans if layer.shortcut else 0 for layer in layers_with(name, residual)]
        for residual in Residual
    }
    count = len(spans[Residual.NONE])
    assert spans[Residual.NONE] == [0] * count
    assert spans[Residual.SINGLE] == [0, 2] * (count // 2)
    assert spans[Residual.DOUBLE] == [1] * count


def layers_with(name: str, residual: Residual) -> tuple[BinaryConv, ...]:
    return build_network(name, repairs=Repairs(residual=residual)).binary_layers


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_scale_with_the_width(name):
    half, once, twice = (build_network(name, width).binary_layers for width in (0.5, 1, 2))
    for narrow, layer, wide in zip(half, once, twice, strict=True):
        assert (wide.shape.channels_in, wide.shape.channels_out) == (
            2 * layer.shape.channels_in,
            2 * layer.shape.channels_out,
        )
        assert 2 * narrow.shape.channels_out == layer.shape.channels_out


@pytest.mark.parametrize("name", NETWORKS)
def test_every_repair_makes_another_network(name):
    base = default_repairs(name)
    changed = [repairs for repairs in one_change(base) if name != "vgg-small" or repairs.residual is Residual.NONE]
    networks = [build_network(name, repairs=repairs) for repairs in (base, *changed)]
    assert len({network.digest for network in networks}) == len(networks) == (11 if name == "vgg-small" else 13)
    assert build_network(name).digest == networks[0].digest
    assert build_network(name).repairs == base


def test_networks_differ():
    assert len({build_network(name, 0.25).digest for name in NETWORKS}) == len(NETWORKS) == 7


def shapes(network: Network) -> list[str]:
    return [str(layer.shape).removesuffix(" p1").replace(" k3x3 s", "/") for layer in network.binary_layers]


def test_vgg_small():
    network = build_network("vgg-small", 1, (3, 32, 32))
    assert shapes(network) == [
        "32x32x128x128/1",
        "16x16x128x256/1",
        "16x16x256x256/1",
        "8x8x256x512/1",
        "8x8x512x512/1",
    ]
    assert [layer.sums_pool for layer in network.binary_layers] == [2, 1, 2, 1, 2]
    assert not any(layer.shortcut for layer in network.binary_layers)
    head = network.layers[-1]
    assert (head.grid, head.relu, head.features) == (None, False, 4 * 4 * 512)
    assert build_network("vgg-small", 1, IMAGENET).layers[-1].features == 4 * 4 * 512


def test_resnet_20():
    network = build_network("resnet-20", 1, (3, 32, 32))
    assert shapes(network) == [
        *["32x32x16x16/1"] * 6,
        "32x32x16x32/2",
        *["16x16x32x32/1"] * 5,
        "16x16x32x64/2",
        *["8x8x64x64/1"] * 5,
    ]
    widening = [layer.shortcut for layer in network.binary_layers if layer.shape.stride == 2]
    assert widening == [Shortcut(1, 32, 32, 16, 32, pool=2), Shortcut(1, 16, 16, 32, 64, pool=2)]
    assert all(shortcut.copies == 2 for shortcut in widening)


def test_birealnet_18():
    network = build_network("birealnet-18", 1, IMAGENET, 1000)
    assert shapes(network) == [
        *["56x56x64x64/1"] * 4,
        "56x56x64x128/2",
        *["28x28x128x128/1"] * 3,
        "28x28x128x256/2",
        *["14x14x256x256/1"] * 3,
        "14x14x256x512/2",
        *["7x7x512x512/1"] * 3,
    ]
    assert network.binary_products == 1_676_279_808  # ReActNet's paper (arXiv 2003.03488) counts 1.68e9 of them
    assert [layer.name for layer in network.binary_layers if layer.shortcut.projects] == [
        "stage2_block1a",
        "stage3_block1a",
        "stage4_block1a",
    ]
    assert shapes(build_network("birealnet-18", 1, (3, 32, 32)))[0] == "32x32x64x64/1"


@pytest.mark.parametrize(
    ("size", "convolutions", "channels"),
    [
        ("small", (4, 4, 4, 4), (32, 64, 256, 512)),
        ("medium", (4, 4, 4, 4), (64, 128, 256, 512)),
        ("large", (6, 8, 12, 6), (64, 128, 256, 512)),
    ],
)
def test_quicknet(size, convolutions, channels):
    network = build_network(f"quicknet-{size}", 1, IMAGENET, 1000)
    assert shapes(network) == [
        f"{pixels}x{pixels}x{width}x{width}/1"
        for pixels, count, width in zip((56, 28, 14, 7), convolutions, channels, strict=True)
        for _ in range(count)
    ]
    assert all(layer.sums_relu for layer in network.binary_layers)
    before = build_network(f"quicknet-{size}", repairs=Repairs(normalisation=Normalisation.BEFORE))
    assert not any(layer.sums_relu for layer in before.binary_layers)
    stem, depthwise, pointwise = network.layers[:3]
    assert (stem.channels_out, stem.relu, depthwise.groups, pointwise.channels_out) == (
        channels[0] // 4,
        True,
        channels[0] // 4,
        channels[0],
    )
    assert [layer.kind for layer in network.layers if isinstance(layer, Pool)] == [PoolKind.MAX, PoolKind.BLUR] * 3
    assert shapes(build_network(f"quicknet-{size}", 1, (3, 32, 32)))[0].startswith("32x32x")


@pytest.mark.parametrize("name", NETWORKS)
def test_a_relu_behind_blocks_makes_way_for_their_own_activation(name):
    residual = default_repairs(name).residual
    plain, own = (build_network(name, repairs=Repairs(activation=activation, residual=residual))
                  for activation in (Activation.NONE, Activation.PRELU))  # fmt: skip
    assert [layer.name for layer in plain.layers if isinstance(layer, Relu)] == (
        ["transition1_relu", "transition2_relu", "transition3_relu"] if name.startswith("quicknet") else []
    )
    assert plain.layers[-1].relu == (name not in ("vgg-small", "birealnet-18"))
    assert not any(isinstance(layer, Relu) for layer in own.layers)
    assert not own.layers[-1].relu


def test_sizes_of_a_network_that_can_be_counted_by_hand():
    network = build_network("tiny", 1, (1, 28, 28), 10)
    assert network.binary_weight_bytes == (9 * (2 * 32 * 32 + 32 * 64 + 64 * 64)) // 8
    norms = 2 * (32 + 32 + 32 + 64 + 64)
    assert network.float_parameters == 32 * 9 + norms + (64 * 4 + 1) * 10
    stem = 14 * 14 * 32 * (9 + 1)
    blocks = 2 * 14 * 14 * 32 + 2 * 7 * 7 * 64 + 7 * 7 * 32 * 4  # batch norms, and the pooling of one shortcut
    assert network.float_multiply_adds == stem + blocks + 64 * 4 * 10 + 64 * 49


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: build_network("vgg-small", repairs=Repairs()), "vgg-small has no shortcuts"),
        (lambda: build_network("vgg-small", 1, (3, 4, 4)), "layer conv5: nothing is left of its input of 1x1 pixels"),
        (lambda: build_network("quicknet-small", 1, (3, 4, 4)), "nothing is left"),
        (lambda: Shortcut(3, 8, 8, 8, 8), "around 3 binary convolutions"),
        (lambda: Shortcut(1, 8, 8, 16, 24), "from 16 to 24 channels"),
        (lambda: FloatConv("x", 8, 8, 8, 12, groups=8), "8 groups do not divide 8 and 12"),
        (lambda: Pool("x", 8, 8, 8, PoolKind.BLUR), "blur pooling of 2 pixels"),
        (lambda: BinaryConv("x", ConvShape(8, 8, 8, 8), shortcut=Shortcut(1, 8, 8, 8, 8, 2)), "puts out 4x4 pixels"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(make, part):
    with pytest.raises(UsageError, match=part) as caught:
        make()
    assert "\n" not in str(caught.value)
