"""The table of all trials, one row each, in every state."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag

from dashboards import ids
from dashboards.components.header import state_name
from dse.accuracy_claims import MARK, front_mark
from dse.headings import heading
from dse.measures import ACCURACY, LATENCY, Measure
from dse.results import StudyResults, TrialResult
from dse.second_look_claims import LONGER, refined_mark

GRID_THEME = (
    "themeQuartz.withParams({"
    "backgroundColor: 'var(--mantine-color-body)', foregroundColor: 'var(--mantine-color-text)',"
    "borderColor: 'var(--mantine-color-default-border)', accentColor: 'var(--mantine-primary-color-filled)',"
    "headerBackgroundColor: 'var(--mantine-color-default-hover)', chromeBackgroundColor: 'var(--mantine-color-body)',"
    "browserColorScheme: 'inherit', fontFamily: 'inherit', fontSize: 13, spacing: 6"
    "})"
)

ROW_HEIGHT = 32
HEADER_HEIGHT = 38
MOST_ROWS = 13
"""Rows that are in sight at once; the browser holds only these of a longer table."""


def trial_table() -> dag.AgGrid:
    """Return the table without rows. A row is chosen by click, or by Space on the focused row (assets/choice.js)."""
    return dag.AgGrid(
        id=ids.TRIALS,
        columnDefs=columns(None),
        rowData=[],
        getRowId="params.data.id",
        eventListeners={
            "rowSelected": ["chooseRow(params)"],
            "gridPreDestroyed": ["forgetSelection(params)"],
            # Filters of the headers become the address (assets/explore.js), and the address becomes filters once the
            # table has the columns.
            "filterChanged": ["filterByHeader(params)"],
            "newColumnsLoaded": ["showInTable(params)"],
        },
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "useValueFormatterForExport": False,  # the CSV has what was measured, not what is shown of it
            # One address for each filter, not for each key that is pressed.
            "filterParams": {"buttons": ["apply", "reset"], "closeOnApply": True},
        },
        rowClassRules={"on-front": "params.data.state.startsWith('front')", "no-point": "params.data.latency == null"},
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
            "animateRows": False,
            "rowHeight": ROW_HEIGHT,
            "isExternalFilterPresent": {"function": "filtering()"},
            "doesExternalFilterPass": {"function": "explorePasses(params)"},
            "headerHeight": HEADER_HEIGHT,
            "tooltipShowDelay": 300,
            "localeText": {"noRowsToShow": "No trials yet"},
        },
        style=table_size(0),
    )


def columns(results: StudyResults | None) -> list[dict[str, Any]]:
    """Return the columns of the table: what every study has, and what this one measures besides."""
    further = results.further_measures if results is not None else ()
    differs = results is not None and results.differs_by_layer
    has_choices = results is not None and results.chooses_network
    return [
        _number("number", "Trial", ".0f", width=64, filtered=False),
        {**_text("state", "State", width=95), "tooltipField": "note"},
        _number("latency", "Latency (ms)", ".3f", width=134),
        _number("accuracy", "Accuracy (%)", ".2f", width=136),
        _number("error", "± std. err.", ".2f", width=92, filtered=False),
        *(_refined_columns() if results is not None and results.look is not None else []),
        _text("accumulator", "Bits", width=82) if differs else _number("accumulator", "Bits", ".0f", width=82),
        _text("overflow", "Overflow", width=107),
        _text("clip", "Clip", width=80),
        _text("maps", "Maps", width=90),
        _number("width", "Width", ".2f", width=90),
        *([_text("network", "Network", width=140)] if has_choices else []),
        *(_number(str(measure), measure.label, ".4~g", width=140) for measure in further),
        {**_text("note", "Note", minWidth=120, flex=1), "tooltipField": "note"},
    ]


def column_of(measure: Measure) -> str:
    """Return the field of the table's rows that has a measure, in the unit in which charts show it."""
    return {LATENCY: "latency", ACCURACY: "accuracy"}.get(measure, str(measure))


def table_size(row_count: int) -> dict[str, Any]:
    """Return the style of the table of `row_count` rows: as high as they are, up to `MOST_ROWS`."""
    return {"height": HEADER_HEIGHT + ROW_HEIGHT * min(max(row_count, 2), MOST_ROWS) + 4}


def rows(results: StudyResults) -> list[dict[str, Any]]:
    """Return the rows of the table, the newest trial first."""
    return [_row(results, trial) for trial in reversed(results.trials)]


def _row(results: StudyResults, trial: TrialResult) -> dict[str, Any]:
    design = trial.design
    error = trial.attributes.accuracy_standard_error
    row: dict[str, Any] = {
        "id": str(trial.number),
        "number": trial.number,
        "state": _state(results, trial),
        "latency": trial.latency_ms,
        "accuracy": None if trial.accuracy is None else 100 * trial.accuracy,
        "error": None if error is None else 100 * error,
        "note": _note(results, trial),
        **{str(measure): measure.shown(value) for measure, value in results.further(trial)},
    }
    if trial.refined is not None:
        row |= {"refined": 100 * trial.refined.accuracy, "refinedError": 100 * trial.refined.standard_error}
    if design is not None:
        row |= {
            "accumulator": design.sums[0].accumulator if len(design.sums) == 1 else design.accumulator_text,
            "overflow": design.overflow_text,
            "clip": design.clip_text,
            "maps": design.network.maps.value,
            "width": design.network.width_multiplier,
            "network": design.network.further or "usual",
        }
    return row


def _state(results: StudyResults, trial: TrialResult) -> str:
    if trial.complete and not trial.feasible:
        return "infeasible"
    if trial.number not in results.front_numbers:
        return state_name(trial)
    return f"front {MARK}" if trial.number in results.not_shown_above else "front"


def _note(results: StudyResults, trial: TrialResult) -> str | None:
    conventional = "conventional" if trial == results.conventional else None
    notes = [conventional, front_mark(results, trial), refined_mark(results, trial), trial.reason]
    return "; ".join(note for note in notes if note) or None


def _text(field: str, title: str, **options: int) -> dict[str, Any]:
    return {"field": field, "headerName": title, "filter": "agTextColumnFilter", **options}


def _refined_columns() -> list[dict[str, Any]]:
    """Return the columns of the second look: its accuracy with the standard error behind it, sorted by the accuracy.

    The standard error has a column of its own in the CSV alone (assets/explore.js).
    """
    shown = "params.value == null ? '' : d3.format('.2f')(params.value) + ' ± ' + d3.format('.2f')"
    column = _number("refined", f"{heading(LONGER)} (%)", ".2f", width=150, filtered=False)
    error = _number("refinedError", f"± std. err. {LONGER}", ".2f", width=92, filtered=False)
    return [
        column | {"valueFormatter": {"function": f"{shown}(params.data.refinedError)"}},
        error | {"hide": True, "context": {"shownIn": "refined"}},
    ]


def _number(field: str, title: str, format_: str, *, width: int, filtered: bool = True) -> dict[str, Any]:
    return {
        "field": field,
        "headerName": title,
        "type": "rightAligned",
        "filter": "agNumberColumnFilter" if filtered else False,
        "width": width,
        "valueFormatter": {"function": f"params.value == null ? '' : d3.format('{format_}')(params.value)"},
    }
