"""The figures of a kernel's profile: how busy each port is, what the cycles went to, and a stretch of its pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go

from dse.chart_theme import LIGHT, STALL_COLOURS, LegendEntry, Theme, say
from dse.stall_families import StallFamily, family_of
from isa_models import Hotspot, Simulation, TimelineEntry

ROW_HEIGHT = 26
"""Pixels of a bar of the port and stall charts with the gap to the next."""
LEAST_STALL_SHARE = 0.001
"""Share of the cycles from which a reason has a bar of its own; all that are left are one more bar."""

TIMELINE_ROWS = 40
"""Instructions of the timeline that are in sight at once."""
TIMELINE_HEIGHT = 680
TIMELINE_REASONS = 3
"""Reasons that the hover of an instruction names."""

TIMELINE_LEGEND = (
    LegendEntry(
        "waits to execute", "from dispatch to issue: for operands, a port, or its turn", "rgba(232,118,26,0.45)"
    ),
    LegendEntry("executes", "from issue to completion", "#5782e0"),
    LegendEntry("waits to retire", "from completion to retirement: for older instructions", "rgba(127,136,148,0.4)"),
)
"""The stages of the timeline, in the order in which an instruction passes them."""

_LABELLED = {"textposition": "outside", "cliponaxis": False}
_MARGIN = {"l": 8, "r": 56, "t": 4, "b": 40}


@dataclass(frozen=True, slots=True)
class _StallBar:
    """One bar of the stall figure: a reason, or all that are too small for one; `note` is HTML."""

    name: str
    cycles: int
    family: StallFamily
    note: str
    is_rest: bool = False


def port_figure(simulation: Simulation, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw the share of the cycles in which each port or unit is busy, in the order of the core's description."""
    names = list(simulation.ports)
    shares = [100 * share for share in simulation.ports.values()]
    figure = _bars(names, theme)
    busiest = max(shares, default=0.0)
    figure.add_trace(
        go.Bar(
            x=shares,
            y=names,
            orientation="h",
            marker={"color": [theme.accent if share == busiest else theme.muted for share in shares]},
            text=[f"{share:.1f} %" for share in shares],
            hovertemplate="<b>%{y}</b><br>busy in %{x:.2f} % of the cycles<extra></extra>",
            **_LABELLED,
        )
    )
    figure.update_xaxes(title={"text": "Busy (% of the cycles)"}, range=[0, 100])
    return figure


