"""The kernels that run for one binary layer of a design, each of which is timed on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from dse.design import Design
from dse.emulation import latency_key, time_layer
from dse.fused_emulation import fused_latency_key, time_fused
from dse.fused_variants import fused_variant
from dse.networks import Activation, BinaryConv, FeatureMaps, Network
from dse.normalisation_pass import NormalisationPass, normalisation_key, time_normalisation
from isa_models import Core, Simulation
from kernels_asm import ConvShape, KernelVariant, OutputType
from kernels_asm.fused import FusedVariant


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


def layer_work(layer: BinaryConv, network: Network, design: Design) -> tuple[LayerWork, ...]:
    """Return the kernels of a layer from packed signs to packed signs, in the order of their calls.

    Between them they compute convolution, batch norm, addition of the shortcut, activation and signs. Not among them
    are the making of a shortcut that is no copy (average pooling, 1x1 convolution) and the maximum of sums, for which
    there are no kernels. A ReLU of sums costs what one of the result does, and is timed as that.

    Raises kernels_asm.InputError for a design that no kernel computes.
    """
    signs_alone = _signs_alone(layer, network)
    if network.maps is FeatureMaps.INT8 and layer.sums_pool == 1:
        variant = fused_variant(layer.shape, design, adds=layer.shortcut is not None, to_bits=signs_alone)
        if variant is not None:
            return (FusedConvolution(layer.shape, variant),)
    arithmetic = design.arithmetic()
    if signs_alone:
        arithmetic = replace(arithmetic, output=OutputType.INT16)  # what thresholds are compared with
    return (
        Convolution(layer.shape, KernelVariant(arithmetic, design.tile)),
        pass_behind(layer, network, arithmetic.output),
    )


def pass_behind(layer: BinaryConv, network: Network, sums: OutputType) -> NormalisationPass:
    """Return what runs behind the layer's convolution where that is a kernel of its own."""
    return NormalisationPass(
        layer.out_height,
        layer.out_width,
        layer.out_channels,
        sums,
        in_int8=network.maps is FeatureMaps.INT8,
        signs_alone=_signs_alone(layer, network),
        shortcut=layer.shortcut is not None,
        activation=Activation.RELU if layer.sums_relu else layer.activation,
        thresholds=layer.learned_threshold,
    )


def _signs_alone(layer: BinaryConv, network: Network) -> bool:
    """Whether the layer puts out packed signs and no map: thresholds take the place of its batch norm."""
    return network.maps is FeatureMaps.INT8 and layer.name in network.signs_alone


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
    """Return where a kernel's cycles go, with warm caches; its output on random data is checked first.

    Raises KernelError or IsaModelError if the kernel cannot be built, run or timed, and KernelMismatchError if its
    output is wrong.
    """
    match work:
        case Convolution():
            return time_layer(work.shape, work.variant, core).simulation
        case FusedConvolution():
            return time_fused(work.shape, work.variant, core).simulation
        case NormalisationPass():
            return time_normalisation(work, core)
