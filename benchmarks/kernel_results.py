"""What is measured about the kernels, and the rows of tables that come of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median

from benchmarks.kernel_fused import FusedSearch
from benchmarks.kernel_jobs import Job, Results
from benchmarks.kernel_rivals import FloatBatchNormRuns, Int8Search, Reference, ReferenceRuns
from benchmarks.kernel_search import Candidate, TileSearch, candidates
from dse.binary_bound import binary_bound
from dse.core_schedule import schedule_of
from dse.int8_emulation import int8_path
from isa_models import Core
from kernels_asm import Arithmetic, ConvShape, OutputType, Overflow

CORES = ("cortex-a53", "cortex-a55", "cortex-a72", "cortex-a76", "neoverse-n1", "neoverse-v1", "apple-m1")
BLOCK_LAYERS = (
    ConvShape(56, 56, 64, 64),
    ConvShape(28, 28, 128, 128),
    ConvShape(14, 14, 256, 256),
    ConvShape(7, 7, 512, 512),
)
"""The layers of a ResNet-18's residual blocks."""
LAYERS = (
    *BLOCK_LAYERS,
    ConvShape(56, 56, 64, 64, 1, 1, 1, 0),
    ConvShape(14, 14, 256, 256, 1, 1, 1, 0),
    ConvShape(56, 56, 64, 128, stride=2),
    ConvShape(28, 28, 128, 256, stride=2),
)

CLIPPED = Arithmetic(16, Overflow.EXACT, 31, OutputType.INT8)
"""What the kernels are compared in: exact, clipped to a byte for the next layer."""
WIDTHS = (
    *(Arithmetic(8, overflow, 31, OutputType.INT8) for overflow in Overflow),
    CLIPPED,
    Arithmetic(32, Overflow.EXACT, 31, OutputType.INT8),
)


@dataclass(frozen=True, slots=True)
class LayerRow:
    """The kernel's best tile on a layer and core, and what it is measured against.

    Attributes:
        core: Name of the core.
        shape: The layer.
        best: The fastest tile.
        median_cycles: Of all tiles.
        tiles: How many were timed, those with prefetch included.
        bound: Binary products a cycle that the core could do at best.
        reference_cycles: Of each reference kernel.
        int8_path: Instructions of the int8 convolution.
        int8_tile: Its best tile.
        int8_cycles: How long that takes.

    """

    core: str
    shape: ConvShape
    best: Candidate
    median_cycles: float
    tiles: int
    bound: float
    reference_cycles: Mapping[Reference, int]
    int8_path: str
    int8_tile: str
    int8_cycles: int

    @property
    def products_per_cycle(self) -> float:
        """Of the best tile, products with padding included."""
        return self.shape.products / self.best.cycles


@dataclass(frozen=True, slots=True)
class WidthRow:
    """The best tile of each arithmetic on a layer and core."""

    core: str
    shape: ConvShape
    best: Mapping[Arithmetic, Candidate]


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A residual block as our int8 flow and as the conventional float flow.

    Attributes:
        core: Name of the core.
        shape: The convolution's layer.
        variant: Our best kernel of the whole block.
        cycles: How long it takes.
        conventional: Cycles of the float flow's convolution, and of the batch norm behind it.

    """

    core: str
    shape: ConvShape
    variant: str
    cycles: int
    conventional: tuple[int, int]

    @property
    def ratio(self) -> float:
        """How many times as fast the int8 flow is."""
        return sum(self.conventional) / self.cycles


@dataclass(frozen=True, slots=True)
class KernelResults:
    """All rows, cores and layers in the order in which they were asked for."""

    layers: tuple[LayerRow, ...]
    widths: tuple[WidthRow, ...]
    blocks: tuple[BlockRow, ...]


def wanted(cores: Sequence[Core], layers: Sequence[ConvShape]) -> list[tuple[Job, list[str]]]:
    """Return the jobs for those cores and layers, each with the names of its cores."""
    by_job: dict[Job, list[str]] = {}
    for shape, core in product(layers, cores):
        for job in _jobs(shape, core):
            by_job.setdefault(job, []).append(core.name)
    return list(by_job.items())


def _jobs(shape: ConvShape, core: Core) -> Iterator[Job]:
    arithmetics = WIDTHS if is_block(shape) else (CLIPPED,)
    yield from (_search(shape, arithmetic, core) for arithmetic in arithmetics)
    yield from (ReferenceRuns(reference, shape) for reference in Reference)
    yield Int8Search(int8_path(core), shape)
    if is_block(shape):
        yield FusedSearch(shape, schedule_of(core))
        yield FloatBatchNormRuns(shape)


def is_block(shape: ConvShape) -> bool:
    """Return whether a layer can stand in a residual block: a window of several pixels, a map like its input."""
    output = (shape.out_height, shape.out_width, shape.channels_out)
    return output == (shape.height, shape.width, shape.channels_in) and shape.kernel_height * shape.kernel_width > 1


def collect(results: Results, cores: Sequence[Core], layers: Sequence[ConvShape]) -> KernelResults:
    """Return the rows of the records of all `wanted` jobs."""
    pairs = [(core, shape) for core in cores for shape in layers]
    blocks = [(core, shape) for core, shape in pairs if is_block(shape)]
    return KernelResults(
        tuple(_layer_row(results, core, shape) for core, shape in pairs),
        tuple(_width_row(results, core, shape) for core, shape in blocks),
        tuple(_block_row(results, core, shape) for core, shape in blocks),
    )


def _block_row(results: Results, core: Core, shape: ConvShape) -> BlockRow:
    fused = results[FusedSearch(shape, schedule_of(core)), core.name]
    convolution = _cycles(results, ReferenceRuns(Reference.INDIRECT, shape), core)
    behind = _cycles(results, FloatBatchNormRuns(shape), core)
    return BlockRow(core.name, shape, fused["variant"], fused["cycles"], (convolution, behind))


def _layer_row(results: Results, core: Core, shape: ConvShape) -> LayerRow:
    found = _searched(results, core, shape, CLIPPED)
    int8 = results[Int8Search(int8_path(core), shape), core.name]
    return LayerRow(
        core=core.name,
        shape=shape,
        best=found[0],
        median_cycles=median(candidate.cycles for candidate in found),
        tiles=len(found),
        bound=binary_bound(core),
        reference_cycles={
            reference: _cycles(results, ReferenceRuns(reference, shape), core) for reference in Reference
        },
        int8_path=int8_path(core),
        int8_tile=int8["tile"],
        int8_cycles=int8["cycles"],
    )


def _width_row(results: Results, core: Core, shape: ConvShape) -> WidthRow:
    best = {arithmetic: _searched(results, core, shape, arithmetic)[0] for arithmetic in WIDTHS}
    return WidthRow(core.name, shape, best)


def _searched(results: Results, core: Core, shape: ConvShape, arithmetic: Arithmetic) -> list[Candidate]:
    return candidates(results[_search(shape, arithmetic, core), core.name])


def _search(shape: ConvShape, arithmetic: Arithmetic, core: Core) -> TileSearch:
    return TileSearch(shape, arithmetic, schedule_of(core), is_exhaustive=arithmetic == CLIPPED)


def _cycles(results: Results, job: Job, core: Core) -> int:
    return int(results[job, core.name]["cycles"])
