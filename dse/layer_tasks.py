"""What the binary layers of a design ask of kernels, whose tiles are still open: `dse.tile_search` chooses them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

from dse.design import LARGEST_INT8_CLIP, Sums
from dse.fused_variants import fused_transforms
from dse.layer_work import Convolution, FusedConvolution
from dse.networks import Activation, BinaryConv, FeatureMaps, Network
from dse.normalisation_pass import NormalisationPass
from dse.tile_candidates import TileFamily, plain_tiles, reordered
from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, OutputType, Overflow, Tile, TreeTile
from kernels_asm.any_variant import AnyVariant
from kernels_asm.fused import FusedVariant
from kernels_asm.reclipping import STAND_IN_CLIP
from kernels_asm.transforms import Transform
from kernels_asm.variant_list import can_compute

TiledKernel: TypeAlias = Convolution | FusedConvolution
"""A kernel that has a tile."""


@dataclass(frozen=True, slots=True)
class ConvolutionTask:
    """A binary convolution on its own."""

    shape: ConvShape
    arithmetic: Arithmetic

    def __str__(self) -> str:
        clip = "no clip" if self.arithmetic.clip is None else f"clip {self.arithmetic.clip}"
        sums = f"{self.arithmetic.accumulator}-bit {self.arithmetic.overflow}, {clip}, {self.arithmetic.output}"
        return f"convolution {self.shape}, {sums}"

    @property
    def as_timed(self) -> ConvolutionTask:
        """The task whose kernels stand for this one's: the value of a clip to bytes is an immediate, which takes none.

        So layers that differ in it alone are solved once.
        """
        clip = self.arithmetic.clip
        if clip is None or clip > LARGEST_INT8_CLIP:
            return self
        return replace(self, arithmetic=replace(self.arithmetic, clip=STAND_IN_CLIP))

    def kernel(self, tile: Tile) -> Convolution | None:
        """Return the kernel of this tile, or None if there is none."""
        try:
            variant = KernelVariant(self.arithmetic, tile)
        except InputError:
            return None
        return Convolution(self.shape, variant) if can_compute(variant, self.shape) else None

    def like(self, variant: AnyVariant) -> Convolution:
        """Return the kernel of a variant's tile, which can compute the layer, in the task's own arithmetic."""
        return Convolution(self.shape, KernelVariant(self.arithmetic, variant.tile))

    def relatives(self, kernel: TiledKernel) -> Iterator[TiledKernel]:
        """Yield what may be faster than a kernel of a tree, in the same tile: the other order of loops."""
        found = self.kernel(reordered(kernel.variant.tile)) if isinstance(kernel.variant.tile, TreeTile) else None
        if found is not None:
            yield found


@dataclass(frozen=True, slots=True)
class FusedTask:
    """A binary convolution in exact sums with batch norm or thresholds, and the shortcut if there is one, behind it."""

    shape: ConvShape
    accumulator: int
    adds: bool
    to_bits: bool

    def __str__(self) -> str:
        behind = "thresholds" if self.to_bits else "int8 batch norm"
        shortcut = " + shortcut" if self.adds else ""
        return f"fused convolution {self.shape}, {self.accumulator}-bit, {behind}{shortcut}"

    @property
    def as_timed(self) -> FusedTask:
        """The task itself: see `ConvolutionTask.as_timed`."""
        return self

    def kernel(self, tile: Tile) -> FusedConvolution | None:
        """Return the kernel of this tile with the usual transform, or None if there is none."""
        if not isinstance(tile, TreeTile):
            return None
        try:
            variant = FusedVariant(self.accumulator, self._transforms()[0], tile)
        except InputError:
            return None
        return FusedConvolution(self.shape, variant) if can_compute(variant, self.shape) else None

    def like(self, variant: AnyVariant) -> FusedConvolution:
        """Return the kernel of a variant's tile and transform, which can compute the layer, in the task's own sums."""
        if not isinstance(variant, FusedVariant):
            raise TypeError(f"{variant} is no variant of a fused task")
        return FusedConvolution(self.shape, replace(variant, accumulator=self.accumulator))

    def relatives(self, kernel: TiledKernel) -> Iterator[TiledKernel]:
        """Yield what may be faster than a kernel, in the same tile: the other transforms."""
        if not isinstance(kernel, FusedConvolution):
            raise TypeError(f"{kernel} is no kernel of a fused task")
        for transform in self._transforms():
            variant = replace(kernel.variant, transform=transform)
            if transform != kernel.variant.transform and can_compute(variant, self.shape):
                yield replace(kernel, variant=variant)

    def _transforms(self) -> tuple[Transform, ...]:
        return fused_transforms(self.shape.channels_out, adds=self.adds, to_bits=self.to_bits)


TileTask: TypeAlias = ConvolutionTask | FusedTask
"""Hashable: equal tasks have the same solution."""


@dataclass(frozen=True, slots=True)
class Route:
    """What a layer can run from packed signs to packed signs: a kernel with a tile, and perhaps a pass behind it."""

    kernel: TileTask
    behind: NormalisationPass | None = None


def layer_routes(layer: BinaryConv, network: Network, sums: Sums, family: TileFamily) -> tuple[Route, ...]:
    """Return what a layer with such sums can run, at least one; all compute the same.

    Between them kernel and pass compute convolution, batch norm, addition of the shortcut, activation and signs. Not
    among them are the making of a shortcut that is no copy (average pooling, 1x1 convolution) and the maximum of sums,
    for which there are no kernels. A ReLU of sums costs what one of the result does, and is timed as that.

    One fused kernel can do it all for int8 maps, exact sums and no clip.

    Raises kernels_asm.InputError for sums that no kernel computes.
    """
    arithmetic = sums.arithmetic()
    to_bits = signs_alone(layer, network)
    if to_bits:
        arithmetic = replace(arithmetic, output=OutputType.INT16)  # what thresholds are compared with
    convolution = ConvolutionTask(layer.shape, arithmetic)
    separate = Route(convolution, pass_behind(layer, network, arithmetic.output))
    is_exact = sums.overflow is Overflow.EXACT and sums.clip is None
    if network.maps is FeatureMaps.INT8 and layer.sums_pool == 1 and is_exact:
        fused = FusedTask(layer.shape, sums.accumulator, layer.shortcut is not None, to_bits)
        if has_kernel(fused, family):
            return Route(fused), separate
    return (separate,)


def pass_behind(layer: BinaryConv, network: Network, sums: OutputType) -> NormalisationPass:
    """Return what runs behind the layer's convolution where that is a kernel of its own."""
    return NormalisationPass(
        layer.out_height,
        layer.out_width,
        layer.out_channels,
        sums,
        in_int8=network.maps is FeatureMaps.INT8,
        signs_alone=signs_alone(layer, network),
        shortcut=layer.shortcut is not None,
        activation=Activation.RELU if layer.sums_relu else layer.activation,
        thresholds=layer.learned_threshold,
    )


def signs_alone(layer: BinaryConv, network: Network) -> bool:
    """Whether the layer puts out packed signs and no map: thresholds take the place of its batch norm."""
    return network.maps is FeatureMaps.INT8 and layer.name in network.signs_alone


def plain_kernels(task: TileTask, family: TileFamily) -> Iterator[TiledKernel]:
    """Yield the kernels of the plain tiles that can do a task."""
    for tile in plain_tiles(task.shape, family):
        kernel = task.kernel(tile)
        if kernel is not None:
            yield kernel


@cache
def has_kernel(task: TileTask, family: TileFamily) -> bool:
    """Return whether any plain tile can do a task."""
    return next(plain_kernels(task, family), None) is not None


def with_tile(kernel: TiledKernel, tile: TreeTile) -> TiledKernel | None:
    """Return the same kernel with another tile, or None if that cannot compute the layer."""
    match kernel:
        case Convolution():
            changed: TiledKernel = replace(kernel, variant=replace(kernel.variant, tile=tile))
        case FusedConvolution():
            changed = replace(kernel, variant=replace(kernel.variant, tile=tile))
    return changed if can_compute(changed.variant, changed.shape) else None
