"""The figure of a design's layers, and its legend."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dse.chart_theme import DARK, STALL_COLOURS
from dse.layer_chart import MOST_REASONS, layer_figure, layer_legend
from dse.results import StudyResults, TrialResult
from dse.stall_families import StallFamily, family_of
from dse.study_reader import read_results
from tests.sample_study import CONVENTIONAL, add_complete, build_study, create_study


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    return read_results(build_study(tmp_path_factory.mktemp("layers") / "study.db"))


@pytest.fixture(scope="module")
def trial(results: StudyResults) -> TrialResult:
    return results.complete[3]


def with_stalls(trial: TrialResult, stalls: dict[str, float]) -> TrialResult:
    """Return `trial` with a single layer that has these stalls."""
    layer = replace(trial.attributes.layers[0], stalls=stalls)
    return replace(trial, attributes=replace(trial.attributes, layers=(layer,)))


def test_bars_of_a_layer_add_up_to_its_cycles(trial: TrialResult) -> None:
    bars = [trace for trace in layer_figure(trial).data if trace.type == "bar"]
    for index, layer in enumerate(trial.attributes.layers):
        assert sum(bar.x[index] for bar in bars) == pytest.approx(layer.cycles)
        for bar in bars:
            family = [cycles for reason, cycles in layer.stalls.items() if family_of(reason).label == bar.name]
            assert bar.x[index] == pytest.approx(sum(family))


def test_legend_and_bars_show_the_same_families_in_the_same_colours(trial: TrialResult) -> None:
    figure = layer_figure(trial, theme=DARK)
    bars = [(trace.name, trace.marker.color) for trace in figure.data if trace.type == "bar"]
    present = {family_of(reason) for layer in trial.attributes.layers for reason in layer.stalls}
    assert bars == [(family.label, STALL_COLOURS[family]) for family in StallFamily if family in present]
    assert bars == [(entry.label, entry.colour) for entry in layer_legend(trial)]
    assert not figure.layout.showlegend


def test_cycles_without_a_reason_are_shown_as_such(trial: TrialResult) -> None:
    layer = trial.attributes.layers[0]
    bars = layer_figure(with_stalls(trial, {"port F1": layer.cycles - 10})).data
    assert [(bar.name, bar.x) for bar in bars] == [("port busy", (layer.cycles - 10,)), ("other", (10,))]


def test_hover_lists_the_reasons_of_a_family_largest_first(trial: TrialResult) -> None:
    cycles = {f"dependence on v{register}": 100 + register for register in range(MOST_REASONS + 2)}
    bar = layer_figure(with_stalls(trial, {**cycles, "port F1": 7})).data[1]
    lines = bar.text[0].split("<br>")
    listed = [f"dependence on v{register}: {100 + register}" for register in range(MOST_REASONS + 1, 1, -1)]
    assert lines[2:] == [*listed, "2 more: 201"]
    assert f"{sum(cycles.values()):,}" in lines[1]


def test_hover_escapes_what_the_study_says(trial: TrialResult) -> None:
    bar = layer_figure(with_stalls(trial, {"<b onclick=x>": 5.0})).data[0]
    assert "<b onclick" not in bar.text[0]
    assert "&lt;b onclick=x&gt;: 5" in bar.text[0]


def test_layer_labels_say_cycles_rate_and_bound(trial: TrialResult) -> None:
    texts = [annotation.text for annotation in layer_figure(trial).layout.annotations]
    for layer, text in zip(trial.attributes.layers, texts, strict=True):
        for part in (layer.name, layer.shape, f"{layer.cycles:,}", f"{layer.products_per_cycle:.1f}", layer.bound):
            assert part in text


def test_conventional_cycles_are_marked_on_other_trials_only(results: StudyResults, trial: TrialResult) -> None:
    conventional = results.conventional
    assert conventional is not None
    marks = layer_figure(trial, conventional=conventional).data[-1]
    assert list(marks.x) == [layer.cycles for layer in conventional.attributes.layers]
    assert layer_legend(trial, conventional=conventional)[-1].label == "conventional"
    own = layer_figure(conventional, conventional=conventional)
    assert "conventional" not in {trace.name for trace in own.data}
    assert "conventional" not in {entry.label for entry in layer_legend(conventional, conventional=conventional)}


def test_every_layer_takes_the_same_height(tmp_path: Path) -> None:
    study = create_study(tmp_path / "study.db")
    for count in (4, 5, 20):
        add_complete(study, CONVENTIONAL, layer_count=count)
    four, five, twenty = (layer_figure(trial).layout.height for trial in read_results(study).trials)
    assert twenty - four == 16 * (five - four)


def test_trial_without_layers_says_so(trial: TrialResult) -> None:
    bare = replace(trial, attributes=replace(trial.attributes, layers=()))
    assert layer_figure(bare).layout.annotations[0].text == "This trial has no simulated layers"
    assert layer_legend(bare) == ()
