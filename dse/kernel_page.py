"""The page of a kernel's profile: one HTML file that needs nothing else and asks the network for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from dse.chart_theme import DARK, FIGURE_CONFIG, LIGHT, Theme
from dse.kernel_charts import (
    TIMELINE_LEGEND,
    TIMELINE_ROWS,
    port_figure,
    stall_figure,
    stall_legend,
    timeline_figure,
    timeline_rows,
    timeline_start,
)
from dse.kernel_profile import KernelProfile
from dse.page import asset, cards, script_json, write_page
from isa_models import Hotspot

MOST_REASONS = 3
"""Reasons that the listing names of an instruction."""


def write_kernel_page(profile: KernelProfile, path: Path) -> None:
    """Write the page of a profile, best one with a timeline; raises DseError if the file cannot be written."""
    write_page(path, render_kernel_page(profile))


def render_kernel_page(profile: KernelProfile) -> str:
    """Return the page as HTML."""
    timeline = profile.simulation.timeline or ()
    window = f"{timeline[0].index:,} to {timeline[-1].index:,}" if timeline else "none"
    return Template(asset("kernel.html")).substitute(
        title=escape(f"{profile.timing.variant} on {profile.core.name}"),
        subtitle=escape(profile_subtitle(profile)),
        cards=cards(profile_cards(profile)),
        caches=escape(cache_line(profile)),
        window=window,
        start=f"{timeline_start(timeline):,}",
        last_row=max(len(timeline) - TIMELINE_ROWS, 0),
        rows="\n".join(_rows(profile)),
        style=asset("report.css") + asset("kernel.css"),
        script=asset("kernel.js"),
        plotly=get_plotlyjs(),
        data=script_json(_figures(profile)),
    )


def profile_subtitle(profile: KernelProfile) -> str:
    """Say what was profiled where."""
    shape = profile.timing.shape
    return (
        f"Layer {shape}: {shape.products:,} binary products, on {profile.core.name} at "
        f"{profile.core.clock_hz / 1e9:g} GHz with warm caches; {profile.outputs} identical with the oracle"
    )


def profile_cards(profile: KernelProfile) -> Iterator[tuple[str, str, str]]:
    """Yield the main figures of a profile: label, value and note of each."""
    simulation = profile.simulation
    bound = simulation.bound
    yield "Cycles", f"{simulation.cycles:,}", f"{profile.milliseconds:.3f} ms"
    yield "Products a cycle", f"{profile.timing.products_per_cycle:.1f}", f"of at most {profile.bound:.1f}"
    yield "Share of the core's bound", f"{profile.share:.1%}", "the bound: EOR, CNT and ADD for 128 products, no loads"
    over = f" ({simulation.cycles / bound.cycles - 1:+.1%} in all)" if bound.cycles else ""
    yield "Bound by", bound.what, f"which alone needs {bound.cycles:,.0f} cycles{over}"
    yield "Instructions", f"{simulation.instructions:,}", f"{simulation.ipc:.2f} a cycle"


def cache_line(profile: KernelProfile) -> str:
    """Return hits and misses of the caches, and branch mispredictions."""
    counts = [f"{name.replace('_', ' ')} {count:,}" for name, count in profile.simulation.caches.items()]
    return ", ".join([*counts, f"branch mispredictions {profile.simulation.mispredictions:,}"])


def _rows(profile: KernelProfile) -> Iterator[str]:
    """Yield the listing's rows; a row's heat is its cycles as a share of those of the hottest instruction."""
    hotspots = profile.simulation.hotspots
    hottest = max((hotspot.cycles for hotspot in hotspots), default=0) or 1
    for hotspot in hotspots:
        cells = (
            ("source", hotspot.source or f"{hotspot.address:#x}"),
            ("code", hotspot.text),
            ("", f"{hotspot.count:,}"),
            ("", f"{hotspot.cycles:,}"),
            ("heat", f"{hotspot.cycles / profile.simulation.cycles:.1%}"),
            ("reasons", reason_line(hotspot)),
        )
        columns = "".join(f'<td class="{name}">{escape(text)}</td>' for name, text in cells)
        mark = ' class="hottest"' if hotspot.cycles == hottest else ""
        yield f'<tr{mark} style="--heat: {100 * hotspot.cycles / hottest:.1f}%">{columns}</tr>'


def reason_line(hotspot: Hotspot) -> str:
    """Return what the cycles of an instruction were spent on, the most first."""
    reasons = [f"{reason} {cycles:,}" for reason, cycles in list(hotspot.stalls.items())[:MOST_REASONS]]
    rest = len(hotspot.stalls) - MOST_REASONS
    return ", ".join(reasons) + (f" and {rest} more" if rest > 0 else "")


def _figures(profile: KernelProfile) -> dict[str, Any]:
    """Return what the page's script draws, in both themes."""
    return {
        "light": _themed(profile, LIGHT),
        "dark": _themed(profile, DARK),
        "legends": {
            "stall-legend": [asdict(entry) for entry in stall_legend(profile.simulation)],
            "timeline-legend": [asdict(entry) for entry in TIMELINE_LEGEND],
        },
        "cycles": timeline_rows(profile.simulation.timeline or ()),
        "rows": TIMELINE_ROWS,
        "config": FIGURE_CONFIG,
    }


def _themed(profile: KernelProfile, theme: Theme) -> dict[str, Any]:
    figures = {"ports": port_figure, "stalls": stall_figure, "timeline": timeline_figure}
    return {name: draw(profile.simulation, theme=theme).to_plotly_json() for name, draw in figures.items()}
