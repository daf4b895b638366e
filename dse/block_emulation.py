"""Runs the binary blocks of a model with int8 maps on the emulated kernels, and compares what each puts out.

A block whose sums are exact and go on as they are is one fused kernel. Others are a convolution, whose sums are pooled
here where the block pools them, and a kernel for batch norm or thresholds behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dse.companion_calls import run_int8_batch_norm, run_threshold_bits
from dse.design import Design
from dse.emulation import KernelRunner
from dse.fused_emulation import FusedRunner
from dse.fused_variants import fused_variant
from dse.layer_work import sums_arithmetic
from dse.nn import fixed_point
from dse.nn.blocks import BinaryBlock
from dse.nn.model import BinaryModel
from isa_models import Buffer
from kernels_asm import KernelVariant
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
        design: Gives arithmetic and tile.
        outputs: Elements of feature maps, or signs where they alone go on, compared so far.
        differing: Those that differed.
        instructions: Instructions executed so far.
    """

    model: BinaryModel
    design: Design
    outputs: int = 0
    differing: int = 0
    instructions: int = 0
    _kernels: dict[BinaryBlock, FusedBlock | SeparateBlock] = field(init=False)

    def __post_init__(self) -> None:
        self._kernels = {block: _block_kernels(block, self.design) for block in self.model.binary_blocks}

    @property
    def layers(self) -> int:
        """Binary layers that are compared."""
        return len(self._kernels)

    def __call__(self, block: BinaryBlock, x: Tensor, start: Tensor) -> Tensor:
        """Return the features of a block: what its kernels put out."""
        expected = block(x, start)
        signs = _channels_last(block.binarize(x).to(torch.int8))
        shortcut = block.shortcut_map(start)
        added = None if shortcut is None else _channels_last(as_bytes(shortcut))
        kernels = self._kernels[block]
        maps = []
        for image in range(len(x)):
            written, instructions = kernels.run(signs[image], None if added is None else added[image])
            maps.append(written)
            self.instructions += instructions
        found = torch.from_numpy(np.stack(maps)).permute(0, 3, 1, 2).float()
        features = found if block.folded is not None else found / fixed_point.FEATURE_SCALE
        self.outputs += features.numel()
        self.differing += int((features != expected).sum())
        return features


class FusedBlock:
    """A block as one kernel."""

    def __init__(self, block: BinaryBlock, variant: FusedVariant) -> None:
        self._runner = FusedRunner(block.shape, variant, _weights(block), _parameters(block))

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
        self._block = block
        self._convolution = KernelRunner(variant, block.shape)
        self._weights: Buffer = self._convolution.pack(_weights(block))

    def run(self, signs: _Map, shortcut: _Map | None) -> tuple[_Map, int]:
        """See `FusedBlock.run`."""
        convolved = self._convolution.run(signs, self._weights)
        sums = np.ascontiguousarray(_max_pool(convolved.output, self._block.layer.sums_pool))
        if self._block.folded is not None:
            done = run_threshold_bits(sums, self._block.folded.thresholds())
            signs_out = unpack_bits(done.bits, sums.shape[-1])
            return signs_out, convolved.instructions + done.instructions
        multiplier, shift, offset = _parameters(self._block)
        done = run_int8_batch_norm(sums, (multiplier, shift, offset), shortcut)
        if done.output is None:
            raise AssertionError("an int8 batch norm puts out a map")
        return done.output.astype(np.int8), convolved.instructions + done.instructions


def as_bytes(features: Tensor) -> Tensor:
    """Return a map of multiples of 1 / `fixed_point.FEATURE_SCALE` as the int8 that kernels store."""
    return (features * fixed_point.FEATURE_SCALE).to(torch.int8)


def _block_kernels(block: BinaryBlock, design: Design) -> FusedBlock | SeparateBlock:
    if block.layer.sums_pool == 1:
        variant = fused_variant(block.shape, design, adds=block.shortcut is not None, to_bits=block.folded is not None)
        if variant is not None:
            return FusedBlock(block, variant)
    arithmetic = sums_arithmetic(design, signs_alone=block.folded is not None)
    return SeparateBlock(block, KernelVariant(arithmetic, design.tile))


def _parameters(block: BinaryBlock) -> Parameters:
    """Return what the transform or companion of a block takes, arrays of shape (channels,)."""
    if block.folded is not None:
        thresholds = block.folded.thresholds()
        return thresholds.limits, thresholds.flips
    norm = block.norm
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("a batch norm without running statistics cannot be folded")
    folded = fixed_point.fold(norm, norm.running_mean, norm.running_var)
    return tuple(values.numpy() for values in (folded.multiplier, folded.shift, folded.offset))


def _weights(block: BinaryBlock) -> _Map:
    return _channels_last(block.integer_weights())


def _max_pool(sums: _Map, size: int) -> _Map:
    """Return the maxima of windows of size x size pixels that do not overlap; a rest is left out."""
    if size == 1:
        return sums
    height, width, channels = sums.shape[0] // size, sums.shape[1] // size, sums.shape[2]
    windows = sums[: height * size, : width * size].reshape(height, size, width, size, channels)
    pooled: _Map = windows.max(axis=(1, 3))
    return pooled


def _channels_last(maps: Tensor) -> _Map:
    """Return (N, H, W, C) of (N, C, H, W)."""
    array: _Map = maps.permute(0, 2, 3, 1).numpy()
    return np.ascontiguousarray(array)
