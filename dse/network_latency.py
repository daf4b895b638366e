"""Latency of a network's binary layers on a core, each with the fastest of a few good tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from dse.cache import EvaluationCache, Record
from dse.core_schedule import schedule_of
from dse.errors import UsageError
from dse.evaluation import LATENCY, LATENCY_SCOPE, LayerTimer
from dse.layer_work import Convolution, LayerWork, pass_behind
from dse.networks import Network
from dse.normalisation_pass import NormalisationPass
from isa_models import Core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, Tile, TreeTile, legal_tiles
from kernels_asm.tiles import search_tiles
from kernels_asm.tree_tile import LoopOrder, tree_tiles

TILES_TRIED = 4
"""Of each layer, unless another number is asked for."""

_NARROW_MAP = 3
"""Columns of maps that are narrower than any tree that is searched."""


@dataclass(frozen=True, slots=True)
class ShapeLatency:
    """The layers of one shape.

    Attributes:
        shape: Their shape.
        layers: Their names.
        tile: The fastest of those tried.
        tried: Every tile tried, best guess first, and the cycles of each.
        legal: How many tiles of the search could compute the shape.
        cycles: Of one of the layers, with `tile` and warm caches.
        bound: What bounds it.

    """

    shape: ConvShape
    layers: tuple[str, ...]
    tile: Tile
    tried: dict[Tile, int]
    legal: int
    cycles: int
    bound: str

    @property
    def total_cycles(self) -> int:
        """Cycles of all the layers."""
        return self.cycles * len(self.layers)

    @property
    def products_per_cycle(self) -> float:
        """Binary products a cycle, those with padding included."""
        return self.shape.products / self.cycles


@dataclass(frozen=True, slots=True)
class PassLatency:
    """The passes of one kind behind the convolutions: the kind, the layers that have it, cycles of one of them."""

    work: NormalisationPass
    layers: tuple[str, ...]
    cycles: int

    @property
    def total_cycles(self) -> int:
        """Cycles of all of them."""
        return self.cycles * len(self.layers)


@dataclass(frozen=True, slots=True)
class NetworkLatency:
    """What `time_network` found; `shapes` and `passes` in the order of their first layers."""

    network: Network
    arithmetic: Arithmetic
    core: Core
    shapes: tuple[ShapeLatency, ...]
    passes: tuple[PassLatency, ...]

    @property
    def convolution_cycles(self) -> int:
        """Cycles of all binary convolutions."""
        return sum(shape.total_cycles for shape in self.shapes)

    @property
    def cycles(self) -> int:
        """Cycles of all binary layers, convolutions and what runs behind them."""
        return self.convolution_cycles + sum(behind.total_cycles for behind in self.passes)

    @property
    def milliseconds(self) -> float:
        """Time of all binary layers at the core's clock."""
        return self.cycles / self.core.clock_hz * 1e3

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return {
            "network": self.network.name,
            "width_multiplier": self.network.width_multiplier,
            "input_shape": list(self.network.input_shape),
            "core": self.core.name,
            "clock_hz": self.core.clock_hz,
            "arithmetic": asdict(self.arithmetic),
            "latency_scope": LATENCY_SCOPE,
            "exhaustive": False,
            "cycles": self.cycles,
            "convolution_cycles": self.convolution_cycles,
            "milliseconds": self.milliseconds,
            "binary_products": self.network.binary_products,
            "shapes": [
                {
                    "shape": str(shape.shape),
                    "layers": list(shape.layers),
                    "tile": str(shape.tile),
                    "tried": {str(tile): cycles for tile, cycles in shape.tried.items()},
                    "legal": shape.legal,
                    "cycles": shape.cycles,
                    "total_cycles": shape.total_cycles,
                    "products_per_cycle": shape.products_per_cycle,
                    "bound": shape.bound,
                }
                for shape in self.shapes
            ],
            "passes": [
                {"pass": str(behind.work), "layers": list(behind.layers), "cycles": behind.cycles}
                for behind in self.passes
            ],
        }


@dataclass(frozen=True)
class TimingPlan:
    """Which kernels to time for a network.

    Attributes:
        network: Its binary layers are timed.
        arithmetic: Of every layer.
        core: What to time on.
        tiles: The tiles to try for each distinct shape, likely best first.
        legal: How many tiles of the search could compute each shape.

    """

    network: Network
    arithmetic: Arithmetic
    core: Core
    tiles: dict[ConvShape, tuple[Tile, ...]]
    legal: dict[ConvShape, int]

    @property
    def passes(self) -> dict[NormalisationPass, tuple[str, ...]]:
        """What runs behind the convolutions, each kind once, and the names of its layers."""
        found: dict[NormalisationPass, tuple[str, ...]] = {}
        for layer in self.network.binary_layers:
            work = pass_behind(layer, self.network, self.arithmetic.output)
            found[work] = (*found.get(work, ()), layer.name)
        return found

    @property
    def kernels(self) -> int:
        """Kernels to time."""
        return sum(map(len, self.tiles.values())) + len(self.passes)


