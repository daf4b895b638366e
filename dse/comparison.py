"""Two studies, or two trials, side by side. No accuracies are said to differ that are not shown to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dse.errors import UsageError
from dse.recipe_text import differing_entries, recipe_text
from dse.results import LayerResult, StudyResults, TrialResult
from dse.second_look_claims import LONGER
from dse.uncertainty import MeasuredAccuracy, differ

NOT_SHOWN = "not shown to differ"


@dataclass(frozen=True, slots=True)
class Line:
    """One quantity of both, and what may be said of the difference; "" where there is nothing to say."""

    what: str
    one: str
    other: str
    difference: str = ""


def compare_trials(one: tuple[StudyResults, int], other: tuple[StudyResults, int]) -> list[Line]:
    """Compare two trials, of one study or of two: what they are, what they reach, and their layers.

    Latencies compare where cores, clocks and the timing model are the same, accuracies where data and training are.

    Raises:
        UsageError: There is no such complete trial.

    """
    results, others = one[0], other[0]
    first, second = _complete(*one), _complete(*other)
    lines = [
        Line("study", results.name, others.name),
        *_settings(results, others),
        Line("trial", str(first.number), str(second.number)),
        *_designs(first, second),
        Line(
            "latency ms",
            f"{first.point[0]:.4f}",
            f"{second.point[0]:.4f}",
            _ratio(first.point[0], second.point[0]) if _same_core(results, others) else "",
        ),
        Line(
            "accuracy %",
            first.measured.percent,
            second.measured.percent,
            accuracy_difference(first.measured, second.measured) if _same_training(results, others) else "",
        ),
        *_trained_longer(results, first, others, second),
        *_further(results, first, others, second),
        Line("feasible", _yes(first.feasible), _yes(second.feasible)),
        Line("on the front", _yes(first.number in results.front_numbers), _yes(second.number in others.front_numbers)),
    ]
    return [*lines, *_layers(first, second, is_comparable=_same_core(results, others))]


def compare_studies(one: StudyResults, other: StudyResults) -> list[Line]:
    """Compare two studies: what they are about, how far they came, and the best of both."""
    lines = [
        Line("study", one.name, other.name),
        *_settings(one, other),
        Line("complete trials", str(len(one.complete)), str(len(other.complete))),
        Line("designs on the front", str(len(one.front)), str(len(other.front))),
        Line("of them distinguishable", str(len(one.distinguishable)), str(len(other.distinguishable))),
        Line("hypervolume", _last(one.hypervolumes), _last(other.hypervolumes), _same_scale(one, other)),
    ]
    comparable, same_training = _same_core(one, other), _same_training(one, other)
    for what, first, second in (
        ("fastest", one.fastest, other.fastest),
        ("most accurate", one.most_accurate, other.most_accurate),
        ("as accurate as conventional", one.equal_accuracy, other.equal_accuracy),
        ("conventional", one.conventional, other.conventional),
    ):
        latency = _ratio(first.point[0], second.point[0]) if first and second and comparable else ""
        accuracy = accuracy_difference(first.measured, second.measured) if first and second and same_training else ""
        lines += [
            Line(f"{what}: trial", _number(first), _number(second)),
            Line(f"{what}: latency ms", _latency(first), _latency(second), latency),
            Line(f"{what}: accuracy %", _accuracy(first), _accuracy(second), accuracy),
        ]
    return lines


def accuracy_difference(one: MeasuredAccuracy, other: MeasuredAccuracy) -> str:
    """Say by how many points the second accuracy is better or worse, or that this is not shown (`dse.uncertainty`)."""
    if not differ(one, other):
        return NOT_SHOWN
    points = 100 * (other.value - one.value)
    return f"{abs(points):.2f} points {'better' if points > 0 else 'worse'}"


def _complete(results: StudyResults, number: int) -> TrialResult:
    trial = results.trial(number)
    if trial is None or not trial.complete:
        state = "there is none" if trial is None else f"it is {trial.state.name.lower()}"
        raise UsageError(f"study {results.name!r} has no complete trial {number}: {state}")
    return trial


def _settings(one: StudyResults, other: StudyResults) -> Iterator[Line]:
    """Yield what the studies are about, each with a mark where they differ."""
    yield _setting("network", one.network, other.network)
    yield _setting("data", one.dataset, other.dataset, is_same=_same_digest(one, other, "dataset"))
    yield _setting("core", _core(one), _core(other), is_same=_same_digest(one, other, "core", "timing model"))
    yield from _recipes(one, other)
    yield _setting("seed", _none(one.seed), _none(other.seed))
    objectives = (", ".join(map(str, results.goal.objectives)) for results in (one, other))
    yield _setting("objectives", *objectives)
    constraints = (", ".join(map(str, results.goal.constraints)) or "none" for results in (one, other))
    yield _setting("constraints", *constraints)


def _setting(what: str, first: str, second: str, *, is_same: bool = True) -> Line:
    """Return a line with its mark; what is called the same may be another one still: a file, or a version of dse."""
    if first != second:
        return Line(what, first, second, "not the same")
    return Line(what, first, second, "" if is_same else "the same name, but another one")


def _recipes(one: StudyResults, other: StudyResults) -> Iterator[Line]:
    """Yield how designs were trained, then a line for each entry in which recipes of one kind differ."""
    first, second = recipe_text(one.recipe), recipe_text(other.recipe)
    is_same = one.recipe == other.recipe and _same_digest(one, other, "training")
    yield _setting("training", first, second, is_same=is_same)
    if one.recipe.keys() != other.recipe.keys():
        return
    mine, its = differing_entries(one.recipe, other.recipe), differing_entries(other.recipe, one.recipe)
    for name in dict.fromkeys([*mine, *its]):
        yield _setting(f"training: {name}", _none(mine.get(name)), _none(its.get(name)))


def _core(results: StudyResults) -> str:
    return results.core_name if results.clock_hz is None else f"{results.core_name} at {results.clock_hz / 1e9:g} GHz"


def _same_core(one: StudyResults, other: StudyResults) -> bool:
    same_model = _same_digest(one, other, "core", "timing model")
    return same_model and _core(one) == _core(other) and one.network == other.network


def _same_data(one: StudyResults, other: StudyResults) -> bool:
    return one.dataset == other.dataset and _same_digest(one, other, "dataset")


def _same_training(one: StudyResults, other: StudyResults) -> bool:
    """Whether accuracies of the two compare. Seeds may differ: the standard errors are of one seed among others."""
    return _same_data(one, other) and one.recipe == other.recipe and _same_digest(one, other, "training")


def _same_digest(one: StudyResults, other: StudyResults, *names: str) -> bool:
    return all(one.digests.get(name) == other.digests.get(name) for name in names)


def _same_scale(one: StudyResults, other: StudyResults) -> str:
    """Say where two hypervolumes do not compare: measured from different references, or on unlike figures."""
    if one.reference != other.reference:
        return "other references: not comparable"
    figures = ("latencies", _same_core(one, other)), ("accuracies", _same_training(one, other))
    unlike = [figure for figure, is_same in figures if not is_same]
    return f"other {' and '.join(unlike)}: not comparable" if unlike else ""


def _designs(one: TrialResult, other: TrialResult) -> Iterator[Line]:
    first, second = ({} if trial.design is None else trial.design.flat_dict() for trial in (one, other))
    for name in first | second:
        mine, its = _none(first.get(name)), _none(second.get(name))
        yield Line(name.replace("_", " "), mine, its, "" if mine == its else "not the same")


def _trained_longer(
    results: StudyResults, one: TrialResult, others: StudyResults, other: TrialResult
) -> Iterator[Line]:
    """Yield what second looks found; accuracies of two plans do not compare (`dse.second_look`)."""
    first, second = (None if trial.refined is None else trial.refined.measured for trial in (one, other))
    if first is None and second is None:
        return
    is_comparable = results.look == others.look and _same_data(results, others)
    yield Line(
        f"accuracy % {LONGER}",
        "" if first is None else first.percent,
        "" if second is None else second.percent,
        accuracy_difference(first, second) if first and second and is_comparable else "",
    )


def _further(results: StudyResults, one: TrialResult, others: StudyResults, other: TrialResult) -> Iterator[Line]:
    first, second = dict(results.further(one)), dict(others.further(other))
    for measure in dict.fromkeys([*first, *second]):
        mine, its = (measure.text(values[measure]) if measure in values else "" for values in (first, second))
        is_ratio = measure in first and measure in second and results.network == others.network
        yield Line(measure.label, mine, its, _ratio(first[measure], second[measure]) if is_ratio else "")


def _layers(one: TrialResult, other: TrialResult, *, is_comparable: bool) -> Iterator[Line]:
    """Yield the cycles of each layer with its tile."""
    first = {layer.name: layer for layer in one.attributes.layers}
    second = {layer.name: layer for layer in other.attributes.layers}
    for name in dict.fromkeys([*first, *second]):
        mine, its = first.get(name), second.get(name)
        ratio = _ratio(mine.cycles, its.cycles) if is_comparable and mine and its else ""
        yield Line(name, _layer(mine), _layer(its), ratio)


def _layer(layer: LayerResult | None) -> str:
    return "" if layer is None else f"{layer.cycles:,} cycles, {layer.tile}"


def _ratio(one: float, other: float) -> str:
    """Say how much of the first the second takes."""
    return f"{other / one:.2f} times" if one > 0 else ""


def _last(volumes: tuple[float, ...]) -> str:
    return f"{volumes[-1]:.4f}" if volumes else "unknown"


def _number(trial: TrialResult | None) -> str:
    return "none" if trial is None else str(trial.number)


def _latency(trial: TrialResult | None) -> str:
    return "" if trial is None else f"{trial.point[0]:.4f}"


def _accuracy(trial: TrialResult | None) -> str:
    return "" if trial is None else trial.measured.percent


def _none(value: object) -> str:
    return "none" if value is None else str(value)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"
