"""Cycles of all plain tiles of a layer, and of the fastest of them unrolled: among them is what a search may find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.kernel_jobs import Job
from benchmarks.kernel_search import kernels_digest, simulations
from dse.cache import Record
from dse.emulation import latency_key, random_operands
from dse.layer_tasks import ConvolutionTask, plain_kernels
from dse.tile_candidates import tile_family
from isa_models import Core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, OutputType, Overflow, TreeTile, legal_tiles
from kernels_asm.assembler import assemble_together, variant_kernel
from kernels_asm.reclipping import STAND_IN_CLIP

VARIED: Final = 3
"""So many of a core's fastest trees are unrolled, with each number of steps that the layer allows."""

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
    *(Arithmetic(8, overflow, STAND_IN_CLIP, OutputType.INT8) for overflow in (Overflow.SATURATE, Overflow.RUNNING)),
    Arithmetic(8, Overflow.WRAP, STAND_IN_CLIP, OutputType.INT8),
    Arithmetic(16, Overflow.EXACT, STAND_IN_CLIP, OutputType.INT8),
    Arithmetic(16, Overflow.EXACT, None, OutputType.INT16),
    Arithmetic(32, Overflow.EXACT, STAND_IN_CLIP, OutputType.INT8),
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
        return {
            **latency_key(self.shape, variants[0], core),
            "kernel": kernels_digest(variants, self.shape),
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
        trees = {one.tile: cycles for one, cycles in timed.items() if isinstance(one.tile, TreeTile)}
        fastest = sorted(trees, key=lambda tree: (trees[tree], str(tree)))[:VARIED]
        return [
            KernelVariant(self.arithmetic, longer)
            for tree in fastest
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
            for name, simulation in simulations(variant, self.shape, operands, whose).items():
                timings[name][variant] = simulation.cycles
