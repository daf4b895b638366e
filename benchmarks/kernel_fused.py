"""The residual block in one kernel: convolution, batch norm in fixed point, shortcut and signs, over a few tiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from benchmarks.kernel_jobs import Job
from benchmarks.kernel_search import UNROLLED
from dse.cache import Record, content_key
from dse.fused_emulation import fused_latency_key, random_fused_operands, run_fused
from dse.tile_candidates import covering_pixels
from isa_models import Core, time_trace
from kernels_asm import ConvShape, LoopOrder, Schedule
from kernels_asm.fused import FusedVariant, fused_digest
from kernels_asm.transforms import Int8BatchNorm, Int8Slabs, Transform
from kernels_asm.tree_tile import tree_tiles
from kernels_asm.variant_list import can_compute

_ACCUMULATOR = 16
_CHANNELS = (4, 8)
_TRANSFORMS: tuple[Transform, ...] = (
    Int8Slabs(shortcut=True),
    *(Int8BatchNorm(pixels, shortcut=True) for pixels in (1, 2)),
)


Timings = dict[str, dict[FusedVariant, int]]
"""Cycles by name of the core and by variant."""


@dataclass(frozen=True, slots=True)
class FusedSearch(Job):
    """Fused variants of a layer: every transform, with the trees that cover a row in as many tiles as need be.

    Each core's best are tried with steps of the window unrolled as well.

    Records hold the best "variant" and its "cycles".
    """

    shape: ConvShape
    schedule: Schedule

    def __str__(self) -> str:
        return f"fused int8 block ({self.schedule}) of {self.shape}"

    def variants(self) -> Iterator[FusedVariant]:
        """Yield those that can compute the layer."""
        trees = tree_tiles(
            _CHANNELS, covering_pixels(self.shape), schedules=(self.schedule,), orders=(LoopOrder.PIXELS,)
        )
        for tree in trees:
            for transform in _TRANSFORMS:
                variant = FusedVariant(_ACCUMULATOR, transform, tree)
                if can_compute(variant, self.shape):
                    yield variant

    def content(self, core: Core) -> dict[str, Any]:
        """See `Job`."""
        any_variant = next(self.variants())
        search = {"kernel": _kernels(self), "variant": str(self)}
        return {**fused_latency_key(self.shape, any_variant, core), **search}

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        timings: Timings = {core.name: {} for core in cores}
        for variant in self.variants():
            self._time(variant, cores, timings)
        for core in cores:
            timed = timings[core.name]
            for best in sorted(timed, key=lambda variant: (timed[variant], str(variant)))[:UNROLLED]:
                for longer in self._unrolled(best):
                    self._time(longer, [core], timings)
        fastest = (min((cycles, str(variant)) for variant, cycles in timings[core.name].items()) for core in cores)
        return [{"cycles": cycles, "variant": variant} for cycles, variant in fastest]

    def _unrolled(self, variant: FusedVariant) -> Iterator[FusedVariant]:
        for tree in variant.tile.unrolled(self.shape):
            longer = replace(variant, tile=tree)
            if can_compute(longer, self.shape):
                yield longer

    def _time(self, variant: FusedVariant, cores: Sequence[Core], timings: Timings) -> None:
        """Add the timing of a variant on each core."""
        trace = run_fused(self.shape, variant, random_fused_operands(self.shape, variant.transform)).trace
        if trace is None:
            raise AssertionError("a checked run records its trace")
        for core in cores:
            timings[core.name][variant] = time_trace(trace, core).cycles


@cache
def _kernels(search: FusedSearch) -> str:
    """Return the digest of the images of all variants."""
    return content_key({str(variant): fused_digest(variant, search.shape) for variant in search.variants()})