def plan_timing(network: Network, arithmetic: Arithmetic, core: Core, most_tiles: int = TILES_TRIED) -> TimingPlan:
    """Return the kernels to time: for each distinct shape of the binary layers at most so many tiles.

    Raises UsageError if no tile fits a layer, kernels_asm.InputError if the arithmetic cannot compute one.
    """
    legal = {layer.shape: _legal(arithmetic, layer.shape, core) for layer in network.binary_layers}
    tiles = {shape: tuple(good_tiles(fitting, shape)[:most_tiles]) for shape, fitting in legal.items()}
    return TimingPlan(network, arithmetic, core, tiles, {shape: len(fitting) for shape, fitting in legal.items()})


def time_network(
    plan: TimingPlan, timer: LayerTimer, cache: EvaluationCache, progress: Callable[[int], None] = lambda _done: None
) -> NetworkLatency:
    """Time every distinct shape of a network's binary layers with its tiles; layers of a shape are timed once.

    Args:
        plan: What to time.
        timer: Times a layer with a tile on the plan's core.
        cache: Where timings are kept.
        progress: Told how many kernels have been timed.

    Raises:
        KernelMismatchError: A kernel computes something else than the oracle.

    """
    shapes: list[ShapeLatency] = []
    done = 0
    for shape, tiles in plan.tiles.items():
        records: dict[Tile, Record] = {}
        for tile in tiles:
            records[tile] = _timed(timer, cache, Convolution(shape, KernelVariant(plan.arithmetic, tile)))
            done += 1
            progress(done)
        shapes.append(_shape_latency(plan, shape, records))
    passes: list[PassLatency] = []
    for work, layers in plan.passes.items():
        passes.append(PassLatency(work, layers, _timed(timer, cache, work)["cycles"]))
        done += 1
        progress(done)
    return NetworkLatency(plan.network, plan.arithmetic, plan.core, tuple(shapes), tuple(passes))


def good_tiles(legal: Iterable[Tile], shape: ConvShape) -> list[Tile]:
    """Return the tiles, those first that are likely the fastest.

    Trees before lanes. Trees: most columns of weights in registers, then least pixels computed twice, then most pixels:
    the best of every layer with a window of 3x3 in docs/kernels.md on Cortex-A53, A55 and A72 is among the first four.
    Lanes: most outputs, which load least for each.
    """

    def rank(tile: Tile) -> tuple[int, int, int, int]:
        if isinstance(tile, TreeTile):
            return 0, -tile.columns, _excess(shape.out_width, tile.pixels), -tile.pixels * tile.rows
        return 1, 0, 0, -tile.channels * (tile.pixels if isinstance(tile, LaneTile) else 1)

    return sorted(legal, key=rank)


def _legal(arithmetic: Arithmetic, shape: ConvShape, core: Core) -> tuple[Tile, ...]:
    schedule = schedule_of(core)
    candidates = [*search_tiles(schedule, core.features)]
    if shape.out_width <= _NARROW_MAP:
        candidates += tree_tiles(pixels=(shape.out_width,), schedules=(schedule,), orders=(LoopOrder.PIXELS,))
    legal = legal_tiles(arithmetic, shape, candidates)
    if not legal:
        raise UsageError(f"no tile can compute layer {shape} with this arithmetic: give another one")
    return legal


def _excess(width: int, pixels: int) -> int:
    """Return how many pixels of a row are computed twice: those by which whole tiles exceed it."""
    return -width % pixels


def _timed(timer: LayerTimer, cache: EvaluationCache, work: LayerWork) -> Record:
    content = timer.key(work)
    record = cache.load(LATENCY, content)
    return record if record is not None else cache.store(LATENCY, content, timer.time(work))


def _shape_latency(plan: TimingPlan, shape: ConvShape, records: dict[Tile, Record]) -> ShapeLatency:
    names = tuple(layer.name for layer in plan.network.binary_layers if layer.shape == shape)
    fastest = min(records, key=lambda tile: records[tile]["cycles"])
    best = records[fastest]
    cycles = {tile: record["cycles"] for tile, record in records.items()}
    return ShapeLatency(shape, names, fastest, cycles, plan.legal[shape], best["cycles"], best["bound"])
