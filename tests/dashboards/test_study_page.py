"""The study page in Chromium. Every test also fails on a console message or a request that leaves 127.0.0.1.

Tests that change neither the study nor what a page keeps share one page (`page`); the others open their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import optuna
import pytest
from playwright.sync_api import Page, Response, expect

from dashboards.components.trial_table import MOST_ROWS, table_size
from dashboards.selection import default_trial
from dse.layer_chart import layer_legend
from dse.results import StudyResults
from dse.study_reader import read_results
from tests.chart_geometry import assert_labels_clear
from tests.dashboards.conftest import POLL_MS, navigate
from tests.sample_study import CONVENTIONAL, add_complete, add_infeasible, build_marked_study, create_study

OpenPage = Callable[..., Page]

POINT = """number => {
  const plot = document.querySelector('#front .js-plotly-plot'), box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  for (const trace of plot.data) {
    const index = (trace.customdata || []).indexOf(number);
    if (index >= 0) {
      const x = xaxis._offset + xaxis.d2p(trace.x[index]), y = yaxis._offset + yaxis.d2p(trace.y[index]);
      return [box.left + x, box.top + y];
    }
  }
}"""
GO_ON_WHEN_ROW_IS_SELECTED = """async ([first, row, second]) => {
  const go = url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); };
  const grid = await dash_ag_grid.getApiAsync('trials');
  const late = new Promise((_, reject) => setTimeout(reject, 5000, new Error(`row ${row} was never selected`)));
  const selected = new Promise(resolve => grid.addEventListener('rowSelected', function listener({node}) {
    if (node.id === row && node.isSelected()) {
      grid.removeEventListener('rowSelected', listener);
      go(second);
      resolve();
    }
  }));
  go(first);
  await Promise.race([selected, late]);
}"""
ROW_IN_VIEW = """() => {
  const top = document.querySelector('#trials .ag-body-viewport').getBoundingClientRect().top;
  const rows = [...document.querySelectorAll('#trials .ag-center-cols-container .ag-row:not(.ag-row-selected)')];
  return rows.find(row => Math.abs(row.getBoundingClientRect().top - top - 100) < 50)?.getAttribute('row-id');
}"""
ROOM_BELOW_LAST_ROW = """() => {
  const row = document.querySelector("#trials .ag-center-cols-container .ag-row[row-id='0']");
  return document.querySelector('#trials').getBoundingClientRect().bottom - row.getBoundingClientRect().bottom;
}"""
RING = "() => document.querySelector('#front .js-plotly-plot').data[0].x"


@pytest.fixture(scope="module")
def results(sample_storage: Path) -> StudyResults:
    return read_results(load(sample_storage))


def load(storage: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")


def wait_until_drawn(page: Page) -> None:
    page.wait_for_selector("#front .scatterlayer .point")
    page.wait_for_selector("#layers .barlayer .point")
    page.wait_for_selector("#trials .ag-row")


def selected_rows(page: Page) -> list[str]:
    selected = page.locator("#trials .ag-row-selected")
    ids: list[str] = selected.evaluate_all("rows => rows.map(row => row.getAttribute('row-id'))")
    return ids


def ring_is_at(page: Page, results: StudyResults, number: int) -> None:
    trial = results.trial(number)
    assert trial is not None
    page.wait_for_function(f"x => Math.abs(({RING})()[0] - x) < 1e-9", arg=trial.point[0])


def test_shows_the_front_the_best_trial_and_all_rows(page: Page, results: StudyResults) -> None:
    wait_until_drawn(page)
    numbers = page.evaluate(
        "() => document.querySelector('#front .js-plotly-plot').data.flatMap(trace => trace.customdata || [])"
    )
    assert sorted(numbers) == [trial.number for trial in results.complete]
    shown = default_trial(results)
    assert shown is not None
    expect(page.locator("#details h2")).to_have_text(f"Trial {shown}")
    ring_is_at(page, results, shown)
    assert page.evaluate("() => location.search") == ""
    header = page.locator("#header")
    for text in (
        results.name,
        "cortex-a72",
        "fashion-mnist-small",
        f"{len(results.complete)} / 40",
        "3 pruned, 1 failed",
    ):
        expect(header).to_contain_text(text)
    assert results.gain is not None
    expect(header).to_contain_text(f"{results.gain:.2f}x")


@pytest.mark.parametrize(
    ("role", "figure", "name"),
    [
        ("figure", "front", "Pareto front"),
        ("img", "layers", "Cycles of the layers of the selected trial"),
        ("img", "hypervolume", "Hypervolume by trial"),
        ("img", "importances", "Which parameters matter"),
    ],
)
def test_figure_has_a_name_for_who_does_not_see_it(
    page: Page, role: Literal["figure", "img"], figure: str, name: str
) -> None:
    wait_until_drawn(page)
    expect(page.get_by_role(role, name=name, exact=True).locator(f"#{figure}")).to_be_visible()


def test_marks_trials_that_are_not_shown_to_be_more_accurate(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    build_marked_study(tmp_path / "marked.db")
    page = open_page(f"{serve_storage(tmp_path / 'marked.db')}?trial=3")
    wait_until_drawn(page)
    mark = "not shown to be more accurate than trial"
    for number, state, note in (
        (0, "front *", f"conventional; {mark} 4"),
        (1, "front", ""),
        (2, "front *", f"{mark} 1"),
        (3, "front *", f"{mark} 1"),
        (4, "front", ""),
    ):
        row = page.locator(f"#trials .ag-row[row-id='{number}']")
        expect(row.locator("[col-id='state']")).to_have_text(state)
        expect(row.locator("[col-id='note']")).to_have_text(note)
        expect(row.locator("[col-id='error']")).to_have_text("0.60")
    header = page.locator("#header")
    for text in (
        "5 designs on the front, 2 of them distinguishable",
        "trial 1, at 80.00 ± 0.60 %",
        "86.20 ± 0.60 %",
        f"{mark} 4",
        "trial 4: 2.00x as fast at an accuracy that does not differ (86.00 ± 0.60 against 86.20 ± 0.60 %)",
    ):
        expect(header).to_contain_text(text)
    details = page.locator("#details")
    for text in (
        f"{mark} 1",
        "81.60 ± 0.60 %",
        "80.42 to 82.78 %",
        "2.50x as fast at an accuracy 4.60 points worse (81.60 ± 0.60 against 86.20 ± 0.60 %)",
    ):
        expect(details).to_contain_text(text)
    expect(page.locator("#front .errorbar")).to_have_count(5)


def test_selecting_a_row_shows_its_layers_and_rings_its_point(page: Page, results: StudyResults) -> None:
    wait_until_drawn(page)
    page.locator("#trials .ag-row[row-id='20'] [col-id='latency']").click()
    expect(page.locator("#details h2")).to_have_text("Trial 20")
    ring_is_at(page, results, 20)
    trial = results.trial(20)
    assert trial is not None
    for layer in trial.attributes.layers:
        expect(page.locator("#layers")).to_contain_text(f"{layer.cycles:,} cycles")
    expect(page).to_have_url(re.compile(r"\?trial=20$"))


def test_table_does_not_move_under_a_chosen_row(page: Page) -> None:
    wait_until_drawn(page)
    view = page.locator("#trials .ag-body-viewport")
    view.evaluate("view => { view.scrollTop = 200; }")
    page.wait_for_function(ROW_IN_VIEW)
    number = page.evaluate(ROW_IN_VIEW)
    page.locator(f"#trials .ag-row[row-id='{number}'] [col-id='latency']").click()
    expect(page.locator("#details h2")).to_have_text(f"Trial {number}")
    page.wait_for_timeout(POLL_MS)
    assert view.evaluate("view => view.scrollTop") == 200


def test_clicking_a_point_selects_its_row(page: Page, results: StudyResults) -> None:
    wait_until_drawn(page)
    expect(page.locator("#details h2")).to_have_text(f"Trial {default_trial(results)}")
    assert results.most_accurate is not None
    number = results.most_accurate.number
    page.mouse.click(*page.evaluate(POINT, number))
    expect(page.locator("#details h2")).to_have_text(f"Trial {number}")
    expect(page.locator(f"#trials .ag-row-selected[row-id='{number}']").first).to_be_visible()
    assert set(selected_rows(page)) == {str(number)}
    page.go_back()
    expect(page.locator("#details h2")).to_have_text(f"Trial {default_trial(results)}")


def test_point_is_selected_again_after_going_back(page: Page, results: StudyResults) -> None:
    wait_until_drawn(page)
    assert results.most_accurate is not None
    for _ in range(2):
        page.mouse.click(*page.evaluate(POINT, results.most_accurate.number))
        expect(page.locator("#details h2")).to_have_text(f"Trial {results.most_accurate.number}")
        page.go_back()
        expect(page.locator("#details h2")).to_have_text(f"Trial {default_trial(results)}")


def test_address_holds_the_selection(open_page: OpenPage, shared_address: str, results: StudyResults) -> None:
    page = open_page(f"{shared_address}?trial=6")
    wait_until_drawn(page)
    expect(page.locator("#details h2")).to_have_text("Trial 6")
    ring_is_at(page, results, 6)
    expect(page.locator("#trials .ag-row-selected[row-id='6']").first).to_be_visible()


def test_going_back_clears_the_selection_where_no_trial_is_feasible(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    study = create_study(tmp_path / "infeasible.db")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "constraints": ["weight_bytes <= 1"]})
    for accuracy in (0.86, 0.85):
        add_infeasible(study, "weight_bytes <= 1", accuracy)
    assert default_trial(read_results(study)) is None
    page = open_page(serve_storage(tmp_path / "infeasible.db"))
    invitation = "Select a point or a row"
    expect(page.locator("#details")).to_contain_text(invitation)
    for _ in range(2):
        page.locator("#trials .ag-row[row-id='1'] [col-id='latency']").click()
        expect(page.locator("#details h2")).to_have_text("Trial 1")
        expect(page.locator("#layers")).to_be_visible()
        page.go_back()
        expect(page.locator("#details")).to_contain_text(invitation)
        expect(page.locator("#layers")).to_be_hidden()
        expect(page.get_by_role("img", name="Cycles of the layers of the selected trial")).to_have_count(0)
        expect(page.locator("#trials .ag-row-selected")).to_have_count(0)
        page.wait_for_function(f"() => ({RING})()[0] === undefined")


def test_senseless_selection_is_ignored(page: Page, results: StudyResults) -> None:
    navigate(page, "?trial=6")
    expect(page.locator("#details h2")).to_have_text("Trial 6")
    navigate(page, "?trial=../../etc/passwd")
    expect(page.locator("#details h2")).to_have_text(f"Trial {default_trial(results)}")


def test_selection_by_address_is_not_taken_for_a_choice(page: Page) -> None:
    """The address moves on while the table still reports the row that the address before it selected."""
    wait_until_drawn(page)
    for number in (7, 20, 7):
        page.evaluate(GO_ON_WHEN_ROW_IS_SELECTED, ["?trial=6", "6", f"?trial={number}"])
        expect(page.locator("#details h2")).to_have_text(f"Trial {number}")
        page.wait_for_timeout(2 * POLL_MS)
        expect(page.locator("#details h2")).to_have_text(f"Trial {number}")
        expect(page).to_have_url(re.compile(rf"\?trial={number}$"))
        expect(page.locator(f"#trials .ag-row-selected[row-id='{number}']").first).to_be_visible()
        assert set(selected_rows(page)) == {str(number)}


def test_table_of_a_page_that_was_left_answers_without_complaint(page: Page) -> None:
    wait_until_drawn(page)
    grid = page.evaluate_handle("async () => await dash_ag_grid.getApiAsync('trials')")
    navigate(page, "/cores")
    page.wait_for_function("grid => grid.isDestroyed()", arg=grid)
    assert page.evaluate("grid => grid.getSelectedRows()", grid) == []


def test_says_that_a_trial_is_not_there(page: Page) -> None:
    navigate(page, "?trial=4000")
    expect(page.locator("#details")).to_contain_text("This study has no trial of that number")
    expect(page.locator("#trials .ag-row-selected")).to_have_count(0)


def test_keyboard_selects_a_row(page: Page) -> None:
    wait_until_drawn(page)
    page.locator("#trials .ag-row[row-id='20'] [col-id='state']").click()
    expect(page.locator("#details h2")).to_have_text("Trial 20")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#details h2")).to_have_text("Trial 19")


def test_new_trial_appears_while_the_page_is_open(
    open_page: OpenPage, address: str, storage: Path, results: StudyResults
) -> None:
    page = open_page(f"{address}?trial=20")
    wait_until_drawn(page)
    number = len(results.trials)
    add_complete(load(storage), {**CONVENTIONAL, "width_multiplier": 1.5})
    expect(page.locator("#header")).to_contain_text(f"{len(results.complete) + 1} / 40")
    expect(page.locator(f"#trials .ag-row[row-id='{number}']").first).to_be_attached()
    page.wait_for_function(POINT, arg=number)
    expect(page.locator("#details h2")).to_have_text("Trial 20")
    assert set(selected_rows(page)) <= {"20"}


def test_nothing_is_sent_again_while_nothing_changes(page: Page) -> None:
    wait_until_drawn(page)
    page.wait_for_timeout(4 * POLL_MS)
    statuses: list[int] = []

    def note(response: Response) -> None:
        statuses.append(response.status)

    page.on("response", note)
    page.wait_for_timeout(6 * POLL_MS)
    page.remove_listener("response", note)
    assert len(statuses) >= 2
    assert set(statuses) == {204}


def test_damaged_storage_is_a_message_and_the_page_recovers(open_page: OpenPage, address: str, storage: Path) -> None:
    page = open_page(address)
    wait_until_drawn(page)
    good = storage.read_bytes()
    storage.write_bytes(b"not a database" * 1000)
    expect(page.locator("#problem")).to_contain_text("is not a SQLite database, or is damaged")
    assert "Traceback" not in page.content()
    expect(page.locator("#front .scatterlayer .point").first).to_be_attached()
    storage.write_bytes(good)
    expect(page.locator("#problem")).to_have_count(0)


def test_missing_storage_is_a_message(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    missing = tmp_path / "none.db"
    page = open_page(serve_storage(missing))
    expect(page.locator("#problem")).to_contain_text("none.db does not exist")
    assert "Traceback" not in page.content()
    assert not missing.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_does_not_scroll_sideways(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme=scheme)
    wait_until_drawn(page)
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")


@pytest.mark.parametrize("width", [1280, 400])
def test_layer_labels_stand_clear_of_the_bars(page: Page, results: StudyResults, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    wait_until_drawn(page)
    page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")
    trial = results.trial(default_trial(results) or 0)
    assert trial is not None
    assert_labels_clear(page, len(trial.attributes.layers))
    entries = layer_legend(trial, conventional=results.conventional)
    expect(page.locator("#details .legend li")).to_have_text([entry.label for entry in entries])


def test_table_shows_all_columns_of_a_wide_page(page: Page) -> None:
    wait_until_drawn(page)
    assert page.locator("#trials .ag-body-horizontal-scroll-viewport").evaluate("view => view.scrollWidth") <= 1280
    note = page.locator("#trials .ag-header-cell[col-id='note']").bounding_box()
    assert note is not None
    assert note["x"] + note["width"] <= 1280


def test_table_is_as_high_as_its_rows_and_grows_to_a_limit(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    study = create_study(tmp_path / "few.db")
    add_complete(study, CONVENTIONAL)
    add_complete(study, {**CONVENTIONAL, "clip": 15})
    page = open_page(serve_storage(tmp_path / "few.db"))
    wait_until_drawn(page)
    page.wait_for_function(f"() => {{ const room = ({ROOM_BELOW_LAST_ROW})(); return 0 <= room && room < 20; }}")
    for _ in range(MOST_ROWS):
        add_complete(study, CONVENTIONAL)
    expect(page.locator("#trials")).to_have_css("height", f"{table_size(MOST_ROWS)['height']}px")
    page.wait_for_function(
        "({scrollHeight, clientHeight}) => scrollHeight > clientHeight",
        arg=page.locator("#trials .ag-body-viewport").element_handle(),
    )


def test_figures_follow_the_colour_scheme(open_page: OpenPage, shared_address: str) -> None:
    page = open_page(shared_address, scheme="dark")
    wait_until_drawn(page)
    ink = "document.querySelector('#front .js-plotly-plot')._fullLayout.font.color"
    page.wait_for_function(f"() => {ink} === '#e8ebf0'")
    page.get_by_label("Light or dark").click()
    page.wait_for_function(f"() => {ink} === '#1d2430'")


def test_colour_follows_the_chosen_parameter(page: Page) -> None:
    wait_until_drawn(page)
    page.get_by_text("clip", exact=True).first.click()
    expect(page.locator("#front .legend")).to_contain_text("no clip")
    page.get_by_text("accumulator", exact=True).first.click()
    expect(page.locator("#front .legend")).to_contain_text("32 bit")
