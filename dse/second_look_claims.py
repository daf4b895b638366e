"""What a second look says of the designs on a front, in the words that every table, chart and page uses."""

from __future__ import annotations

from collections.abc import Iterator

from dse.accuracy_claims import against_conventional, front_summary
from dse.front import dominates
from dse.results import StudyResults, TrialResult, losses_of

LONGER = "trained longer"
"""Begins every text that speaks of the second look."""


def refined_mark(results: StudyResults, trial: TrialResult) -> str | None:
    """Return why a design of the front is, trained longer, not distinguishable; None for any other."""
    reason = _reason(results, trial)
    return None if reason is None else f"{LONGER}, {reason[0]} trial {reason[1].number}"


def is_refined_distinguishable(results: StudyResults, trial: TrialResult) -> bool | None:
    """Whether a design of the front is distinguishable by its second look too; None for one that had none."""
    if trial.refined is None or trial.number not in results.front_numbers:
        return None
    return _reason(results, trial) is None


def refined_fields(results: StudyResults, trial: TrialResult) -> dict[str, float | bool | str | None]:
    """Return what a second look found of a trial by the names that exports give it; accuracies are 0..1."""
    found = trial.refined
    return {
        "refined_accuracy": None if found is None else found.accuracy,
        "refined_accuracy_standard_error": None if found is None else found.standard_error,
        "refined_test_accuracy": None if found is None else found.test_accuracy,
        "refined_test_accuracy_standard_error": None if found is None else found.test_standard_error,
        "refined_distinguishable": is_refined_distinguishable(results, trial),
        "refined_front_mark": refined_mark(results, trial),
    }


def refined_notes(results: StudyResults) -> list[str]:
    """Return what the second look shows and does not show, a line each; none where there was none."""
    again = results.refined
    if again is None:
        return []
    seen = sum(trial.refined is not None for trial in results.front)
    notes = [
        f"second look at {seen} of {len(results.front)} designs of the front ({results.look}): {LONGER}, "
        f"{front_summary(again)}"
    ]
    for (what, other), trials in _groups(results).items():
        numbers = ", ".join(str(trial.number) for trial in trials)
        notes.append(f"{LONGER}, {what} trial {other}: trial{'' if len(trials) == 1 else 's'} {numbers}")
    equal = again.equal_accuracy
    if equal and (compared := against_conventional(again, equal)):
        notes.append(f"{LONGER}, trial {equal.number} against the conventional design: {compared}")
    return notes


def _groups(results: StudyResults) -> dict[tuple[str, int], list[TrialResult]]:
    """Return the designs that are not distinguishable, by the reason and the number of the design it names."""
    groups: dict[tuple[str, int], list[TrialResult]] = {}
    for trial in results.front:
        if (reason := _reason(results, trial)) is not None:
            groups.setdefault((reason[0], reason[1].number), []).append(trial)
    return groups


def _reason(results: StudyResults, trial: TrialResult) -> tuple[str, TrialResult] | None:
    """Return what keeps a design from being distinguishable, and the design that does."""
    again = results.refined
    seen = None if again is None else again.trial(trial.number)
    if again is None or seen is None:
        return None
    if (unshown := again.not_shown_above.get(seen.number)) is not None:
        return "not shown to be more accurate than", unshown
    better = next(_dominating(again, seen), None)
    return None if better is None else ("dominated by", better)


def _dominating(again: StudyResults, trial: TrialResult) -> Iterator[TrialResult]:
    losses = losses_of(again.goal)
    return (other for other in again.front if dominates(losses(other), losses(trial)))
