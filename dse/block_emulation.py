"""Runs the binary blocks of a model with int8 maps on the emulated kernels, and compares what each puts out.

The kernels are those that a design is timed with: for each block one fused kernel, or a convolution, whose sums are
pooled here where the block pools them, and a kernel for batch norm or thresholds behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dse.companion_calls import run_int8_batch_norm, run_threshold_bits
from dse.emulation import KernelRunner
from dse.fused_emulation import FusedRunner
from dse.nn import fixed_point
from dse.nn.blocks import BinaryBlock
from dse.nn.model import BinaryModel
from isa_models import Buffer
from kernels_asm import KernelVariant
from kernels_asm.any_variant import AnyVariant
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.fused import FusedVariant
from kernels_asm.packing import unpack_bits
from kernels_asm.transforms import Parameters

_Map = NDArray[np.integer]


@dataclass
class EmulatedBlocks:
    """A `dse.nn.model.BlockRun` that runs kernels and counts what differs from the model.

    Attributes:
        model: In evaluation mode, with int8 maps.
        variants: The kernel of each binary block, in the order of the blocks.
        outputs: Elements of feature maps, or signs where they alone go on, compared so far.
        differing: Those that differed.
        instructions: Instructions executed so far.
    """

    model: BinaryModel
    variants: Sequence[AnyVariant]
    outputs: int = 0
    differing: int = 0
    instructions: int = 0
    _kernels: dict[BinaryBlock, FusedBlock | SeparateBlock] = field(init=False)

    def __post_init__(self) -> None:
        self._kernels = {
            block: _block_kernels(block, variant)
            for block, variant in zip(self.model.binary_blocks, self.variants, strict=True)
        }

    @property
    def layers(self) -> int:
        """Binary layers that are compared."""
        return len(self._kernels)

    def __call__(self, block: BinaryBlock, x: Tensor, start: Tensor) -> Tensor:
        """Return the features of a block: what its kernels put out."""
        expected = block(x, start)
        signs = channels_last(block.binarize(x).to(torch.int8))
        shortcut = block.shortcut_map(start)
        added = None if shortcut is None else channels_last((shortcut * block.feature_scale).to(torch.int8))
        kernels = self._kernels[block]
        maps = []
        for image in range(len(x)):
            written, instructions = kernels.run(signs[image], None if added is None else added[image])
            maps.append(written)
            self.instructions += instructions
        found = torch.from_numpy(np.stack(maps)).permute(0, 3, 1, 2).float()
        features = found if block.folded is not None else found / block.feature_scale
        self.outputs += features.numel()
        self.differing += int((features != expected).sum())
        return features


class FusedBlock:
    """A block as one kernel."""

    def __init__(self, block: BinaryBlock, variant: FusedVariant) -> None:
        self._runner = FusedRunner(block.shape, variant, _weights(block), transform_parameters(block))

    def run(self, signs: _Map, shortcut: _Map | None) -> tuple[_Map, int]:
        """Return the map, int8, or the signs where there is none, (height, width, channels), and instructions."""
        run = self._runner.run(signs, shortcut)
        if run.output is not None:
            return run.output, run.instructions
        shape = self._runner.shape
        inside = BitMap(shape.out_height, shape.out_width, shape.channels_out, 1).inside(run.bits)
        return unpack_bits(inside, shape.channels_out), run.instructions


class SeparateBlock:
    """A block as a convolution and what runs behind it."""

    def __init__(self, block: BinaryBlock, variant: KernelVariant) -> None:
        self._pool = block.layer.sums_pool
        self._thresholds = block.folded.thresholds() if block.folded is not None else None
        self._fixed_point = None if block.folded is not None else fixed_point_parameters(block)
        self._convolution = KernelRunner(variant, block.shape)
        self._weights: Buffer = self._convolution.pack(_weights(block))

    def run(self, signs: _Map, shortcut: _Map | None) -> tuple[_Map, int]:
        """See `FusedBlock.run`."""
        convolved = self._convolution.run(signs, self._weights)
        sums = np.ascontiguousarray(_max_pool(convolved.output, self._pool))
        if self._thresholds is not None:
            done = run_threshold_bits(sums, self._thresholds)
            return unpack_bits(done.bits, sums.shape[-1]), convolved.instructions + done.instructions
        if self._fixed_point is None:
            raise AssertionError("a block has thresholds or a batch norm in fixed point")
        done = run_int8_batch_norm(sums, self._fixed_point, shortcut)
        if done.output is None:
            raise AssertionError("an int8 batch norm puts out a map")
        return done.output.astype(np.int8), convolved.instructions + done.instructions


def channels_last(maps: Tensor) -> _Map:
    """Return (N, H, W, C) of (N, C, H, W)."""
    array: _Map = maps.permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(array)


def _block_kernels(block: BinaryBlock, variant: AnyVariant) -> FusedBlock | SeparateBlock:
    return FusedBlock(block, variant) if isinstance(variant, FusedVariant) else SeparateBlock(block, variant)


def transform_parameters(block: BinaryBlock) -> Parameters:
    """Return what the transform or companion of a block takes, arrays of shape (channels,)."""
    if block.folded is not None:
        thresholds = block.folded.thresholds()
        return thresholds.limits, thresholds.flips
    return fixed_point_parameters(block)


def fixed_point_parameters(block: BinaryBlock) -> tuple[_Map, _Map, _Map]:
    """Return multipliers, shifts and offsets."""
    norm = block.norm
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    folded = fixed_point.fold(norm, norm.running_mean, norm.running_var, block.feature_scale)
    return folded.multiplier.numpy(), folded.shift.numpy(), folded.offset.numpy()


def _weights(block: BinaryBlock) -> _Map:
    return channels_last(block.integer_weights())


def _max_pool(sums: _Map, size: int) -> _Map:
    """Return the maxima of windows of size x size pixels that do not overlap; a rest is left out."""
    if size == 1:
        return sums
    height, width, channels = sums.shape[0] // size, sums.shape[1] // size, sums.shape[2]
    windows = sums[: height * size, : width * size].reshape(height, size, width, size, channels)
    pooled: _Map = windows.max(axis=(1, 3))
    return pooled
