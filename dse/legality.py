"""Which designs are worth evaluating: those with a kernel for every binary layer, and no layer that is constant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

from dse.design import Design
from dse.networks import Network
from dse.space import SearchSpace
from kernels_asm import InputError, KernelVariant, Tile

NetworkOfWidth = Callable[[float], Network]
"""Builds the study's network for a width multiplier."""


class Legality:
    """Tells why a design is not worth evaluating.

    Args:
        network_of: Builds the network of a width multiplier.

    """

    def __init__(self, network_of: NetworkOfWidth) -> None:
        self._network_of = cache(network_of)
        self._reasons: dict[Design, str | None] = {}

    def reason(self, design: Design) -> str | None:
        """Return, in one line, which binary layer has no kernel or is constant under this design, or None."""
        if design not in self._reasons:
            self._reasons[design] = self._find_reason(design)
        return self._reasons[design]

    def _find_reason(self, design: Design) -> str | None:
        for layer in self._network_of(design.width_multiplier).binary_layers:
            try:
                variant = KernelVariant(design.arithmetic(), design.tile)
                variant.check(layer.shape)
                function = variant.arithmetic.layer_function(layer.shape)
            except InputError as error:
                return f"{layer.name}: {error}"
            if function.lo == function.hi:
                return (
                    f"{layer.name}: every output is {function.lo}, as sums saturate beyond the clip: nothing to learn"
                )
        return None


def legal_space(legality: Legality, width_multipliers: tuple[float, ...], tiles: Iterable[Tile]) -> SearchSpace:
    """Return the search space of these widths over the `tiles` and overflow policies of its legal designs."""
    everything = SearchSpace(tuple(tiles), width_multipliers)
    legal = [design for design in everything.designs() if legality.reason(design) is None]
    used = {design.overflow for design in legal}
    return replace(
        everything,
        tiles=tuple(sorted({design.tile for design in legal})),
        overflows=tuple(overflow for overflow in everything.overflows if overflow in used),
    )
