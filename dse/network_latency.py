"""Latency of a network's binary layers on a core, each with the fastest tile that the inner search finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from dse.evaluation import LATENCY_SCOPE
from dse.layer_tasks import ConvolutionTask, pass_behind
from dse.networks import Network
from dse.normalisation_pass import NormalisationPass
from dse.tile_search import Solution, TileSearch
from isa_models import Core
from kernels_asm import Arithmetic, ConvShape, Tile
from kernels_asm.any_variant import parse_variant


@dataclass(frozen=True, slots=True)
class ShapeLatency:
    """The layers of one shape.

    Attributes:
        shape: Their shape.
        layers: Their names.
        tile: The fastest of those tried.
        tried: Every tile tried, best guess first, and the cycles of each.
        legal: How many plain tiles could compute the shape.
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


def time_network(
    network: Network,
    arithmetic: Arithmetic,
    core: Core,
    search: TileSearch,
    progress: Callable[[int], None] = lambda _done: None,
) -> NetworkLatency:
    """Time every distinct shape of a network's binary layers, and what runs behind them.

    Args:
        network: Its binary layers are timed; maps are float32.
        arithmetic: Of every layer.
        core: What `search` times on.
        search: Finds the fastest kernels.
        progress: Told how many kernels have been timed.

    Raises:
        UsageError: No tile fits a layer.
        kernels_asm.InputError: The arithmetic cannot compute one.
        KernelMismatchError: A kernel computes something else than the oracle.

    """
    layers = network.binary_layers
    tasks = [ConvolutionTask(shape, arithmetic) for shape in dict.fromkeys(layer.shape for layer in layers)]
    for task in tasks:
        arithmetic.check_window(task.shape.window)
    solutions = search.solve_all(tasks, progress)
    kinds: dict[NormalisationPass, tuple[str, ...]] = {}
    for layer in layers:
        work = pass_behind(layer, network, arithmetic.output)
        kinds[work] = (*kinds.get(work, ()), layer.name)
    timed = search.time_all(list(kinds))
    progress(sum(one.timings for one in (*timed, *(solution.timed for solution in solutions))))
    shapes = tuple(_shape_latency(network, solution) for solution in solutions)
    passes = [PassLatency(work, names, one.cycles) for (work, names), one in zip(kinds.items(), timed, strict=True)]
    return NetworkLatency(network, arithmetic, core, shapes, tuple(passes))


def _shape_latency(network: Network, solution: Solution) -> ShapeLatency:
    shape = solution.kernel.shape
    names = tuple(layer.name for layer in network.binary_layers if layer.shape == shape)
    tried = {parse_variant(text).tile: cycles for text, cycles in solution.tried.items()}
    timed = solution.timed
    return ShapeLatency(
        shape, names, solution.kernel.variant.tile, tried, solution.legal, timed.cycles, timed.record["bound"]
    )
