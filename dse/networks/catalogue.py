"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.networks import quicknet, vgg_small
from dse.networks.birealnet_18 import birealnet_18
from dse.networks.feature_maps import FeatureMaps, check_int8
from dse.networks.layers import Layer
from dse.networks.network import Network
from dse.networks.repairs import Repairs
from dse.networks.resnet_20 import resnet_20
from dse.networks.tiny import tiny

LARGEST_MULTIPLIER = 16
"""Of the width and of the depth of a network."""

DEFAULT_NETWORK = "tiny"

_Builder: TypeAlias = Callable[[float, float, tuple[int, int, int], int, Repairs], tuple[Layer, ...]]

_BUILDERS: dict[str, _Builder] = {
    DEFAULT_NETWORK: tiny,
    "vgg-small": vgg_small.vgg_small,
    "resnet-20": resnet_20,
    "birealnet-18": birealnet_18,
    "quicknet-small": quicknet.SMALL,
    "quicknet-medium": quicknet.MEDIUM,
    "quicknet-large": quicknet.LARGE,
}

_REPAIRS = {"vgg-small": vgg_small.REPAIRS}
"""Those of networks whose repairs are not the usual ones unless others are asked for."""


def network_names() -> tuple[str, ...]:
    """Return the names that `build_network` knows."""
    return tuple(_BUILDERS)


def default_repairs(name: str) -> Repairs:
    """Return the repairs that a network has unless others are asked for; raises UsageError for an unknown name."""
    _check_name(name)
    return _REPAIRS.get(name, Repairs())


def build_network(
    name: str = DEFAULT_NETWORK,
    width_multiplier: float = 1.0,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
    repairs: Repairs | None = None,
    maps: FeatureMaps = FeatureMaps.FLOAT32,
    depth_multiplier: float = 1.0,
) -> Network:
    """Return the description of a network.

    Args:
        name: One of `network_names()`.
        width_multiplier: Factor on the channel counts, which are then rounded to multiples of 8; above 0, at most 16.
        input_shape: Channels, height and width of an image.
        classes: How many classes to tell apart, at least 2.
        repairs: Options of its binary blocks; None: `default_repairs(name)`.
        maps: In what the feature maps between binary layers are kept.
        depth_multiplier: Factor on the blocks of each stage, rounded, at least one block; above 0, at most 16.

    Raises:
        UsageError: The name is unknown, a number is out of range, the images are too small for the network, or it
            cannot have the repairs, or not with such feature maps.

    """
    if repairs is None:
        repairs = default_repairs(name)
    _check_name(name)
    for what, multiplier in (("width", width_multiplier), ("depth", depth_multiplier)):
        if not 0 < multiplier <= LARGEST_MULTIPLIER:  # nor is a NaN
            raise UsageError(f"{what} multiplier {multiplier}: give a number above 0, at most {LARGEST_MULTIPLIER}")
    if min(input_shape) < 1 or classes < 2:
        raise UsageError(f"input {input_shape} with {classes} classes: give sizes of at least 1 and at least 2 classes")
    layers = _BUILDERS[name](width_multiplier, depth_multiplier, input_shape, classes, repairs)
    network = Network(name, width_multiplier, input_shape, classes, repairs, layers, maps, depth_multiplier)
    if maps is FeatureMaps.INT8:
        check_int8(network.binary_layers)
    return network


def _check_name(name: str) -> None:
    if name not in _BUILDERS:
        raise UsageError(f"network {name!r} {unknown_word(name, network_names())}")
