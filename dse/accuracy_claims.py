"""What may be said of the accuracies of a study's designs, in the words that every table, chart and page uses.

No text claims that one design is more accurate than another unless their accuracies differ (dse/uncertainty.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from dse.results import StudyResults, TrialResult
from dse.uncertainty import MeasuredAccuracy, differ

ERRORS_NOTE = (
    "Accuracy is measured on the validation images; ± is one standard error, of the images and, where the study "
    "recorded it, of the seed. Two designs differ in accuracy if they are more than 1.96 standard errors of their "
    "difference apart."
)
"""What a reader of a table must know of the figures behind the accuracies."""

MARK = "*"
"""Stands in a table for the mark of a design on the front whose words have no room; they stand by the table then."""

HOLLOW_NOTE = "Hollow points of the front are not shown to be more accurate than a faster one."
"""What a reader of the front figure must know of its points."""


def is_distinguishable(results: StudyResults, trial: TrialResult) -> bool | None:
    """Whether a design of the front is shown to be more accurate than each faster one of it; None for any other."""
    return trial.number not in results.not_shown_above if trial.number in results.front_numbers else None


def front_mark(results: StudyResults, trial: TrialResult) -> str | None:
    """Return the mark of a design on the front that is not distinguishable from a faster one, None for any other."""
    faster = results.not_shown_above.get(trial.number)
    return None if faster is None else f"not shown to be more accurate than trial {faster.number}"


def marked_groups(results: StudyResults) -> Iterator[tuple[TrialResult, list[TrialResult]]]:
    """Yield each distinguishable design that others of the front do not differ from, with those, fastest first."""
    for faster in results.distinguishable:
        unshown = [trial for trial in results.front if results.not_shown_above.get(trial.number) == faster]
        if unshown:
            yield faster, unshown


def front_summary(results: StudyResults) -> str:
    """Say how many designs are on the front, and how many of them are distinguishable."""
    return front_counts(len(results.front), len(results.distinguishable))


def front_counts(designs: int, distinguishable: int) -> str:
    """Say how many designs a front has: "5 designs on the front, 3 of them distinguishable"."""
    return f"{designs} design{'' if designs == 1 else 's'} on the front, {distinguishable} of them distinguishable"


def study_notes(results: StudyResults) -> list[str]:
    """Say how many designs are on the front, and what was not trained, a line each."""
    notes = (front_summary(results), twins_note(results), spared_note(results))
    return [note for note in notes if note is not None]


def spared_note(results: StudyResults) -> str | None:
    """Say how many designs were not trained; None where every one was."""
    spared = len(results.spared)
    if not spared:
        return None
    return (
        f"not trained, or not to the end: {spared} of {spared + len(results.complete)} designs, which could not have "
        "reached the front"
    )


def twins_note(results: StudyResults) -> str | None:
    """Say how many designs were timed only, as an evaluated one computes the same; None where there is none."""
    twins = len(results.twins)
    if not twins:
        return None
    evaluated = len(results.complete)
    return (
        f"timed and not trained: {twins} of {twins + evaluated} designs, which compute the same as one of the "
        f"{evaluated} evaluated and are no better"
    )


def against_conventional(results: StudyResults, trial: TrialResult) -> str | None:
    """Compare a complete trial with the conventional design in speed and accuracy; None where there is nothing to say.

    For example "1.15x as fast at an accuracy that does not differ (84.94 ± 0.60 against 84.97 ± 0.60 %)".
    """
    conventional = results.conventional
    if conventional is None or trial == conventional or not trial.complete or trial.point[0] <= 0:
        return None
    speed = f"{conventional.point[0] / trial.point[0]:.2f}x as fast"
    return f"{speed} at {_compared_accuracy(trial.measured, conventional.measured)}"


def accuracy_gain(trial: TrialResult, conventional: TrialResult) -> str:
    """Return the points of accuracy between two complete trials, "+1.52", or "not shown" where they do not differ."""
    if not differ(trial.measured, conventional.measured):
        return "not shown"
    return f"{100 * (trial.point[1] - conventional.point[1]):+.2f}"


def _compared_accuracy(one: MeasuredAccuracy, other: MeasuredAccuracy) -> str:
    figures = f"{one.percent} against {other.percent} %"
    if one.standard_error is None or other.standard_error is None:
        return f"an accuracy of {figures}, standard error unknown"
    if not differ(one, other):
        return f"an accuracy that does not differ ({figures})"
    points = 100 * (one.value - other.value)
    return f"an accuracy {abs(points):.2f} points {'better' if points > 0 else 'worse'} ({figures})"
