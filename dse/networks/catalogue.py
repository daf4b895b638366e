"""The networks by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable

from dse.errors import UsageError
from dse.networks.layers import Layer
from dse.networks.network import Network
from dse.networks.tiny import tiny

DEFAULT_NETWORK = "tiny"

_BUILDERS: dict[str, Callable[[float, tuple[int, int, int], int], tuple[Layer, ...]]] = {DEFAULT_NETWORK: tiny}


def network_names() -> tuple[str, ...]:
    """Return the names that `build_network` knows."""
    return tuple(_BUILDERS)


def build_network(
    name: str = DEFAULT_NETWORK,
    width_multiplier: float = 1.0,
    input_shape: tuple[int, int, int] = (1, 28, 28),
    classes: int = 10,
) -> Network:
    """Return the description of a network.

    Args:
        name: One of `network_names()`.
        width_multiplier: Factor on the channel counts, which are then rounded to multiples of 8; above 0, at most 16.
        input_shape: Channels, height and width of an image.
        classes: How many classes to tell apart, at least 2.

    Raises:
        UsageError: The name is unknown or a number is out of range.

    """
    if name not in _BUILDERS:
        near = difflib.get_close_matches(name, _BUILDERS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"network {name!r} is unknown; {hint}known: {', '.join(network_names())}")
    if not (math.isfinite(width_multiplier) and 0 < width_multiplier <= 16):
        raise UsageError(f"width multiplier {width_multiplier}: give a number above 0, at most 16")
    if min(input_shape) < 1 or classes < 2:
        raise UsageError(f"input {input_shape} with {classes} classes: give sizes of at least 1 and at least 2 classes")
    layers = _BUILDERS[name](width_multiplier, input_shape, classes)
    return Network(name, width_multiplier, input_shape, classes, layers)
