"""What a binary layer of a design runs: of the routes that compute it, the fastest, with its fastest kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from dse.design import Design
from dse.layer_tasks import Route, layer_routes
from dse.networks import BinaryConv, Network
from dse.tile_search import Solution, TileSearch, Timed


@dataclass(frozen=True, slots=True)
class LayerSolution:
    """A layer with its kernels.

    Attributes:
        layer: The layer.
        solution: The kernel with a tile.
        behind: The pass behind it, if there is one.
        timings: Kernels, those of slower routes included, that had to be timed for it now.

    """

    layer: BinaryConv
    solution: Solution
    behind: Timed | None
    timings: int

    @property
    def kernels(self) -> tuple[Timed, ...]:
        """The kernels in the order of their calls."""
        return (self.solution.timed,) if self.behind is None else (self.solution.timed, self.behind)

    @property
    def cycles(self) -> int:
        """Cycles of the kernels together."""
        return sum(timed.cycles for timed in self.kernels)


def solve_layers(
    design: Design,
    network: Network,
    search: TileSearch,
    tell: Callable[[int], None] = lambda _done: None,
) -> list[LayerSolution]:
    """Return what each binary layer of a design's network runs.

    `tell` is told how many kernels have been timed for them. Raises as `dse.tile_search.TileSearch.solve_all`.
    """
    layers = network.binary_layers
    with_sums = zip(layers, design.layer_sums(len(layers)), strict=True)
    routes = [(layer, layer_routes(layer, network, sums, search.family)) for layer, sums in with_sums]
    together = [route for _, of_layer in routes for route in of_layer]
    passes = iter(search.time_all([route.behind for route in together if route.behind is not None]))
    solutions = iter(search.solve_all([route.kernel for route in together], tell))

    def solved(layer: BinaryConv, route: Route) -> LayerSolution:
        solution, behind = next(solutions), None if route.behind is None else next(passes)
        timings = solution.timed.timings + (behind.timings if behind else 0)
        return LayerSolution(layer, solution, behind, timings)

    return [_fastest([solved(layer, route) for route in of_layer]) for layer, of_layer in routes]


def _fastest(solved: Sequence[LayerSolution]) -> LayerSolution:
    fastest = min(solved, key=lambda one: one.cycles)
    return replace(fastest, timings=sum(one.timings for one in solved))
