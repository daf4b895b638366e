"""What the selected trial is and reached, in words above its layers."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from dashboards.address import address
from dashboards.components.header import state_name
from dashboards.components.layer_legend import legend
from dse.accuracy_claims import against_conventional, front_mark
from dse.charts import describe_design
from dse.headings import heading
from dse.results import StudyResults, TrialResult


def trial_details(results: StudyResults, number: int | None) -> list[Component]:
    """Return the heading and the figures of a trial, or what to do where there is none."""
    if number is None:
        return [html.H2("Layers"), html.P("Select a point or a row to see where its cycles go.", className="quiet")]
    trial = results.trial(number)
    if trial is None:
        return [html.H2(f"Trial {number}"), html.P("This study has no trial of that number.", className="quiet")]
    return [
        dmc.Group([html.H2(f"Trial {number}"), *_badges(results, trial)], gap="xs"),
        html.P(describe_design(trial.design), className="quiet"),
        *([dmc.Alert(trial.reason, color="orange", variant="light", p="xs", mt="xs")] if trial.reason else []),
        html.Dl(_figures(results, trial), className="figures"),
        *([_kernels(trial), legend(results, trial)] if trial.attributes.layers else []),
    ]


def _kernels(trial: TrialResult) -> Component:
    links = [
        dcc.Link(layer.name, href=address("/kernel", trial=trial.number, layer=layer.name))
        for layer in trial.attributes.layers
    ]
    return html.Div(
        [
            dcc.Link("Design page", href=address("/design", trial=trial.number)),
            html.Span("kernels of its layers:", className="quiet small"),
            *links,
        ],
        className="links",
    )


def _badges(results: StudyResults, trial: TrialResult) -> list[Component]:
    badges = []
    if trial.number in results.front_numbers:
        badges.append(dmc.Badge("on the front", color="teal", variant="light", tt="none"))
        mark = front_mark(results, trial)
        if mark is not None:
            badges.append(dmc.Badge(mark, color="gray", variant="outline", tt="none"))
    elif trial.complete and not trial.feasible:
        badges.append(dmc.Badge("infeasible", color="orange", variant="light", tt="none"))
    elif trial.complete:
        badges.append(dmc.Badge("dominated", color="gray", variant="light", tt="none"))
    else:
        badges.append(dmc.Badge(state_name(trial), color="orange", variant="light", tt="none"))
    if trial == results.conventional:
        badges.append(dmc.Badge("conventional", color="indigo", variant="light", tt="none"))
    return badges


def _figures(results: StudyResults, trial: TrialResult) -> list[Component]:
    attributes = trial.attributes
    figures: list[tuple[str, str]] = []
    if trial.latency_ms is not None:
        figures.append(("Latency", f"{trial.latency_ms:.3f} ms"))
    if attributes.cycles is not None:
        figures.append(("Cycles", f"{attributes.cycles:,}"))
    figures += [(heading(measure.label), measure.text(value)) for measure, value in results.further(trial)]
    if trial.complete:
        figures.append(("Accuracy", f"{trial.measured.percent} %"))
        interval = trial.measured.interval
        if interval is not None:
            figures.append(("95 % interval", f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f} %"))
    if trial.refined is not None:
        figures.append((f"Trained longer ({results.look})", f"{trial.refined.measured.percent} %"))
    if trial.tested is not None:
        figures.append(("On test images", f"{trial.tested.percent} %"))
    compared = against_conventional(results, trial)
    if compared is not None:
        figures.append(("Against conventional", compared))
    return [html.Div([html.Dt(name), html.Dd(value)]) for name, value in figures]
