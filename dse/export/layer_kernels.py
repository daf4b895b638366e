"""Which kernels each binary layer of a design runs: the only place of the export that says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from dse.layer_tasks import pass_behind
from dse.layer_work import Convolution, FusedConvolution, LayerWork
from dse.networks import BinaryConv, Network
from dse.normalisation_pass import NormalisationPass
from kernels_asm import KernelVariant
from kernels_asm.any_variant import AnyVariant

LayerWorks: TypeAlias = Mapping[str, tuple[LayerWork, ...]]
"""For each binary layer by name its kernels: a convolution and the pass behind it, or a fused one."""

PixelsAtOnce: TypeAlias = Callable[[NormalisationPass], int]
"""How many pixels a pass takes at once: see `kernels_asm.companions.channel_groups.PIXELS_AT_ONCE`."""


def works_of(network: Network, variants: Sequence[AnyVariant]) -> LayerWorks:
    """Return the kernels of each binary layer, given its convolution's."""
    return {
        layer.name: _works(layer, network, variant)
        for layer, variant in zip(network.binary_layers, variants, strict=True)
    }


def _works(layer: BinaryConv, network: Network, variant: AnyVariant) -> tuple[LayerWork, ...]:
    if isinstance(variant, KernelVariant):
        return Convolution(layer.shape, variant), pass_behind(layer, network, variant.arithmetic.output)
    return (FusedConvolution(layer.shape, variant),)


def two_pixels(_work: NormalisationPass) -> int:
    """Return 2, the faster choice where maps stay in L1."""
    return 2
