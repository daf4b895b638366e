"""One or two designs: what they are, what they reach, where their cycles go, what they hold in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards import ids
from dashboards.address import address
from dashboards.commands import StudyPlace, export_command, reproduction, training_commands
from dashboards.components.aria import aria
from dashboards.components.card import card
from dashboards.components.figure import still_figure
from dashboards.components.layer_legend import legend_list
from dashboards.components.panel import panel
from dashboards.design_query import DesignLayer, ShownDesign
from dse.accuracy_claims import against_conventional
from dse.chart_theme import Theme
from dse.charts import describe_design
from dse.headings import heading
from dse.kernel_description import data_bytes
from dse.layer_chart import layer_figure, layer_legend
from dse.results import StudyResults
from dse.training_chart import training_figure
from dse.twin_rows import twin_headings, twin_rows


def design_body(
    designs: Sequence[ShownDesign],
    results: StudyResults,
    place: StudyPlace,
    overrides: Mapping[str, str],
    theme: Theme,
) -> list[Component]:
    """Return everything of the designs but the roofline, which has to be computed."""
    return [
        _columns([_summary(design, results) for design in designs]),
        panel(html.H2("Cycles of the layers, and what bounds them"), _columns(_bars(designs, theme))),
        panel(html.H2("Layers"), html.Div(_layer_table(designs), className="scroll")),
        html.Div(
            [
                panel(html.H2("Training"), _training(designs, theme)),
                panel(html.H2("Memory"), html.Div(_memory_table(designs), className="scroll"), html.P(
                    "Bytes of the convolutions as their kernels lay them out: packed weights, and the largest sum of "
                    "what one of them reads and writes. Batch norm behind them, and maps kept for shortcuts, are in "
                    "memory_bytes and weight_bytes of a study alone.", className="quiet small")),
            ],
            className="pair",
        ),
        *[_twins(design, results) for design in designs if design.trial.complete and design.trial.stands_for],
        panel(html.H2("Take it to a board"), *_exports(designs)),
        panel(
            html.H2("Do it again"),
            *[part for design in designs for part in _commands(design, results, place, overrides)],
        ),
    ]  # fmt: skip


def name_of(design: ShownDesign, results: StudyResults) -> str:
    """Return what a design is called on the page."""
    is_conventional = results.conventional is not None and results.conventional.number == design.trial.number
    return f"Trial {design.trial.number}{' (conventional)' if is_conventional else ''}"


def _columns(children: Sequence[Component]) -> Component:
    return html.Div(list(children), className="two-columns" if len(children) > 1 else "")


def _summary(design: ShownDesign, results: StudyResults) -> dmc.Paper:
    trial = design.trial
    cards = []
    if trial.latency_ms is not None:
        cycles = f"{trial.attributes.cycles:,} cycles" if trial.attributes.cycles is not None else ""
        cards.append(card("Latency", f"{trial.latency_ms:.3f} ms", cycles))
    cards += [card(heading(measure.label), measure.text(value), "") for measure, value in results.further(trial)]
    if trial.complete:
        cards.append(card("Accuracy", f"{trial.measured.percent} %", "validation split"))
    if trial.tested is not None:
        cards.append(card("On test images", f"{trial.tested.percent} %", "never searched on"))
    if trial.refined is not None:
        cards.append(card("Trained longer", f"{trial.refined.measured.percent} %", str(results.look)))
    compared = against_conventional(results, trial)
    return panel(
        html.H2(dcc.Link(name_of(design, results), href=address("/", trial=trial.number))),
        html.P(describe_design(trial.design), className="quiet"),
        *([html.P(trial.reason, className="quiet")] if trial.reason else []),
        dmc.SimpleGrid(cards, cols={"base": 2, "md": 3}, mt="sm"),
        *([html.P(f"Against the conventional design: {compared}.", className="quiet")] if compared else []),
    )


def _bars(designs: Sequence[ShownDesign], theme: Theme) -> list[Component]:
    """Return the layers of each design as bars, all to the same scale."""
    most = max((layer.result.cycles for design in designs for layer in design.layers), default=1)
    parts: list[Component] = []
    for design in designs:
        figure: Any = layer_figure(design.trial, theme=theme)
        figure.update_xaxes(range=[0, 1.05 * most])
        title = f"Trial {design.trial.number}"
        bars = still_figure(figure, f"Cycles of the layers of {title}")
        parts.append(html.Div([html.H3(title), legend_list(layer_legend(design.trial)), bars]))
    return parts


def _layer_table(designs: Sequence[ShownDesign]) -> html.Table:
    two = len(designs) > 1
    other = {layer.result.name: layer for layer in designs[1].layers} if two else {}
    head = ["Layer", "Shape", "Arithmetic and kernel", "Cycles", "Products a cycle", "Bound"]
    head += ["Beside: kernel", "Cycles", "Times as fast"] if two else []
    rows = []
    for layer in designs[0].layers:
        cells = _cells(layer, designs[0].trial.number)
        if two:
            cells += _beside(layer, other.get(layer.result.name), designs[1].trial.number)
        rows.append(html.Tr(cells))
    return _table(head, rows)


def _cells(layer: DesignLayer, trial: int) -> list[Component]:
    result = layer.result
    return [
        html.Th(result.name, scope="row"),
        html.Td(result.shape),
        _kernel_cell(layer, trial),
        html.Td(f"{result.cycles:,}"),
        html.Td(f"{result.products_per_cycle:.1f}"),
        html.Td(result.bound),
    ]


def _beside(layer: DesignLayer, other: DesignLayer | None, trial: int) -> list[Component]:
    if other is None:
        return [html.Td("-"), html.Td("-"), html.Td("-")]
    faster = f"{other.result.cycles / layer.result.cycles:.2f}" if layer.result.cycles else "-"
    return [_kernel_cell(other, trial), html.Td(f"{other.result.cycles:,}"), html.Td(faster)]


def _kernel_cell(layer: DesignLayer, trial: int) -> html.Td:
    """Return a link to the layer's kernel, with the passes behind it."""
    if layer.convolution is None:
        return html.Td("not recorded")
    link = dcc.Link(str(layer.convolution.variant), href=address("/kernel", trial=trial, layer=layer.result.name))
    passes = [html.Div(kernel.text, className="quiet small") for kernel in layer.kernels[1:]]
    return html.Td([link, *passes], className="text")


