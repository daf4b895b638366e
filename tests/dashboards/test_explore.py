"""Filters, parallel coordinates, slices, columns and CSV of the study page: one selection for every view."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import optuna
import pytest
from playwright.sync_api import FloatRect, Page, expect

from dse.results import StudyResults, TrialResult
from dse.study_export import exported
from dse.study_reader import read_results
from tests.dashboards.conftest import navigate
from tests.sample_study import CONVENTIONAL, NARROW, add_complete, add_measured, add_second_look, build_marked_study

OpenPage = Callable[..., Page]
SHOWN_ON_FRONT = """() => document.querySelector('#front .js-plotly-plot').data.flatMap(trace =>
  (trace.customdata || []).filter((_, index) => !trace.selectedpoints || [...trace.selectedpoints].includes(index)))"""
HEADER_FILTERS = (
    *(f"accuracy~{condition}~84" for condition in ("greaterThan", "greaterThanOrEqual", "lessThan", "lessThanOrEqual")),
    *("accumulator~equals~8", "accumulator~notEqual~8", "width~inRange~0.5~1", "accuracy~blank", "accuracy~notBlank"),
    *("latency~lessThan~0.3~~OR~greaterThan~0.6", "latency~greaterThan~0.3~~AND~lessThan~0.6", "width~blank"),
    *("state~contains~FRONT", "state~notContains~front", "note~equals~conventional", "note~notEqual~conventional"),
    *("clip~startsWith~1", "clip~endsWith~5", "note~blank", "note~notBlank", "clip~notEqual~15~~AND~notContains~%7E"),
)
WRITTEN = """() => Object.entries(dash_ag_grid.getApi('trials').getFilterModel())
  .map(([field, model]) => headerFilters.write(field, model)).join()"""
PASSED_BY_BOTH = """() => {
  const grid = dash_ag_grid.getApi('trials'), shown = document.querySelector('.explore-count').innerText;
  const ofViews = Number(shown.replace('All ', '').split(' ')[0]);
  const filtering = grid.getGridOption('isExternalFilterPresent');
  grid.setGridOption('isExternalFilterPresent', () => false);
  grid.onFilterChanged();
  const ofTable = grid.getDisplayedRowCount();
  grid.setGridOption('isExternalFilterPresent', filtering);
  grid.onFilterChanged();
  return [ofViews, ofTable, grid.getDisplayedRowCount()];
}"""
BROKEN = "&".join(
    f"h={quote(text)}"
    for text in (
        *(
            "<img src=x onerror=alert(1)>~equals~1",
            "nothing~equals~1",
            "number~equals~1",
            "accuracy",
            "accuracy~equals",
        ),
        *("accuracy~equals~x", "accuracy~equals~1e999", "accuracy~inRange~1", "accuracy~contains~8", "clip~equals~"),
        *("clip~equals~a~~XOR~equals~b", "clip~equals~a~~AND", f"clip~equals~{'9' * 101}"),
    )
)
PICTURE = "canvas => canvas.toDataURL()"


@pytest.fixture(scope="module")
def results(sample_storage: Path) -> StudyResults:
    return read_results(optuna.load_study(study_name=None, storage=f"sqlite:///{sample_storage}"))


def with_bits(results: StudyResults, *widths: int) -> list[TrialResult]:
    return [
        trial for trial in results.trials if trial.design is not None and trial.design.sums[0].accumulator in widths
    ]


def wait_for_count(page: Page, count: int, total: int) -> None:
    text = f"All {total} trials" if count == total else f"{count} of {total} trials"
    expect(page.locator(".explore-count")).to_have_text(text)


def wait_for_another_picture(page: Page, selector: str, before: str) -> None:
    """What is out of sight is drawn a moment after what is in sight."""
    page.wait_for_function(
        f"([one, before]) => ({PICTURE})(document.querySelector(one)) !== before", arg=[selector, before]
    )


def displayed_rows(page: Page) -> int:
    count: int = page.evaluate("async () => (await dash_ag_grid.getApiAsync('trials')).getDisplayedRowCount()")
    return count


def test_filter_holds_for_every_view_and_the_address_holds_it(page: Page, results: StudyResults) -> None:
    navigate(page, "/")
    total, eight = len(results.trials), with_bits(results, 8)
    wait_for_count(page, total, total)
    page.locator("#front .scatterlayer .point").first.wait_for()
    before = page.locator("#explore-parallel canvas").evaluate(PICTURE)
    page.get_by_role("group", name="Bits").get_by_role("button", name="8", exact=True).click()
    wait_for_count(page, len(eight), total)
    expect(page).to_have_url(re.compile(r"\?f=accumulator%7E8$"))
    assert displayed_rows(page) == len(eight)
    complete = sorted(trial.number for trial in eight if trial.complete)
    page.wait_for_function(f"count => ({SHOWN_ON_FRONT})().length === count", arg=len(complete))
    assert sorted(page.evaluate(SHOWN_ON_FRONT)) == complete
    wait_for_another_picture(page, "#explore-parallel canvas", before)
    page.get_by_role("button", name="Clear filters").click()
    wait_for_count(page, total, total)
    page.go_back()
    wait_for_count(page, len(eight), total)


def test_selection_of_a_trial_keeps_the_filters(page: Page, results: StudyResults) -> None:
    navigate(page, "/?f=accumulator~8~16")
    chosen = with_bits(results, 8, 16)
    wait_for_count(page, len(chosen), len(results.trials))
    number = max(trial.number for trial in chosen if trial.complete)
    page.locator(f"#trials .ag-row[row-id='{number}'] [col-id='latency']").click()
    expect(page.locator("#details h2")).to_have_text(f"Trial {number}")
    assert "f=accumulator" in page.url
    wait_for_count(page, len(chosen), len(results.trials))


def test_range_is_typed_by_keyboard_and_focus_stays(page: Page, results: StudyResults) -> None:
    navigate(page, "/")
    field = page.get_by_label("Accuracy (%), least")
    field.focus()
    page.keyboard.type("84")
    page.keyboard.press("Enter")
    high = [trial for trial in results.complete if 100 * trial.point[1] >= 84]
    assert 0 < len(high) < len(results.complete)
    wait_for_count(page, len(high), len(results.trials))
    page.wait_for_function("() => document.activeElement.getAttribute('aria-label') === 'Accuracy (%), least'")


@pytest.mark.parametrize("bounds", ["0..100", "-1..90"])
def test_trial_without_a_value_is_in_no_range(page: Page, results: StudyResults, bounds: str) -> None:
    navigate(page, f"/?f=accuracy~{bounds}")
    known = [trial for trial in results.trials if trial.accuracy is not None]
    assert 0 < len(known) < len(results.trials)
    wait_for_count(page, len(known), len(results.trials))
    assert displayed_rows(page) == len(known)


def test_bound_that_nobody_set_hides_no_trial_nor_one_to_come(
    open_page: OpenPage, address: str, storage: Path, results: StudyResults
) -> None:
    page = open_page(address)
    total, latencies = len(results.trials), sorted(trial.latency_ms for trial in results.trials if trial.latency_ms)
    wait_for_count(page, total, total)
    fields = {end: page.get_by_label(f"Latency (ms), {end}") for end in ("least", "most")}
    most = latencies[2]
    fields["most"].fill(repr(most))
    fields["most"].press("Enter")
    expect(page).to_have_url(re.compile(rf"\?f=latency%7E\.\.{re.escape(repr(most))}$"))
    wait_for_count(page, 3, total)
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")
    add_measured(study, latencies[0] / 2, 0.8, 0.006)
    wait_for_count(page, 4, total + 1)
    fields["most"].fill("")
    fields["least"].fill(repr(most))
    fields["least"].press("Enter")
    expect(page).to_have_url(re.compile(rf"\?f=latency%7E{re.escape(repr(most))}\.\.$"))
    wait_for_count(page, len(latencies) - 2, total + 1)
    expect(fields["most"]).to_have_value("")
    fields["least"].fill("")
    fields["least"].press("Enter")
    wait_for_count(page, total + 1, total + 1)
    assert "f=" not in page.url


def test_bounds_that_contradict_each_other_stay_and_can_be_corrected(page: Page, results: StudyResults) -> None:
    navigate(page, "/")
    total, latencies = len(results.trials), [trial.latency_ms for trial in results.trials if trial.latency_ms]
    wait_for_count(page, total, total)
    least, most = (page.get_by_label(f"Latency (ms), {end}") for end in ("least", "most"))
    most.fill("0.1")
    most.press("Enter")
    wait_for_count(page, sum(latency <= 0.1 for latency in latencies), total)
    least.fill("0.2")
    least.press("Enter")
    wait_for_count(page, 0, total)
    expect(page).to_have_url(re.compile(r"\?f=latency%7E0\.2\.\.0\.1$"))
    expect(least).to_have_value("0.2")
    expect(most).to_have_value("0.1")
    most.fill("0.3")
    most.press("Enter")
    wait_for_count(page, sum(0.2 <= latency <= 0.3 for latency in latencies), total)


def test_box_round_a_trial_keeps_it(page: Page, results: StudyResults) -> None:
    """What a box gives has more digits than the address."""
    navigate(page, "/")
    wait_for_count(page, len(results.trials), len(results.trials))
    page.locator("#front .scatterlayer .point").first.wait_for()
    trial = next(one for one in results.complete if float(f"{one.point[0]:.6g}") != one.point[0])
    latency, accuracy = trial.point[0], 100 * trial.point[1]
    emit = "range => document.querySelector('#front .js-plotly-plot').emit('plotly_selected', {range, points: []})"
    page.evaluate(emit, {"x": [latency, latency], "y": [accuracy, accuracy]})
    expect(page).to_have_url(re.compile(r"f=latency%7E.*&f=accuracy%7E"))
    wait_for_count(page, sum(one.point == trial.point for one in results.complete), len(results.trials))


def box_of_axes(page: Page, results: StudyResults) -> FloatRect:
    """Return where the parallel coordinates of the page without filters are."""
    navigate(page, "/")
    wait_for_count(page, len(results.trials), len(results.trials))
    canvas = page.locator("#explore-parallel canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    return box


def test_dragging_to_the_end_of_an_axis_leaves_the_range_open_there(page: Page, results: StudyResults) -> None:
    box = box_of_axes(page, results)
    x = box["x"] + box["width"] - 56  # the last axis, of accuracy
    page.mouse.move(x, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 2)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"\?f=accuracy%7E\d\d\.\d{1,4}\.\.$"))
    expect(page.get_by_label("Accuracy (%), most")).to_have_value("")
    expect(page.locator(".explore-count")).to_contain_text(" of ")


def test_range_of_an_address_has_both_bounds_or_one(page: Page, results: StudyResults) -> None:
    known = [trial.latency_ms for trial in results.trials if trial.latency_ms is not None]
    for text, low, high in (("0.2..0.5", 0.2, 0.5), ("..0.5", 0, 0.5), ("0.2..", 0.2, 1e9), ("-1..1e9", -1, 1e9)):
        navigate(page, f"/?f=latency~{text}")
        wait_for_count(page, sum(low <= latency <= high for latency in known), len(results.trials))


def test_what_is_typed_stays_when_a_trial_comes_in_meanwhile(
    open_page: OpenPage, address: str, storage: Path, results: StudyResults
) -> None:
    page = open_page(address)
    total = len(results.trials)
    wait_for_count(page, total, total)
    field = page.get_by_label("Accuracy (%), least")
    field.focus()
    page.keyboard.type("8")
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")
    add_complete(study, {**CONVENTIONAL, "width_multiplier": 1.5})
    wait_for_count(page, total + 1, total + 1)
    expect(field).to_have_value("8")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    high = [trial for trial in read_results(study).complete if 100 * trial.point[1] >= 84]
    wait_for_count(page, len(high), total + 1)
    expect(field).to_have_value("84")


def test_dragging_along_an_axis_filters_and_a_click_on_it_stops(page: Page, results: StudyResults) -> None:
    box = box_of_axes(page, results)
    x = box["x"] + 56  # the first axis, of bits, has 8 at a sixth of its height
    page.mouse.move(x, box["y"] + 248)
    page.mouse.down()
    page.mouse.move(x, box["y"] + 180)
    page.mouse.up()
    wait_for_count(page, len(with_bits(results, 8)), len(results.trials))
    page.mouse.click(x, box["y"] + 100)
    wait_for_count(page, len(results.trials), len(results.trials))


def test_box_on_the_front_filters(page: Page, results: StudyResults) -> None:
    navigate(page, "/")
    page.locator("#front .scatterlayer .point").first.wait_for()
    page.evaluate("() => Plotly.relayout(document.querySelector('#front .js-plotly-plot'), {dragmode: 'select'})")
    box = page.locator("#front .nsewdrag").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"f=latency%7E.*&f=accuracy%7E"))
    expect(page.locator(".explore-count")).to_contain_text(" of ")
    count = int(page.locator(".explore-count").inner_text().split()[0])
    assert 0 < count < len(results.complete)


def test_columns_are_chosen_and_the_csv_has_what_is_shown(page: Page, results: StudyResults, tmp_path: Path) -> None:
    navigate(page, "/?f=accumulator~8")
    eight = with_bits(results, 8)
    wait_for_count(page, len(eight), len(results.trials))
    page.locator("#explore-filters summary").click()
    page.get_by_label("± std. err.").uncheck()
    expect(page.locator("#trials .ag-header-cell[col-id='error']")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"hide=error"))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert [int(row["Trial"]) for row in table] == [trial.number for trial in reversed(eight)]
    assert "± std. err." not in table[0]
    assert {row["Bits"] for row in table} == {"8"}


def test_csv_has_the_values_that_the_study_has(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    study = build_marked_study(tmp_path / "study.db")
    add_measured(study, 2 / 3, 0.8123456, 0.00617, NARROW)
    add_second_look(study, {0: 0.88123, 3: 0.86512})
    page = open_page(serve_storage(tmp_path / "study.db"))
    wait_for_count(page, 6, 6)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    download.value.save_as(tmp_path / "trials.csv")
    with (tmp_path / "trials.csv").open(encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    trials = exported(read_results(study)).trials
    percents = {
        "Accuracy (%)": "accuracy",
        "± std. err.": "accuracy_standard_error",
        "Trained longer (%)": "refined_accuracy",
        "± std. err. trained longer": "refined_accuracy_standard_error",
    }
    for row, trial in zip(reversed(table), trials, strict=True):
        assert (int(row["Trial"]), float(row["Latency (ms)"])) == (trial["trial"], trial["latency_ms"])
        known = {title: trial[name] for title, name in percents.items() if trial[name] is not None}
        assert {title: float(row[title]) / 100 for title in percents if row[title]} == pytest.approx(known, rel=1e-12)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "f=nothing~1",
            "f=accumulator~99",
            "f=accumulator",
            "f=latency~x..y",
            "f=",
            "f=__proto__~1",
        ),
        *("f=state~<img src=x onerror=alert(1)>", "hide=<script>", "hide=number", "f=latency~NaN..NaN"),
        *("f=latency~..", "f=latency~-Infinity..1", "f=latency~0..0..0"),
    ],
)
def test_senseless_filter_is_ignored(page: Page, results: StudyResults, query: str) -> None:
    navigate(page, f"/?{query}")
    wait_for_count(page, len(results.trials), len(results.trials))
    assert displayed_rows(page) == len(results.trials)


def test_no_button_sends_a_figure_elsewhere(page: Page) -> None:
    navigate(page, "/")
    page.locator("#front .modebar-btn").first.wait_for(state="attached")
    titles = page.locator(".modebar-btn").evaluate_all("all => all.map(one => one.dataset.title)")
    assert titles
    assert not [title for title in titles if "hare" in title or "loud" in title]


def test_importances_are_drawn(page: Page) -> None:
    navigate(page, "/")
    names = page.locator("#importances .js-plotly-plot")
    expect(names).to_contain_text("Width")
    expect(names).to_contain_text("accuracy")


def test_slices_have_a_picture_for_each_parameter_and_objective(page: Page) -> None:
    navigate(page, "/")
    captions = page.locator("#explore-slices figcaption")
    expect(captions.first).to_have_text("Latency (ms) by bits")
    expect(captions).to_have_count(10)
    pictures = page.locator("#explore-slices canvas").evaluate_all(f"all => all.map({PICTURE})")
    assert len(set(pictures)) == 10


def test_three_dimensions_are_turned_by_keyboard_and_take_any_third_axis(page: Page) -> None:
    navigate(page, "/")
    canvas = page.locator("#explore-3d canvas")
    canvas.scroll_into_view_if_needed()
    pictures = [canvas.evaluate(PICTURE)]
    canvas.focus()
    page.keyboard.press("ArrowRight")
    pictures.append(canvas.evaluate(PICTURE))
    page.get_by_label("Third axis").select_option("clip")
    pictures.append(canvas.evaluate(PICTURE))
    page.get_by_role("group", name="Bits").get_by_role("button", name="8", exact=True).click()
    expect(page.locator(".explore-count")).to_contain_text(" of ")
    wait_for_another_picture(page, "#explore-3d canvas", pictures[-1])
    pictures.append(canvas.evaluate(PICTURE))
    assert len(set(pictures)) == 4
    expect(page.get_by_label("Third axis")).to_have_value("clip")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_with_filters_does_not_scroll_sideways(page: Page, scheme: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    navigate(page, "/?f=accumulator~8")
    expect(page.locator(".explore-count")).to_contain_text(" of ")
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")


def test_filter_of_a_column_header_holds_for_every_view(page: Page, results: StudyResults) -> None:
    navigate(page, "/")
    total = len(results.trials)
    wait_for_count(page, total, total)
    header = page.locator("#trials .ag-header-cell[col-id='accuracy']")
    header.locator(".ag-header-cell-filter-button").click()
    menu = page.locator(".ag-filter-menu")
    menu.locator(".ag-filter-select").first.click()
    page.get_by_role("option", name="Greater than", exact=True).click()
    menu.get_by_label("Filter Value").first.fill("84")
    page.keyboard.press("Enter")
    high = sorted(trial.number for trial in results.complete if 100 * trial.point[1] > 84)
    assert 0 < len(high) < len(results.complete)
    wait_for_count(page, len(high), total)
    expect(page).to_have_url(re.compile(r"\?h=accuracy%7EgreaterThan%7E84$"))
    assert displayed_rows(page) == len(high)
    page.wait_for_function(f"count => ({SHOWN_ON_FRONT})().length === count", arg=len(high))
    assert sorted(page.evaluate(SHOWN_ON_FRONT)) == high
    page.get_by_role("group", name="Bits").get_by_role("button", name="8", exact=True).click()
    both = {trial.number for trial in with_bits(results, 8)} & set(high)
    wait_for_count(page, len(both), total)
    page.get_by_role("button", name="Clear filters").click()
    wait_for_count(page, total, total)
    assert displayed_rows(page) == total
    page.go_back()
    page.go_back()
    wait_for_count(page, len(high), total)
    assert displayed_rows(page) == len(high)
    page.get_by_role("group", name="Table").get_by_role("button", name="Accuracy (%) > 84").click()
    wait_for_count(page, total, total)


def test_link_restores_the_filters_of_the_column_headers(
    open_page: Callable[..., Page], shared_address: str, results: StudyResults
) -> None:
    page = open_page(f"{shared_address}?h=clip~contains~1~~OR~equals~NONE&h=accuracy~notBlank")
    count = sum(
        trial.design is not None and (trial.design.clip_text == "none" or "1" in trial.design.clip_text)
        for trial in results.complete
    )
    assert 0 < count < len(results.complete)
    wait_for_count(page, count, len(results.trials))
    page.wait_for_function(
        "async n => (await dash_ag_grid.getApiAsync('trials')).getDisplayedRowCount() === n", arg=count
    )


def test_every_condition_of_a_header_passes_what_the_table_passes(page: Page, results: StudyResults) -> None:
    """The table and the other views decide on their own: the table alone must pass just as many rows."""
    navigate(page, "/")
    wait_for_count(page, len(results.trials), len(results.trials))
    counts = []
    for query in HEADER_FILTERS:
        navigate(page, f"/?h={quote(query, safe='')}")
        expect(page.locator("#explore-filters").get_by_role("group", name="Table")).to_have_count(1)
        page.wait_for_function(f"query => ({WRITTEN})() === query", arg=query)
        counts.append(page.evaluate(PASSED_BY_BOTH))
    assert [count for count in counts if len(set(count)) > 1] == []
    assert len({count[0] for count in counts}) > 8


def test_broken_filter_is_told_in_one_line(page: Page, results: StudyResults) -> None:
    navigate(page, f"/?{BROKEN}")
    wait_for_count(page, len(results.trials), len(results.trials))
    text = (
        "Left out of the address, as this table has no such filter: h=<img src=x onerror=alert(1)>~equals~1 and 12 more"
    )
    expect(page.locator(".explore-problem")).to_have_text(text)
    assert displayed_rows(page) == len(results.trials)
    navigate(page, "/")
    expect(page.locator(".explore-problem")).to_have_count(0)
