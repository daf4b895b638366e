"""What binarising buys on a layer and a core: our kernel beside reference kernels and the int8 convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from dse.core_schedule import schedule_of
from dse.emulation import LayerTiming, time_layer
from dse.int8_emulation import Int8Timing, int8_path, time_int8
from dse.references import ReferenceTiming, time_indirect_16bit, time_one_channel_direct
from isa_models import Core
from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, LaneTile, OutputType, TreeTile, legal_tiles
from kernels_asm.int8_conv import Int8Variant, legal_int8_tiles
from kernels_asm.references.indirect_16bit import INDIRECT_16BIT
from kernels_asm.references.one_channel_direct import ONE_CHANNEL_DIRECT
from kernels_asm.tiles import search_tiles

ARITHMETIC = Arithmetic(16, clip=31, output=OutputType.INT8)
"""Of our kernel: exact sums, and the output that int8 batch norms read."""

REFERENCE = "reference"

MOST_TREES = 12
MOST_LANES = 6

_INT8_SHIFT = 7
"""Of the int8 convolution's sums; every shift takes the same time."""

Timing = LayerTiming | ReferenceTiming | Int8Timing
Timer = Callable[[], Timing]


@dataclass(frozen=True, slots=True)
class KernelTime:
    """The fastest of a few kernels of a kind; its output was its oracle's.

    Attributes:
        kernel: Its name.
        kind: What it was chosen among, such as "tree tile"; "reference" for a kernel that has no tiles to choose.
        tried: How many kernels of the kind were timed.
        legal: How many could compute the layer.
        cycles: Of the layer, with warm caches.
        products_per_cycle: Products, binary or of int8, a cycle.

    """

    kernel: str
    kind: str
    tried: int
    legal: int
    cycles: int
    products_per_cycle: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `compare_kernels` found.

    Attributes:
        shape: The layer.
        core: Name of the core.
        times: Our best tree first, if there is one.
        refused: Why a kind, or a reference by its name, has no kernel for the layer.

    """

    shape: ConvShape
    core: str
    times: tuple[KernelTime, ...]
    refused: dict[str, str]

    def ratio(self, time: KernelTime) -> float:
        """Return how many times as long as the first a kernel takes."""
        return time.cycles / self.times[0].cycles

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return {
            "layer": asdict(self.shape),
            "core": self.core,
            "products": self.shape.products,
            "exhaustive": False,
            "kernels": [{**asdict(time), "ratio_to_first": self.ratio(time)} for time in self.times],
            "refused": self.refused,
        }


@dataclass(frozen=True, slots=True)
class _Contest:
    """Kernels of a kind, by name, out of so many that could compute the layer."""

    kind: str
    timers: dict[str, Timer]
    legal: int

    @property
    def name(self) -> str:
        """What is missing where none can compute the layer."""
        return next(iter(self.timers)) if self.kind == REFERENCE else self.kind

    def run(self, report: Callable[[str], None]) -> KernelTime:
        """Return the fastest; raises InputError if none can compute the layer."""
        if not self.timers:
            raise InputError("no tile fits")
        timings: dict[str, Timing] = {}
        for name, timer in self.timers.items():
            report(name)
            timings[name] = timer()
        fastest = min(timings, key=lambda name: timings[name].simulation.cycles)
        best = timings[fastest]
        tried = len(timings)
        return KernelTime(fastest, self.kind, tried, self.legal, best.simulation.cycles, best.products_per_cycle)


def compare_kernels(shape: ConvShape, core: Core, report: Callable[[str], None] = lambda _: None) -> Comparison:
    """Time a few kernels of each kind on the layer and keep the fastest of each; no exhaustive search.

    `report` is called with the name of each kernel before it runs. Raises InputError if no tile of ours can compute
    the layer, KernelMismatchError if an output is not its oracle's.
    """
    times: list[KernelTime] = []
    refused: dict[str, str] = {}
    for contest in _contests(shape, core):
        try:
            times.append(contest.run(report))
        except InputError as error:
            refused[contest.name] = str(error)
    return Comparison(shape, core.name, tuple(times), refused)


def _contests(shape: ConvShape, core: Core) -> Iterator[_Contest]:
    try:
        legal = legal_tiles(ARITHMETIC, shape, search_tiles(schedule_of(core)))  # UDOT adds to no 16-bit sums
    except InputError as error:
        raise InputError(
            f"layer {shape}: sums of 16 bits and int8 outputs, in which kernels are compared, hold no windows of "
            f"{shape.window} products: compare a layer with smaller ones"
        ) from error
    trees = [tile for tile in legal if isinstance(tile, TreeTile)]
    lanes = [tile for tile in legal if isinstance(tile, LaneTile)]
    yield _contest_of_tiles("tree tile", good_trees(trees, shape), len(trees), shape, core)
    yield _contest_of_tiles("lane tile", good_lanes(lanes), len(lanes), shape, core)
    for name, timer in (
        (INDIRECT_16BIT.function, time_indirect_16bit),
        (ONE_CHANNEL_DIRECT.function, time_one_channel_direct),
    ):
        yield _Contest(REFERENCE, {name: partial(timer, shape, core)}, 1)
    path = int8_path(core)
    variants = [Int8Variant(path, tile, _INT8_SHIFT) for tile in path.good_tiles]
    timers: dict[str, Timer] = {str(variant): partial(time_int8, shape, variant, core) for variant in variants}
    yield _Contest("int8 tile", timers, len(list(legal_int8_tiles(path))))


def _contest_of_tiles(
    kind: str, tiles: Sequence[TreeTile] | Sequence[LaneTile], legal: int, shape: ConvShape, core: Core
) -> _Contest:
    variants = [KernelVariant(ARITHMETIC, tile) for tile in tiles]
    timers: dict[str, Timer] = {str(variant): partial(time_layer, shape, variant, core) for variant in variants}
    return _Contest(kind, timers, legal)


def good_trees(trees: Sequence[TreeTile], shape: ConvShape) -> list[TreeTile]:
    """Return a dozen that are likely good: most columns of weights in registers, then least pixels computed twice.

    Those that are alike in this stay in the order given.
    """

    def rank(tree: TreeTile) -> tuple[int, int]:
        return -tree.columns, -shape.out_width % tree.pixels

    return sorted(trees, key=rank)[:MOST_TREES]


def good_lanes(lanes: Sequence[LaneTile]) -> list[LaneTile]:
    """Return those of the most outputs, which load least for each."""
    return sorted(lanes, key=lambda lane: -lane.channels * lane.pixels)[:MOST_LANES]
