"""The roofline of a core: what a layer can reach at best, by the products that it makes of each byte that it moves.

Products count once, and bytes count once: packed activations and weights, outputs, and what else a kernel is lent.
A roof is either the core's binary arithmetic or what a level of memory hands over in a cycle. Simulations run with warm
caches, so that the roof of a level binds only a layer that does not fit the levels before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import plotly.graph_objects as go

from dse.binary_bound import binary_bound
from dse.chart_theme import LIGHT, RAMP, SYMBOLS, Theme
from dse.kernel_description import data_bytes
from dse.recorded_kernel import RecordedKernel
from isa_models import Core, InOrderCore

HEIGHT = 420
_LOAD = "load_vector_q"
_LOAD_BYTES = 16
_REUSED = ("scratch",)
"""Lent memory that a kernel writes and reads again while it is in L1."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What a core can do in a cycle: binary products, and the bytes that each level of memory hands over, by name."""

    core: str
    products: float
    bytes: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """A layer: its products for each byte, those that it makes in a cycle, and a text for people."""

    name: str
    intensity: float
    products_per_cycle: float
    text: str


def ceilings(core: Core) -> Ceilings:
    """Return the ceilings of a core; raises isa_models.InputError if it has no timing for what bounds it."""
    levels = {"L1 loads": _loaded(core), "L2": _per_cycle(core, core.l2.fill_cycles),
              "memory": _per_cycle(core, core.memory.fill_cycles)}  # fmt: skip
    return Ceilings(core.name, binary_bound(core), {name: rate for name, rate in levels.items() if rate})


def moved_bytes(kernel: RecordedKernel) -> int:
    """Return the bytes that a kernel has to read or write at least once."""
    return sum(size for name, size in data_bytes(kernel.variant, kernel.shape).items() if name not in _REUSED)


def roofline_figure(
    core: Ceilings, designs: Mapping[str, Sequence[RooflinePoint]], *, theme: Theme = LIGHT
) -> go.Figure:
    """Draw the roofs of a core and the layers of some designs, by the name of each design."""
    figure = go.Figure(layout={"template": theme.template})
    points = [point for of_design in designs.values() for point in of_design]
    ridge = max([core.products / rate for rate in core.bytes.values()], default=1.0)
    low = min(
        [0.5 * point.intensity for point in points] + [0.3 * core.products / max(core.bytes.values(), default=1.0)]
    )
    high = max([2 * point.intensity for point in points] + [3 * ridge])
    x = np.geomspace(low, high, 60)
    for name, rate in core.bytes.items():
        figure.add_trace(_roof(name, f"{rate:.3g} bytes a cycle", x, np.minimum(x * rate, core.products), theme))
    figure.add_trace(
        _roof("EOR, CNT and ADD", f"{core.products:.1f} products a cycle", x, np.full(60, core.products), theme)
    )
    for (name, of_design), colour, symbol in zip(designs.items(), (RAMP[0], RAMP[4]), SYMBOLS, strict=False):
        figure.add_trace(
            go.Scatter(
                x=[point.intensity for point in of_design],
                y=[point.products_per_cycle for point in of_design],
                customdata=[point.text for point in of_design],
                hovertemplate="%{customdata}<extra></extra>",
                mode="markers",
                marker={"size": 11, "color": colour, "symbol": symbol, "line": {"width": 1, "color": theme.surface}},
                name=escape(name),
            )
        )
    figure.update_layout(
        height=HEIGHT, hovermode="closest", legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"}
    )
    figure.update_xaxes(type="log", title={"text": "Binary products for each byte moved"})
    figure.update_yaxes(type="log", title={"text": "Binary products a cycle"})
    return figure


def _roof(name: str, note: str, x: np.ndarray, y: np.ndarray, theme: Theme) -> go.Scatter:
    dash = {"EOR, CNT and ADD": "solid", "L1 loads": "dash", "L2": "dot"}.get(name, "dashdot")
    return go.Scatter(
        x=x.tolist(),
        y=y.tolist(),
        mode="lines",
        line={"color": theme.muted, "width": 1.5, "dash": dash},
        name=f"{name}: {note}",
        hovertemplate=f"{name}: {note}<extra></extra>",
    )


def _per_cycle(core: Core, fill_cycles: int) -> float:
    """Return the bytes that a level hands over in a cycle, 0 where the description sets no limit."""
    return core.l2.line_bytes / fill_cycles if fill_cycles else 0.0


def _loaded(core: Core) -> float:
    """Return the bytes that 128-bit loads bring in a cycle, 0 for a core without such an entry."""
    if isinstance(core, InOrderCore):
        load = core.classes.get(_LOAD)
        return _LOAD_BYTES / max(load.issue, load.busy) if load else 0.0
    timing = core.classes.get(_LOAD)
    return _LOAD_BYTES * len(timing.ports) / timing.occupancy if timing else 0.0
