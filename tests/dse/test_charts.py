from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from optuna.trial import TrialState

from dse.chart_theme import DARK, LIGHT, RAMP, ramp
from dse.charts import MOST_DOMINATED, SELECTION_TRACE, ColourBy, front_figure, hypervolume_figure, thinned
from dse.results import StudyResults, TrialAttributes, TrialResult
from dse.study_reader import read_results
from tests.sample_study import (
    CONVENTIONAL,
    add_measured,
    build_marked_study,
    build_study,
    build_study_of_another_goal,
    create_study,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return read_results(build_study(tmp_path_factory.mktemp("charts") / "study.db"))


def numbers(figure: go.Figure) -> list[int]:
    return sorted(number for trace in figure.data for number in trace.customdata or ())


def test_every_complete_trial_is_one_point(results: StudyResults) -> None:
    for colour in ColourBy:
        figure = front_figure(results, colour_by=colour)
        assert numbers(figure) == [trial.number for trial in results.complete]


def test_front_points_alone_carry_error_bars(results: StudyResults) -> None:
    figure = front_figure(results)
    with_bars = {
        number: error
        for trace in figure.data
        for number, error in zip(trace.customdata or (), trace.error_y.array or (), strict=False)
    }
    assert set(with_bars) == results.front_numbers
    for number, error in with_bars.items():
        trial = results.trial(number)
        assert trial is not None
        assert error == pytest.approx(100 * (trial.attributes.accuracy_standard_error or 0))


def test_points_not_shown_to_be_more_accurate_are_hollow_and_say_so(tmp_path: Path) -> None:
    marked = read_results(build_marked_study(tmp_path / "study.db"))
    figure = front_figure(marked)
    symbols = {number: trace.marker.symbol for trace in figure.data for number in trace.customdata or ()}
    assert {number for number, symbol in symbols.items() if symbol.endswith("-open")} == {0, 2, 3}
    hovers = {
        n: text for trace in figure.data for n, text in zip(trace.customdata or (), trace.text or (), strict=True)
    }
    assert "not shown to be more accurate than trial 1<br>" in hovers[3]
    assert "81.60 ± 0.60 %<br>95 % interval 80.42 to 82.78 %" in hovers[3]
    assert "not shown" not in hovers[4]
    assert "2.00x as fast at an accuracy that does not differ (86.00 ± 0.60 against" in hovers[4].replace("<br>", " ")


def test_unknown_error_has_no_bar(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    add_measured(study, 1.0, 0.8, None)
    bars = [trace.error_y.array for trace in front_figure(read_results(study)).data if trace.customdata]
    assert bars == [(None,)]


def test_designs_far_below_the_front_are_counted_and_left_out_at_first(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for latency, accuracy in ((1.0, 0.8), (2.0, 0.85), (3.0, 0.1), (4.0, 0.7)):
        add_measured(study, latency, accuracy, None)
    figure = front_figure(read_results(study))
    bottom = figure.layout.yaxis.autorangeoptions.clipmin
    assert bottom == pytest.approx(65)
    assert "1 design is below 65 %" in [note.text for note in figure.layout.annotations]
    assert numbers(figure) == [0, 1, 2, 3]


def test_conventional_design_off_the_front_has_an_error_bar(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    add_measured(study, 2.0, 0.8, 0.006)
    assert conventional_bars(front_figure(read_results(study))) is None
    add_measured(study, 1.0, 0.9, 0.006, {**CONVENTIONAL, "clip": 15})
    assert conventional_bars(front_figure(read_results(study))) == pytest.approx((0.6,))


def conventional_bars(figure: go.Figure) -> Any:
    """Return the error bars of the ring round the conventional design."""
    return next(trace for trace in figure.data if trace.name == "conventional").error_y.array


def test_front_line_joins_the_front_in_order(results: StudyResults) -> None:
    line = next(trace for trace in front_figure(results).data if trace.mode == "lines")
    assert list(line.x)[: len(results.front)] == [trial.point[0] for trial in results.front]
    assert list(line.y)[: len(results.front)] == [100 * trial.point[1] for trial in results.front]


@pytest.mark.parametrize(("selected", "rings"), [(0, 1), (None, 0), (999, 0)])
def test_ring_is_round_the_selected_trial(results: StudyResults, selected: int | None, rings: int) -> None:
    ring = front_figure(results, selected=selected).data[SELECTION_TRACE]
    assert len(ring.x) == rings
    if rings:
        assert results.conventional is not None
        assert (ring.x[0], ring.y[0] / 100) == pytest.approx(results.conventional.point)


def test_conventional_design_is_marked(results: StudyResults) -> None:
    annotation = front_figure(results).layout.annotations[0]
    assert results.conventional is not None
    assert annotation.text == "conventional"
    assert annotation.x == results.conventional.point[0]


def test_empty_study_says_so(tmp_path: Path) -> None:
    figure = front_figure(read_results(create_study(tmp_path / "empty.db")))
    assert figure.layout.annotations[0].text == "No trial has finished yet"


def test_figures_of_two_themes_differ_in_colour_alone(results: StudyResults) -> None:
    light, dark = (front_figure(results, theme=theme) for theme in (LIGHT, DARK))
    assert light.layout.template.layout.font.color != dark.layout.template.layout.font.color
    assert points(light) == points(dark)


def points(figure: go.Figure) -> list[tuple[Any, Any]]:
    return [(trace.x, trace.y) for trace in figure.data]


def test_ramp_gives_different_colours_while_it_can() -> None:
    for count in range(len(RAMP) + 1):
        assert len(set(ramp(count))) == count
    assert len(ramp(20)) == 20


@pytest.mark.parametrize(
    ("objectives", "titles", "shape", "bars"),
    [
        (("memory_bytes", "accuracy", "latency_ms"), ("Peak memory (KiB)", "Validation accuracy (%)"), None, "error_y"),
        (("accuracy", "latency_ms"), ("Validation accuracy (%)", "Latency (ms)"), "vh", "error_x"),
        (("memory_bytes", "latency_ms"), ("Peak memory (KiB)", "Latency (ms)"), "hv", None),
    ],
)
def test_axes_are_the_first_two_objectives(
    tmp_path: Path, objectives: tuple[str, ...], titles: tuple[str, str], shape: str | None, bars: str | None
) -> None:
    results = read_results(build_study_of_another_goal(tmp_path / "study.db", objectives))
    assert {trial.number for trial in results.complete if not trial.feasible} == {2}
    figure = front_figure(results, selected=3)
    assert figure.layout.xaxis.title.text.startswith(titles[0])
    assert figure.layout.yaxis.title.text.startswith(titles[1])
    shown = {"memory_bytes": 2.0, "accuracy": 81.0, "latency_ms": 1.5}
    ring = figure.data[SELECTION_TRACE]
    assert (*ring.x, *ring.y) == pytest.approx(tuple(shown[name] for name in objectives[:2]))
    line = next(trace for trace in figure.data if trace.name == "Pareto front")
    assert (line.line.shape if line.x else None) == shape
    drawn = {axis for trace in figure.data for axis in ("error_x", "error_y") if trace[axis].array}
    assert drawn == ({bars} if bars else set())
    hovers = "".join(text for trace in figure.data for text in trace.text or ())
    assert ("memory KiB: 2.0" in hovers) is ("memory_bytes" in objectives)
    assert "infeasible: not code_bytes &lt;= 4096" in hovers


def test_hypervolume_has_a_point_where_it_grows_and_at_the_end(tmp_path: Path) -> None:
    study = build_study_of_another_goal(tmp_path / "study.db")
    results = read_results(study)
    assert results.hypervolumes[2] == results.hypervolumes[1] < results.hypervolumes[3]  # trial 2 is infeasible
    for _ in range(2):
        study.add_trial(study.trials[2])
    results = read_results(study)
    trace = hypervolume_figure(results).data[0]
    assert list(trace.x) == [0, 1, 3, 5]
    assert list(trace.y) == [results.hypervolumes[number] for number in trace.x]
    empty = hypervolume_figure(read_results(create_study(tmp_path / "empty.db")))
    assert "No hypervolume" in empty.layout.annotations[0].text


def test_so_many_dominated_trials_are_thinned_evenly() -> None:
    """Of thousands only some have a point, and every region that has trials keeps one."""

    def trial(number: int) -> TrialResult:
        latency, accuracy = 1 + (number % 100) / 100, (number // 100) / 100
        return TrialResult(number, TrialState.COMPLETE, latency, accuracy, None, TrialAttributes())

    few, many = ([trial(number) for number in range(count)] for count in (MOST_DOMINATED, 9000))
    assert thinned(few) == frozenset(range(MOST_DOMINATED))
    kept = thinned(many)
    assert MOST_DOMINATED / 4 < len(kept) <= MOST_DOMINATED
    regions = {(number % 100 // 10, number // 1000) for number in kept}
    assert len(regions) == 10 * 9
