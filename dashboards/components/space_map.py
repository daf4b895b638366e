"""Small multiples of the cores, and the figures in a table."""

from __future__ import annotations

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from dashboards.address import address
from dashboards.components.figure import still_figure
from dashboards.components.layer_legend import legend_list
from dse.accumulator_map import KINDS, AccumulatorMap, map_figure
from dse.chart_theme import RAMP, LegendEntry, Theme
from dse.space import ACCUMULATORS

_MEANINGS = ("binary_conv.S", "binary_conv_tree.S")


def space_map(maps: Sequence[AccumulatorMap], total: int, theme: Theme) -> list[Component]:
    """Return the cores that are known so far, of `total`."""
    known = f"{len(maps)} of {total} cores so far; the others are being timed." if len(maps) < total else ""
    parts: list[Component] = [html.P(known, className="quiet waiting")] if known else []
    if not maps:
        return parts
    changes = [
        100 * change
        for one in maps
        for kind in KINDS
        for width in ACCUMULATORS
        if (change := one.change(kind, width)) is not None
    ]
    lowest, highest = min(changes, default=50) - 5, max(changes, default=100) + 5
    entries = [
        LegendEntry(kind, f"kernel {source}", colour)
        for kind, source, colour in zip(KINDS, _MEANINGS, (RAMP[0], RAMP[4]), strict=True)
    ]
    multiples = [_multiple(one, lowest, highest, theme) for one in maps]
    return [
        *parts,
        legend_list(entries),
        html.Div(multiples, className="multiples"),
        html.Div(_table(maps), className="scroll"),
    ]


def _multiple(one: AccumulatorMap, lowest: float, highest: float, theme: Theme) -> Component:
    chart = map_figure(one, lowest, highest, theme=theme)
    kind = "in order" if one.in_order else "out of order"
    heading = html.H3([dcc.Link(one.core, href=address("/cores", core=one.core)), f", {kind}"])
    return html.Div([heading, still_figure(chart, f"Cycles by width on {one.core}")])


def _table(maps: Sequence[AccumulatorMap]) -> html.Table:
    head = ["Core", "Kernel", *(f"{width} bit" for width in ACCUMULATORS), "8 against 32 bit"]
    rows = []
    for one in maps:
        for kind in KINDS:
            entries = [one.of(kind, width) for width in ACCUMULATORS]
            cycles = [f"{entry.cycles:,}" if entry else "-" for entry in entries]
            change = one.change(kind, ACCUMULATORS[0])
            texts = [kind, *cycles, "-" if change is None else f"{change - 1:+.1%}"]
            rows.append(html.Tr([html.Th(one.core, scope="row"), *(html.Td(text) for text in texts)]))
    titles = html.Thead(html.Tr([html.Th(name, scope="col") for name in head]))
    return html.Table([titles, html.Tbody(rows)], className="figures-table")
