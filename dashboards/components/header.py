"""The top of the page: what is searched, how far it is, and the best found so far."""

from __future__ import annotations

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component
from optuna.trial import TrialState

from dashboards.components.card import card
from dse.accuracy_claims import against_conventional, front_mark, front_summary
from dse.recipe_text import recipe_text
from dse.results import StudyResults, TrialResult

STATE_NAMES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def header(results: StudyResults) -> list[Component]:
    """Return the header of a study."""
    clock = f" at {results.clock_hz / 1e9:g} GHz" if results.clock_hz else ""
    return [
        dmc.Group(
            [
                dmc.Title(results.name, order=1, className="study-name"),
                dmc.Badge(f"{results.core_name}{clock}", variant="light", tt="none"),
                dmc.Badge(results.dataset, variant="light", color="grape", tt="none"),
                dmc.Badge(f"network {results.network}", variant="light", color="gray", tt="none"),
                dmc.Badge(f"training: {recipe_text(results.recipe)}", variant="light", color="gray", tt="none"),
            ],
            gap="xs",
        ),
        dmc.SimpleGrid(
            [_progress(results), _fastest(results), _most_accurate(results), _gain(results)],
            cols={"base": 2, "md": 4},
            spacing="sm",
            mt="sm",
        ),
        html.P(front_summary(results), className="quiet front-summary"),
    ]


def state_name(trial: TrialResult) -> str:
    """Return the state of a trial in a word."""
    return STATE_NAMES[trial.state]


def _progress(results: StudyResults) -> dmc.Paper:
    finished = len(results.complete)
    total = max(results.budget or 0, finished)
    counts = [(results.count(state), name) for state, name in STATE_NAMES.items()]
    running = results.count(TrialState.RUNNING) > 0
    return card(
        "Trials complete",
        f"{finished} / {total}" if results.budget else f"{finished}",
        html.Div(", ".join(f"{count} {name}" for count, name in counts if count) or "none yet"),
        dmc.Progress(
            value=100 * finished / total if total else 0,
            size="sm",
            mt=6,
            striped=running,
            animated=running,
            **{"aria-label": "Trials complete"},
        ),
    )


def _fastest(results: StudyResults) -> dmc.Paper:
    trial = results.fastest
    if trial is None:
        return card("Best latency", "-", "of the binary layers")
    note = f"trial {trial.number}, at {trial.measured.percent} %; of the binary layers"
    return card("Best latency", f"{trial.point[0]:.3f} ms", note)


def _most_accurate(results: StudyResults) -> dmc.Paper:
    trial = results.most_accurate
    if trial is None:
        return card("Highest accuracy", "-", "validation split")
    mark = front_mark(results, trial)
    note = f"trial {trial.number}, at {trial.point[0]:.3f} ms; validation{'' if mark is None else f'; {mark}'}"
    return card("Highest accuracy", f"{trial.measured.percent} %", note)


def _gain(results: StudyResults) -> dmc.Paper:
    if results.gain is None or results.equal_accuracy is None:
        waits = "waits for the design with 32-bit accumulators and no clip"
        none = "no design that keeps the constraints is as accurate"
        return card("Gain over conventional", "-", waits if results.conventional is None else none)
    compared = against_conventional(results, results.equal_accuracy) or "the conventional design itself"
    note = f"trial {results.equal_accuracy.number}: {compared}"
    return card("Gain over conventional", f"{results.gain:.2f}x", note)
