"""A kernel's profile as a page shows it: main figures, ports, stalls, pipeline and listing; or two side by side."""

from __future__ import annotations

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.components.card import card
from dashboards.components.figure import figure, still_figure
from dashboards.components.layer_legend import legend_list
from dashboards.components.listing import listing
from dashboards.components.panel import panel
from dse.chart_theme import Theme
from dse.kernel_charts import (
    TIMELINE_LEGEND,
    TIMELINE_ROWS,
    port_figure,
    stall_figure,
    stall_legend,
    timeline_figure,
    timeline_start,
)
from dse.kernel_page import cache_line, profile_cards, profile_subtitle
from dse.kernel_profile import KernelProfile
from isa_models import TimelineEntry

ROWS_CHOICES = ("20", "40", "80", "160")
"""Instructions of the timeline that can be in sight at once."""


def kernel_result(before: KernelProfile, after: KernelProfile | None, theme: Theme) -> list[Component]:
    """Return the profile of a kernel, or two in two columns with what changed above them."""
    if after is None:
        return _side(before, "before", "", theme)
    columns = [
        html.Div([html.H2(f"{name.capitalize()}: {_named(profile)}"), *_side(profile, name, name, theme)],
                 className="page-content")
        for name, profile in (("before", before), ("after", after))
    ]  # fmt: skip
    return [panel(html.H2("Before and after"), _comparison(before, after)), html.Div(columns, className="two-columns")]


def _named(profile: KernelProfile) -> str:
    return f"{profile.timing.variant} on {profile.core.name}"


def _comparison(before: KernelProfile, after: KernelProfile) -> Component:
    rows = [
        ("Cycles", before.simulation.cycles, after.simulation.cycles, ",.0f"),
        ("Products a cycle", before.timing.products_per_cycle, after.timing.products_per_cycle, ",.1f"),
        ("Instructions", before.simulation.instructions, after.simulation.instructions, ",.0f"),
        *(
            (f"Cycles of {reason}", before.simulation.stalls.get(reason, 0), after.simulation.stalls.get(reason, 0),
             ",.0f")
            for reason in _reasons(before, after)
        ),
    ]  # fmt: skip
    head = html.Thead(html.Tr([html.Th(name, scope="col") for name in ("", "Before", "After", "Change")]))
    body = [
        html.Tr(
            [html.Th(name, scope="row"), html.Td(f"{old:{form}}"), html.Td(f"{new:{form}}"), html.Td(_change(old, new))]
        )
        for name, old, new, form in rows
    ]
    return html.Div(html.Table([head, html.Tbody(body)], className="figures-table"), className="scroll")


def _reasons(before: KernelProfile, after: KernelProfile, most: int = 6) -> list[str]:
    """Return the reasons whose cycles changed most."""
    old, new = before.simulation.stalls, after.simulation.stalls
    changed = {reason: abs(new.get(reason, 0) - old.get(reason, 0)) for reason in {*old, *new}}
    return sorted((reason for reason in changed if changed[reason]), key=lambda name: (-changed[name], name))[:most]


def _change(old: float, new: float) -> str:
    if old == new:
        return "none"
    return f"{new / old - 1:+.1%}" if old else "new"


def _side(profile: KernelProfile, side: str, heading: str, theme: Theme) -> list[Component]:
    simulation = profile.simulation
    suffix = f", {heading}" if heading else ""
    return [
        html.P(profile_subtitle(profile) + ".", className="quiet"),
        dmc.SimpleGrid([card(*entry) for entry in profile_cards(profile)], cols={"base": 2, "md": 3 if heading else 5}),
        html.Div(
            [
                panel(
                    html.H2("How busy each port is"),
                    still_figure(port_figure(simulation, theme=theme), f"Ports{suffix}"),
                    html.P(cache_line(profile) + ".", className="quiet small"),
                ),
                panel(
                    html.H2("What the cycles were spent on"),
                    legend_list(stall_legend(simulation)),
                    still_figure(stall_figure(simulation, theme=theme), f"Stalls{suffix}"),
                ),
            ],
            className="pair",
        ),
        panel(html.H2("A stretch of the pipeline"), *_timeline(profile, side, suffix, theme)),
        panel(
            html.H2("Cycles of each instruction"),
            html.P(
                "Cycles by which each moved the end of the run; the stronger the colour, the more. The bars show what "
                "an instruction's cycles went to, in the colours of the legend above.",
                className="quiet small",
            ),
            listing(simulation, side),
        ),
    ]


def _timeline(profile: KernelProfile, side: str, suffix: str, theme: Theme) -> Sequence[Component]:
    entries = profile.simulation.timeline or ()
    if not entries:
        return [html.P("No timeline was recorded.", className="quiet")]
    chart = timeline_figure(profile.simulation, theme=theme)
    last = max(len(entries) - int(ROWS_CHOICES[0]), 1)
    return [
        html.P(
            f"Instructions {entries[0].index:,} to {entries[-1].index:,} of the run, from its middle; cycle 0 is cycle "
            f"{timeline_start(entries):,} of the run. Each row is one instruction from dispatch to retirement.",
            className="quiet small",
        ),
        html.Div(
            [
                html.Span("from instruction", className="quiet small"),
                dmc.Slider(
                    id={"type": ids.TIMELINE_ROW, "side": side},
                    min=0,
                    max=last,
                    value=0,
                    size="sm",
                    updatemode="drag",
                    className="slider",
                    thumbLabel=f"Topmost instruction{suffix}",
                ),
                html.Span("in sight", className="quiet small"),
                dmc.SegmentedControl(
                    id={"type": ids.TIMELINE_ROWS, "side": side},
                    data=list(ROWS_CHOICES),
                    value=str(TIMELINE_ROWS),
                    size="xs",
                    **{"aria-label": f"Instructions in sight{suffix}"},
                ),
            ],
            className="timeline-controls",
        ),
        legend_list(TIMELINE_LEGEND),
        dcc.Store(id={"type": ids.TIMELINE_CYCLES, "side": side}, data=_spans(entries)),
        figure(chart, f"Timeline{suffix}", id={"type": ids.TIMELINE, "side": side}),
    ]


def _spans(entries: Sequence[TimelineEntry]) -> list[tuple[int, int]]:
    """Return dispatch and retirement of each instruction, counted as in the figure."""
    start = timeline_start(entries)
    return [(entry.dispatch - start, entry.retire - start) for entry in entries]