def stall_figure(simulation: Simulation, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw the cycles by what they were spent on, the most first, coloured by the family of the reason."""
    bars = list(_stall_bars(simulation))
    figure = _bars([bar.name for bar in bars], theme)
    figure.add_trace(
        go.Bar(
            x=[bar.cycles for bar in bars],
            y=[bar.name for bar in bars],
            orientation="h",
            marker={"color": [STALL_COLOURS[bar.family] for bar in bars]},
            text=[f"{bar.cycles / simulation.cycles:.1%}" for bar in bars],
            customdata=[bar.note for bar in bars],
            hovertemplate="<b>%{y}</b><br>%{x:,} cycles, %{text}<br>%{customdata}<extra></extra>",
            **_LABELLED,
        )
    )
    most = max((bar.cycles for bar in bars), default=1)
    figure.update_xaxes(title={"text": "Cycles"}, tickformat="~s", range=[0, 1.08 * most])
    return figure


def stall_legend(simulation: Simulation) -> tuple[LegendEntry, ...]:
    """Return the families of the reasons that have a bar of their own, in their order."""
    shown = {bar.family for bar in _stall_bars(simulation) if not bar.is_rest}
    return tuple(
        LegendEntry(family.label, family.meaning, STALL_COLOURS[family]) for family in StallFamily if family in shown
    )


def timeline_figure(simulation: Simulation, *, theme: Theme = LIGHT) -> go.Figure:
    """Draw each instruction of the timeline as a row: waiting from dispatch to issue, executing, waiting to retire.

    Row i is the i-th instruction of the window, at y = i; the first `TIMELINE_ROWS` are in sight, a page moves on.
    """
    entries = simulation.timeline or ()
    hotspots = {hotspot.address: hotspot for hotspot in simulation.hotspots}
    hover = [_timeline_hover(entry, hotspots.get(entry.address)) for entry in entries]
    figure = go.Figure(layout={"template": theme.template})
    start = timeline_start(entries)
    spans = (
        [(entry.dispatch - start, entry.issue - start) for entry in entries],
        [(entry.issue - start, entry.complete - start) for entry in entries],
        [(entry.complete - start, entry.retire - start) for entry in entries],
    )
    for stage, of_stage in zip(TIMELINE_LEGEND, spans, strict=True):
        figure.add_trace(_stage(stage, of_stage, hover))
    if not entries:
        say(figure, "No timeline was recorded", theme)
    rows = timeline_rows(entries)
    first, last = rows[0] if rows else (0, 1)
    figure.update_layout(
        barmode="overlay",
        bargap=0.25,
        height=TIMELINE_HEIGHT,
        margin={"l": 8, "r": 16, "t": 48, "b": 8},
        showlegend=False,
        hovermode="closest",
        dragmode="pan",
    )
    figure.update_xaxes(title={"text": "Cycle"}, side="top", range=[first, last], tickformat=",d")
    figure.update_yaxes(
        tickvals=list(range(len(entries))),
        ticktext=[escape(entry.text) for entry in entries],
        range=[TIMELINE_ROWS - 0.5, -0.5],
        ticks="",
        ticklabelstandoff=6,
        showgrid=False,
        tickfont={"family": "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace", "size": 11},
    )
    return figure


def timeline_start(entries: Sequence[TimelineEntry]) -> int:
    """Return the cycle from which the timeline figure counts."""
    return min((entry.dispatch for entry in entries), default=0)


def timeline_rows(entries: Sequence[TimelineEntry]) -> list[tuple[int, int]]:
    """Return the first and the last cycle to show, counted as in the figure, where each row is the topmost."""
    start = timeline_start(entries)
    cycles = []
    for row in range(max(len(entries) - TIMELINE_ROWS, 0) + 1 if entries else 0):
        shown = entries[row : row + TIMELINE_ROWS]
        cycles.append((timeline_start(shown) - start - 1, max(entry.retire for entry in shown) - start + 1))
    return cycles


def _bars(names: Sequence[str], theme: Theme) -> go.Figure:
    """Return an empty figure with a row for each name, the first at the top."""
    figure = go.Figure(layout={"template": theme.template})
    figure.update_layout(
        height=ROW_HEIGHT * max(len(names), 1) + _MARGIN["t"] + _MARGIN["b"],
        margin=_MARGIN,
        bargap=0.3,
        showlegend=False,
    )
    figure.update_xaxes(fixedrange=True)
    figure.update_yaxes(
        fixedrange=True, autorange="reversed", type="category", ticks="", ticklabelstandoff=6, showgrid=False
    )
    return figure


def _stall_bars(simulation: Simulation) -> Iterator[_StallBar]:
    least = LEAST_STALL_SHARE * simulation.cycles
    shown = {reason: cycles for reason, cycles in simulation.stalls.items() if cycles >= least}
    rest = {reason: cycles for reason, cycles in simulation.stalls.items() if reason not in shown}
    if len(rest) == 1:  # its name says more, in the same place
        shown, rest = shown | rest, {}
    for reason, cycles in shown.items():
        family = family_of(reason)
        yield _StallBar(reason, cycles, family, f"{family.label}: {family.meaning}")
    if rest:
        note = "<br>".join(f"{escape(reason)}: {cycles:,}" for reason, cycles in rest.items())
        yield _StallBar(f"{len(rest)} more reasons", sum(rest.values()), StallFamily.OTHER, note, is_rest=True)


def _stage(stage: LegendEntry, spans: Sequence[tuple[int, int]], hover: Sequence[str]) -> go.Bar:
    return go.Bar(
        name=stage.label,
        base=[start for start, _ in spans],
        x=[end - start for start, end in spans],
        y=list(range(len(spans))),
        orientation="h",
        marker={"color": stage.colour, "line": {"width": 0}},
        customdata=list(hover),
        hovertemplate="%{customdata}<extra></extra>",
    )


def _timeline_hover(entry: TimelineEntry, hotspot: Hotspot | None) -> str:
    source = hotspot.source if hotspot and hotspot.source else f"{entry.address:#x}"
    return (
        f"<b>{escape(entry.text)}</b><br>{escape(source)}, instruction {entry.index:,} of the run<br>"
        f"dispatch {entry.dispatch:,}, issue {entry.issue:,} (+{entry.issue - entry.dispatch}), "
        f"complete {entry.complete:,} (+{entry.complete - entry.issue}), "
        f"retire {entry.retire:,} (+{entry.retire - entry.complete})"
        f"{_reason_of(hotspot) if hotspot else ''}"
    )


def _reason_of(hotspot: Hotspot) -> str:
    """Return why an instruction moved the end of the run: counted over all of its executions, not for each."""
    if not hotspot.cycles:
        return "<br>never moved the end of the run"
    reasons = sorted(hotspot.stalls.items(), key=lambda reason: -reason[1])[:TIMELINE_REASONS]
    listed = ", ".join(f"{escape(reason)} {cycles / hotspot.cycles:.0%}" for reason, cycles in reasons)
    return f"<br>all {hotspot.count:,} times together: {hotspot.cycles:,} cycles<br>for {listed}"
