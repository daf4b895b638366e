"""What a change of the accumulator's width alone does to the cycles of a network's binary convolutions on a core.

Everything else stays: exact sums, no clip, int16 outputs, the same layers, and the same few tiles, of which each width
has its fastest: tiles that only some widths can use are left out, or the choice of tiles would show and not the width.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from dse.cache import EvaluationCache
from dse.chart_theme import LIGHT, RAMP, Theme
from dse.latency import EmulatedTimer
from dse.layer_work import Convolution
from dse.networks import build_network
from dse.space import ACCUMULATORS
from dse.tile_candidates import good_tiles, plain_tiles, tile_family
from dse.tile_search import LATENCY
from isa_models import Core, load_core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType, Tile, TreeTile, legal_tiles

KINDS: dict[str, type[Tile]] = {"a sum for each output": LaneTile, "counts in a tree": TreeTile}
"""The kernels of `kernels_asm/asm`: binary_conv.S and binary_conv_tree.S."""

TILES_TRIED = 6
"""Of each kind and layer: good ones that every width can use."""
HEIGHT = 230


@dataclass(frozen=True, slots=True)
class LayerCycles:
    """A layer's fastest tile of those tried, and its cycles."""

    layer: str
    tile: str
    cycles: int


@dataclass(frozen=True, slots=True)
class WidthCycles:
    """The layers of a network with a kernel of one kind and an accumulator of one width."""

    kind: str
    width: int
    layers: tuple[LayerCycles, ...]

    @property
    def cycles(self) -> int:
        """Cycles of all of them."""
        return sum(layer.cycles for layer in self.layers)


@dataclass(frozen=True, slots=True)
class AccumulatorMap:
    """What `accumulator_map` found on a core; kinds and widths that no kernel computes are left out."""

    core: str
    in_order: bool
    entries: tuple[WidthCycles, ...]

    def of(self, kind: str, width: int) -> WidthCycles | None:
        """Return the entry of a kind of kernel and a width."""
        return next((entry for entry in self.entries if (entry.kind, entry.width) == (kind, width)), None)

    def change(self, kind: str, width: int) -> float | None:
        """Return the cycles as a share of those with the widest accumulator, None where either is not there."""
        entry, widest = self.of(kind, width), self.of(kind, max(ACCUMULATORS))
        return entry.cycles / widest.cycles if entry and widest else None


def accumulator_map(core_name: str, network: str, cache: EvaluationCache) -> AccumulatorMap:
    """Time the binary convolutions of a network on a core with each width; timings are looked up in `cache` first.

    Raises as `dse.latency.EmulatedTimer.time`, and CacheError if the cache cannot be used.
    """
    core = load_core(core_name)
    shapes = [(layer.name, layer.shape) for layer in build_network(network).binary_layers]
    entries = []
    for kind in KINDS:
        for width in ACCUMULATORS:
            layers = [_fastest(name, shape, kind, width, core, cache) for name, shape in shapes]
            if all(layers):
                entries.append(WidthCycles(kind, width, tuple(layer for layer in layers if layer is not None)))
    return AccumulatorMap(core_name, core.kind == "in-order", tuple(entries))


def _fastest(
    name: str, shape: ConvShape, kind: str, width: int, core: Core, cache: EvaluationCache
) -> LayerCycles | None:
    timer = EmulatedTimer(core)
    cycles: dict[str, int] = {}
    for tile in _tiles(shape, KINDS[kind], core):
        work = Convolution(shape, KernelVariant(_arithmetic(width), tile))
        content = timer.key(work)
        record = cache.load(LATENCY, content) or cache.store(LATENCY, content, timer.time(work))
        cycles[str(tile)] = record["cycles"]
    if not cycles:
        return None
    best = min(cycles, key=lambda tile: (cycles[tile], tile))
    return LayerCycles(name, best, cycles[best])


def _tiles(shape: ConvShape, kind: type[Tile], core: Core) -> list[Tile]:
    tiles: tuple[Tile, ...] = tuple(tile for tile in plain_tiles(shape, tile_family(core)) if isinstance(tile, kind))
    for width in ACCUMULATORS:
        tiles = legal_tiles(_arithmetic(width), shape, tiles)
    return good_tiles(tiles, shape)[:TILES_TRIED]


def _arithmetic(width: int) -> Arithmetic:
    return Arithmetic(width, output=OutputType.INT16)


def map_figure(core: AccumulatorMap, lowest: float, highest: float, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw one core of the map: cycles by width, in per cent of the widest; all cores from `lowest` to `highest`."""
    figure = go.Figure(layout={"template": theme.template})
    for (kind, colour), symbol in zip(zip(KINDS, (RAMP[0], RAMP[4]), strict=True), ("circle", "square"), strict=True):
        entries = [entry for width in ACCUMULATORS if (entry := core.of(kind, width)) is not None]
        figure.add_trace(
            go.Scatter(
                x=[f"{entry.width} bit" for entry in entries],
                y=[100 * (core.change(kind, entry.width) or 1) for entry in entries],
                text=[_hover(entry) for entry in entries],
                hovertemplate="%{y:.1f} %<br>%{text}<extra></extra>",
                mode="lines+markers",
                line={"color": colour},
                marker={"size": 8, "symbol": symbol},
                name=kind,
            )
        )
    figure.update_layout(height=HEIGHT, showlegend=False, hovermode="closest")
    figure.update_xaxes(type="category", categoryarray=[f"{width} bit" for width in ACCUMULATORS], fixedrange=True)
    figure.update_yaxes(range=[lowest, highest], ticksuffix=" %", fixedrange=True)
    return figure


def _hover(entry: WidthCycles) -> str:
    layers = (f"{escape(layer.layer)}: {layer.cycles:,} with {escape(layer.tile)}" for layer in entry.layers)
    return "<br>".join([f"<b>{entry.kind}, {entry.width} bit: {entry.cycles:,} cycles</b>", *layers])
