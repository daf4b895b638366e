"""Which designs are worth evaluating: those with a kernel for every binary layer, and no layer that is constant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from dse.design import Design
from dse.errors import UsageError, one_line
from dse.layer_tasks import has_kernel, layer_routes
from dse.networks import FeatureMaps, Network
from dse.space import SearchSpace
from dse.tile_candidates import TileFamily
from kernels_asm import InputError

NetworkOf = Callable[[float, FeatureMaps], Network]
"""Builds the study's network for a width multiplier and feature maps; raises UsageError where there is none."""


class Legality:
    """Tells why a design is not worth evaluating.

    Args:
        network_of: Builds the network of a width multiplier and feature maps.
        family: The tiles that are meant for the core.

    """

    def __init__(self, network_of: NetworkOf, family: TileFamily) -> None:
        self._network_of = cache(network_of)
        self._family = family
        self._reasons: dict[Design, str | None] = {}

    def reason(self, design: Design) -> str | None:
        """Return, in one line, which binary layer has no kernel or is constant under this design, or None."""
        if design not in self._reasons:
            self._reasons[design] = self._find_reason(design)
        return self._reasons[design]

    def _find_reason(self, design: Design) -> str | None:
        try:
            network = self._network_of(design.width_multiplier, design.maps)
        except UsageError as error:
            return one_line(error)
        for layer in network.binary_layers:
            try:
                task = layer_routes(layer, network, design, self._family)[0].kernel
                function = design.arithmetic().layer_function(layer.shape)
            except InputError as error:
                return f"{layer.name}: {error}"
            if not has_kernel(task, self._family):
                return f"{layer.name}: no kernel can do {task}"
            if function.lo == function.hi:
                return (
                    f"{layer.name}: every output is {function.lo}, as sums saturate beyond the clip: nothing to learn"
                )
        return None


def legal_space(legality: Legality, width_multipliers: tuple[float, ...]) -> SearchSpace:
    """Return the space of these widths, over the overflow policies and feature maps of its legal designs."""
    everything = SearchSpace(width_multipliers)
    legal = [design for design in everything.designs() if legality.reason(design) is None]
    used = {design.overflow for design in legal}
    kept_in = {design.maps for design in legal}
    return replace(
        everything,
        maps=tuple(maps for maps in everything.maps if maps in kept_in),
        overflows=tuple(overflow for overflow in everything.overflows if overflow in used),
    )
