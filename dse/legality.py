"""Which designs are worth evaluating: those with a kernel for every binary layer, and no layer that is constant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from dse.design import Design, NetworkChoice, Sums
from dse.errors import UsageError, one_line
from dse.layer_tasks import has_kernel, layer_routes
from dse.networks import BinaryConv, Network
from dse.space import SearchSpace
from dse.tile_candidates import TileFamily
from kernels_asm import InputError

NetworkOf = Callable[[NetworkChoice], Network]
"""Builds the study's network; raises UsageError where there is none of that choice."""


class Legality:
    """Tells why a design is not worth evaluating.

    Args:
        network_of: Builds the network.
        family: The tiles that are meant for the core.

    """

    def __init__(self, network_of: NetworkOf, family: TileFamily) -> None:
        self._network_of = cache(network_of)
        self._family = family
        self._layer_reason = cache(self._find_layer_reason)

    def reason(self, design: Design) -> str | None:
        """Return, in one line, which binary layer has no kernel or is constant under this design, or None."""
        try:
            layers = self._network_of(design.network).binary_layers
            sums = design.layer_sums(len(layers))
        except UsageError as error:
            return one_line(error)
        reasons = (self._layer_reason(design.network, number, one) for number, one in enumerate(sums))
        return next((reason for reason in reasons if reason is not None), None)

    def layers(self, network: NetworkChoice) -> int:
        """Return how many binary layers a network has; raises UsageError where there is none of that choice."""
        return len(self._network_of(network).binary_layers)

    def legal_sums(self, network: NetworkChoice, sums: Sequence[Sums]) -> tuple[tuple[Sums, ...], ...]:
        """Return, for each binary layer of a network, those of the sums that are worth evaluating; () without one."""
        try:
            layers = range(self.layers(network))
        except UsageError:
            return ()
        return tuple(
            tuple(one for one in sums if self._layer_reason(network, number, one) is None) for number in layers
        )

    def designs(self, space: SearchSpace) -> Iterator[Design]:
        """Yield the designs of a space that are worth evaluating, in its order."""
        for network in space.networks():
            legal = self.legal_sums(network, space.sums)
            if not legal:
                continue
            if space.is_per_layer:
                yield from (Design(network, sums) for sums in itertools.product(*legal))
            else:
                yield from _alike(network, space.sums, legal)

    def relatives(self, space: SearchSpace, design: Design) -> Iterator[Design]:
        """Yield designs worth evaluating of the same network.

        All of them where sums are chosen once; where they are chosen for each layer, those apart in one layer.
        """
        legal = self.legal_sums(design.network, space.sums)
        if not space.is_per_layer:
            yield from _alike(design.network, space.sums, legal)
            return
        own = design.layer_sums(len(legal))
        for number, possible in enumerate(legal):
            for sums in possible:
                yield Design(design.network, (*own[:number], sums, *own[number + 1 :]))

    def _find_layer_reason(self, choice: NetworkChoice, number: int, sums: Sums) -> str | None:
        network = self._network_of(choice)
        layer: BinaryConv = network.binary_layers[number]
        try:
            task = layer_routes(layer, network, sums, self._family)[0].kernel
            function = sums.arithmetic().layer_function(layer.shape)
        except InputError as error:
            return f"{layer.name}: {error}"
        if not has_kernel(task, self._family):
            return f"{layer.name}: no kernel can do {task}"
        if function.lo == function.hi:
            return f"{layer.name}: every output is {function.lo}, as sums saturate beyond the clip: nothing to learn"
        return None


def _alike(network: NetworkChoice, sums: Sequence[Sums], legal: Sequence[Sequence[Sums]]) -> Iterator[Design]:
    """Yield the designs whose layers compute alike, in any of the sums that are legal in every layer."""
    return (Design(network, (one,)) for one in sums if all(one in layer for layer in legal))


def legal_space(legality: Legality, widths: tuple[float, ...]) -> SearchSpace:
    """Return the space of these widths, over the overflow policies and feature maps of its legal designs."""
    everything = SearchSpace(widths)
    legal = list(legality.designs(everything))
    used = {sums.overflow for design in legal for sums in design.sums}
    kept_in = {design.network.maps for design in legal}
    return replace(
        everything,
        maps=tuple(maps for maps in everything.maps if maps in kept_in),
        overflows=tuple(overflow for overflow in everything.overflows if overflow in used),
    )
