"""Cycles of all plain tiles of a layer, and of the fastest of them unrolled: among them is what a search may find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.kernel_jobs import Job
from dse.cache import Record, content_key
from dse.emulation import checked_run, latency_key, random_operands
from dse.layer_tasks import ConvolutionTask, plain_kernels
from dse.tile_candidates import tile_family
from isa_models import Core, time_trace
from kernels_asm import Arithmetic, ConvShape, KernelVariant, OutputType, Overflow, TreeTile, legal_tiles
from kernels_asm.assembler import assemble_together, variant_digest, variant_kernel

VARIED: Final = 3
"""So many of a core's fastest trees are unrolled, with each number of steps that the layer allows."""

CLIP: Final = 127
"""The clip to bytes that stands for all in a search."""

LAYERS: Final = (
    ConvShape(14, 14, 32, 32),
    ConvShape(14, 14, 32, 64, stride=2),
    ConvShape(7, 7, 64, 64),
    ConvShape(16, 16, 32, 64, stride=2),
    ConvShape(8, 8, 64, 64),
    ConvShape(28, 28, 32, 64, stride=2),
    ConvShape(14, 14, 64, 128, stride=2),
    ConvShape(7, 7, 128, 128),
    ConvShape(8, 8, 256, 256),
)
"""The layers of `tiny`, some of `resnet-20`, and some as larger networks have, with fewer pixels or channels."""

SUMS: Final = (
    *(Arithmetic(8, overflow, CLIP, OutputType.INT8) for overflow in (Overflow.SATURATE, Overflow.RUNNING)),
    Arithmetic(8, Overflow.WRAP, CLIP, OutputType.INT8),
    Arithmetic(16, Overflow.EXACT, CLIP, OutputType.INT8),
    Arithmetic(16, Overflow.EXACT, None, OutputType.INT16),
    Arithmetic(32, Overflow.EXACT, CLIP, OutputType.INT8),
)

_TOGETHER: Final = 16
"""Kernels assembled in one run."""

_Timings = dict[str, dict[KernelVariant, int]]
"""Cycles by core and kernel."""


@dataclass(frozen=True, slots=True)
class TileTimings(Job):
    """All plain tiles of a layer in an arithmetic; every run is checked against the oracle."""

    shape: ConvShape
    arithmetic: Arithmetic

    def __str__(self) -> str:
        return f"plain tiles of {self.task}"

    @property
    def task(self) -> ConvolutionTask:
        """What a search is asked for."""
        return ConvolutionTask(self.shape, self.arithmetic)

    def content(self, core: Core) -> Mapping[str, Any]:
        """See `Job`."""
        variants = self._plain(core)
        kernels = content_key({str(variant): variant_digest(variant, self.shape) for variant in variants})
        return {
            **latency_key(self.shape, variants[0], core),
            "kernel": kernels,
            "variant": str(self),
            "search": [VARIED],
        }

    def measure(self, cores: Sequence[Core]) -> list[Record]:
        """See `Job`."""
        timings: _Timings = {core.name: {} for core in cores}
        self._time([(core, self._plain(core)) for core in cores], timings)
        self._time([(core, self._unrolled(timings[core.name])) for core in cores], timings)
        return [{"cycles": {str(variant): cycles for variant, cycles in timings[core.name].items()}} for core in cores]

    def _plain(self, core: Core) -> list[KernelVariant]:
        kernels = plain_kernels(self.task, tile_family(core))
        return [kernel.variant for kernel in kernels if isinstance(kernel.variant, KernelVariant)]

    def _unrolled(self, timed: Mapping[KernelVariant, int]) -> list[KernelVariant]:
        trees = sorted((cycles, str(one), one.tile) for one, cycles in timed.items() if isinstance(one.tile, TreeTile))
        return [
            KernelVariant(self.arithmetic, longer)
            for _, _, tree in trees[:VARIED]
            if isinstance(tree, TreeTile)
            for longer in legal_tiles(self.arithmetic, self.shape, tree.unrolled(self.shape))
        ]

    def _time(self, wanted: Sequence[tuple[Core, Sequence[KernelVariant]]], timings: _Timings) -> None:
        """Add the timing of each kernel on its cores; it runs once for all of them."""
        cores: dict[KernelVariant, list[Core]] = {}
        for core, variants in wanted:
            for variant in variants:
                cores.setdefault(variant, []).append(core)
        kernels = [variant_kernel(variant, self.shape) for variant in cores]
        for start in range(0, len(kernels), _TOGETHER):
            assemble_together(kernels[start : start + _TOGETHER])
        operands = random_operands(self.shape)
        for variant, whose in cores.items():
            trace = checked_run(variant, self.shape, *operands).trace
            if trace is None:
                raise AssertionError("a checked run records its trace")
            for core in whose:
                timings[core.name][variant] = time_trace(trace, core).cycles
