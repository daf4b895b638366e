"""What the convolution kernel is measured against: reference kernels, the int8 convolution, and batch norms behind."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import numpy as np

import dse
import kernels_asm
from benchmarks.kernel_jobs import Job
from dse.cache import Record
from dse.companion_calls import Call, CompanionRun, run_float_batch_norm
from dse.emulation import random_operands
from dse.int8_emulation import run_int8
from dse.references import ReferenceTiming, time_indirect_16bit, time_one_channel_direct
from isa_models import Core, Trace, time_trace, timing_digest
from kernels_asm import ConvShape
from kernels_asm.companions.channel_groups import PIXELS_AT_ONCE
from kernels_asm.companions.float_batch_norm import FloatParameters
from kernels_asm.int8_conv import LARGEST_WEIGHT, Int8Path, Int8Variant

_DATA_SEED = 20240
_SHIFT = 7
"""Of the int8 convolution's sums; every shift takes the same time."""

_MODULES = ("companion_calls.py", "emulation.py", "int8_emulation.py", "kernel_call.py", "references.py")
"""Of dse: what makes the data and the calls."""


class Reference(StrEnum):
    """A binary convolution as a library has it: see `kernels_asm.references`."""

    INDIRECT = "indirect_16bit_8x4"
    ONE_CHANNEL = "one_channel_direct"

    @property
    def timer(self) -> Callable[[ConvShape, Core], ReferenceTiming]:
        """Return what times it."""
        return time_indirect_16bit if self is Reference.INDIRECT else time_one_channel_direct


@dataclass(frozen=True, slots=True)
class ReferenceRuns(Job):
    """A reference kernel on a layer. Records hold "cycles"."""

    reference: Reference
    shape: ConvShape

    def __str__(self) -> str:
        return f"{self.reference} of {self.shape}"

    def content(self, core: Core) -> dict[str, str]:
        """See `Job`."""
        return _content(self, core)

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        return [{"cycles": self.reference.timer(self.shape, core).simulation.cycles} for core in cores]


@dataclass(frozen=True, slots=True)
class Int8Search(Job):
    """A few tiles of the int8 convolution on a layer. Records hold the best "tile" and its "cycles"."""

    path: Int8Path
    shape: ConvShape

    def __str__(self) -> str:
        return f"int8_conv ({self.path}) of {self.shape}"

    def content(self, core: Core) -> dict[str, str]:
        """See `Job`."""
        return _content(self, core)

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        generator = np.random.default_rng(_DATA_SEED)
        activations, weights = (signs * generator.integers(0, LARGEST_WEIGHT + 1, signs.shape)
                                for signs in random_operands(self.shape))  # fmt: skip
        timings: dict[str, list[tuple[int, str]]] = {core.name: [] for core in cores}
        for tile in self.path.good_tiles:
            variant = Int8Variant(self.path, tile, _SHIFT)
            run = run_int8(self.shape, variant, activations, weights)
            for core in cores:
                timings[core.name].append((time_trace(run.trace, core).cycles, str(tile)))
        best = (min(timings[core.name]) for core in cores)
        return [{"cycles": cycles, "tile": tile} for cycles, tile in best]


@dataclass(frozen=True, slots=True)
class FloatBatchNormRuns(Job):
    """Batch norm, shortcut and packed signs in float32 behind a layer.

    Records hold the better "cycles" and its "pixels" at once. Signs are packed with a border as wide as the layer's
    padding, for a layer like it.
    """

    shape: ConvShape

    def __str__(self) -> str:
        return f"float_batch_norm behind {self.shape}"

    def content(self, core: Core) -> dict[str, str]:
        """See `Job`."""
        return _content(self, core)

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        traces = {pixels: _trace(_float_batch_norm(self.shape, pixels)) for pixels in PIXELS_AT_ONCE}
        records: list[Record] = []
        for core in cores:
            cycles, pixels = min((time_trace(trace, core).cycles, pixels) for pixels, trace in traces.items())
            records.append({"cycles": cycles, "pixels": pixels})
        return records


def _float_batch_norm(shape: ConvShape, pixels: int) -> CompanionRun:
    generator = np.random.default_rng(_DATA_SEED)
    values, shortcut = (generator.standard_normal(_map(shape)).astype(np.float32) for _ in range(2))
    scale, bias = generator.standard_normal((2, shape.channels_out)).astype(np.float32)
    call = Call(border=shape.padding, pixels_at_once=pixels, trace=True)
    return run_float_batch_norm(values, FloatParameters(scale, bias), shortcut, call)


def _map(shape: ConvShape) -> tuple[int, int, int]:
    return shape.out_height, shape.out_width, shape.channels_out


def _trace(run: CompanionRun) -> Trace:
    if run.trace is None:
        raise AssertionError("a call that wants a trace records one")
    return run.trace


def _content(job: Job, core: Core) -> dict[str, str]:
    """Return what a job here depends on: all kernels, what calls them, and the core."""
    return {"job": str(job), "code": _code(), "core": core.digest, "timing": timing_digest()}


@cache
def _code() -> str:
    """Return the digest of the sources of kernels, data and calls, this module among them."""
    kernels = Path(kernels_asm.__file__).parent
    paths = [path for path in sorted(kernels.rglob("*")) if path.suffix in (".py", ".S", ".inc")]
    paths += [Path(dse.__file__).parent / name for name in _MODULES] + [Path(__file__)]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
