"""What a binary layer of a design runs: of the routes that compute it, the fastest, with its fastest kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dse.design import Sums
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


def prepare_layers(layers: Iterable[tuple[BinaryConv, Sums]], network: Network, search: TileSearch) -> None:
    """Prepare what `solve_layer` will time for layers of a network, which takes less time for all of them together."""
    routes = [route for layer, sums in layers for route in layer_routes(layer, network, sums, search.family)]
    search.prepare([route.kernel for route in routes], [route.behind for route in routes if route.behind is not None])


def solve_layer(
    layer: BinaryConv,
    network: Network,
    sums: Sums,
    search: TileSearch,
    tell: Callable[[int], None] = lambda _done: None,
) -> LayerSolution:
    """Return what a layer with such sums runs; `tell` is told how many kernels have been timed for it.

    Raises as `dse.tile_search.TileSearch.solve`.
    """

    def solve(route: Route) -> LayerSolution:
        behind = None if route.behind is None else search.time(route.behind)
        solution = search.solve(route.kernel, tell)
        timings = solution.timed.timings + (behind.timings if behind else 0)
        return LayerSolution(layer, solution, behind, timings)

    solved = [solve(route) for route in layer_routes(layer, network, sums, search.family)]
    fastest = min(solved, key=lambda one: one.cycles)
    return LayerSolution(layer, fastest.solution, fastest.behind, sum(one.timings for one in solved))