def _twins(design: ShownDesign, results: StudyResults) -> dmc.Paper:
    """Return what the same accuracy would cost in other arithmetics."""
    headings = list(map(heading, twin_headings(results)))
    rows = [
        html.Tr([html.Th(name, scope="row"), *map(html.Td, figures)])
        for name, *figures in twin_rows(results, design.trial)
    ]
    return panel(
        html.H2(f"As accurate as {name_of(design, results).lower()}, and no better"),
        html.P("These compute the same, so that they were timed and not trained.", className="quiet"),
        html.Div(_table(headings, rows), className="scroll"),
    )


def _training(designs: Sequence[ShownDesign], theme: Theme) -> Component:
    epochs = {
        f"trial {design.trial.number}": [(one.number, one.loss, one.accuracy) for one in design.epochs]
        for design in designs
    }
    return still_figure(training_figure(epochs, theme=theme), "Validation accuracy by epoch")


def _memory_table(designs: Sequence[ShownDesign]) -> html.Table:
    rows = []
    for design in designs:
        sizes = [data_bytes(one.convolution.variant, one.convolution.shape) for one in design.layers if one.convolution]
        weights = sum(size["weights"] for size in sizes)
        maps = max((sum(size.values()) - size["weights"] for size in sizes), default=0)
        texts = (f"{weights:,}", f"{maps:,}") if sizes else ("not recorded", "not recorded")
        rows.append(html.Tr([html.Th(f"Trial {design.trial.number}", scope="row"), *(html.Td(text) for text in texts)]))
    return _table(["Design", "Packed weights", "Most of one convolution besides"], rows)


def _table(head: Sequence[str], rows: Sequence[html.Tr]) -> html.Table:
    titles = html.Thead(html.Tr([html.Th(name, scope="col") for name in head]))
    return html.Table([titles, html.Tbody(list(rows))], className="figures-table")


def _commands(
    design: ShownDesign, results: StudyResults, place: StudyPlace, overrides: Mapping[str, str]
) -> list[Component]:
    number = design.trial.number
    kernels = [layer.convolution for layer in design.layers if layer.convolution is not None]
    again = reproduction(place, number, kernels, results.core, overrides)
    export = export_command(place, number)
    training = training_commands(place, number)
    return [
        html.H3(f"Trial {number}"),
        *_command("Check its network and time its kernels again", again, f"reproduce-{number}"),
        *_command("Export it", export, f"export-{number}"),
        *_command("Train it in full, and export that", training, f"train-{number}"),
    ]


def _exports(designs: Sequence[ShownDesign]) -> list[Component]:
    """Return a button for each complete design, and where it is said how far the export is."""
    buttons = [
        dmc.Button(f"Export trial {number}", id={"type": ids.EXPORT, "trial": number}, variant="default")
        for number in dict.fromkeys(design.trial.number for design in designs if design.trial.complete)
    ]
    return [
        html.P("Kernels, trained numbers, a driver in C and a test vector, with a Makefile, as one archive. Its "
               "program checks itself and prints the cycles of each layer.", className="quiet"),
        dmc.Group(buttons),
        html.P(id=ids.EXPORT_STATUS, className="quiet small", role="status"),
    ]  # fmt: skip


def _command(label: str, text: str, name: str) -> list[Component]:
    copy = dmc.CopyButton(value=text, children="Copy", copiedChildren="Copied", size="xs", variant="default",
                          **aria(label=f"Copy: {label}"))  # fmt: skip
    return [
        dmc.Group([html.Span(label, className="quiet small"), copy], gap="xs", mt=6),
        html.Pre(text, id=name, className="command", tabIndex="0"),
    ]
