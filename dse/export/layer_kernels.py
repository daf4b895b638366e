"""Which kernels each binary layer of a design runs: the only place of the export that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from dse.design import Design
from dse.layer_work import LayerWork, layer_work
from dse.networks import Network
from dse.normalisation_pass import NormalisationPass

LayerWorks: TypeAlias = Mapping[str, tuple[LayerWork, ...]]
"""For each binary layer by name its kernels, as `dse.layer_work.layer_work` returns them."""

PixelsAtOnce: TypeAlias = Callable[[NormalisationPass], int]
"""How many pixels a pass takes at once: see `kernels_asm.companions.channel_groups.PIXELS_AT_ONCE`."""


def works_of(network: Network, design: Design) -> LayerWorks:
    """Return the kernels of each binary layer; raises kernels_asm.InputError for a design that no kernel computes."""
    return {layer.name: layer_work(layer, network, design) for layer in network.binary_layers}


def two_pixels(_work: NormalisationPass) -> int:
    """Return 2, the faster choice where maps stay in L1."""
    return 2
