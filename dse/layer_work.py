"""The kernels that binary layers consist of, each of which is timed on its own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dse.emulation import latency_key, layer_trace
from dse.fused_emulation import fused_latency_key, fused_trace
from dse.normalisation_pass import NormalisationPass, normalisation_kernels, normalisation_key, time_normalisation
from isa_models import Core, Simulation, time_totals
from kernels_asm import ConvShape, KernelVariant
from kernels_asm.assembler import KernelSource, variant_kernel
from kernels_asm.fused import FusedVariant, fused_kernel


@dataclass(frozen=True, slots=True)
class Convolution:
    """A binary convolution on its own."""

    shape: ConvShape
    variant: KernelVariant

    def __str__(self) -> str:
        return f"convolution {self.shape} {self.variant}"


@dataclass(frozen=True, slots=True)
class FusedConvolution:
    """A binary convolution with what follows it, in one kernel."""

    shape: ConvShape
    variant: FusedVariant

    def __str__(self) -> str:
        return f"fused convolution {self.shape} {self.variant}"


LayerWork: TypeAlias = Convolution | FusedConvolution | NormalisationPass


def work_kernels(work: LayerWork) -> Sequence[KernelSource]:
    """Return the kernels that `time_work` runs; raises InputError if one cannot compute the layer."""
    match work:
        case Convolution():
            return (variant_kernel(work.variant, work.shape),)
        case FusedConvolution():
            return (fused_kernel(work.variant, work.shape),)
        case NormalisationPass():
            return normalisation_kernels(work)


def work_result(work: LayerWork) -> Hashable:
    """Return what the output of `work` is of its data and its shape: equal where every element has to be the same."""
    match work:
        case Convolution():
            return work.variant.arithmetic.layer_function(work.shape), work.variant.arithmetic.output
        case FusedConvolution():
            return work.variant.transform
        case NormalisationPass():
            return work


def work_key(work: LayerWork, core: Core) -> Mapping[str, Any]:
    """Return everything that `time_work` depends on, by name."""
    match work:
        case Convolution():
            return latency_key(work.shape, work.variant, core)
        case FusedConvolution():
            return fused_latency_key(work.shape, work.variant, core)
        case NormalisationPass():
            return normalisation_key(work, core)


def time_work(work: LayerWork, core: Core) -> Simulation:
    """Return where a kernel's cycles go, without hotspots and with warm caches; its output on random data is checked.

    Raises KernelError or IsaModelError if the kernel cannot be built, run or timed, and KernelMismatchError if its
    output is wrong.
    """
    match work:
        case Convolution():
            totals = time_totals(layer_trace(work.shape, work.variant, core), core)
            return replace(totals, function=work.variant.tile.arguments.function)
        case FusedConvolution():
            totals = time_totals(fused_trace(work.shape, work.variant, core), core)
            return replace(totals, function=work.variant.arguments.function)
        case NormalisationPass():
            return time_normalisation(work, core)
