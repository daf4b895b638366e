"""The designs for which a trial stands, as rows of a table: for the command line and the dashboard alike."""

from __future__ import annotations

from collections.abc import Iterator

from dse.measures import ACCURACY, LATENCY, Measure
from dse.results import StudyResults, TrialResult


def twin_headings(results: StudyResults) -> list[str]:
    """Return the headings of the columns: the design, its measures, its latency against the trial's."""
    return ["design", *(measure.label for measure in _measures(results)), "latency against the trial"]


def twin_rows(results: StudyResults, trial: TrialResult) -> Iterator[list[str]]:
    """Yield the cells of each design that computes the same as a complete trial's and is no better, fastest first."""
    measures = _measures(results)
    for twin in sorted(trial.stands_for, key=lambda twin: twin.measures[str(LATENCY)]):
        slower = twin.measures[str(LATENCY)] / trial.point[0]
        yield [str(twin.design), *(one.text(twin.measures[str(one)]) for one in measures), f"{slower:.2f}x"]


def _measures(results: StudyResults) -> list[Measure]:
    return [measure for measure in results.goal.measures if measure != ACCURACY]
