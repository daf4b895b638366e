"""The cores page in Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from dse.cache import ENVIRONMENT_VARIABLE, EvaluationCache
from dse.core_table import core_rows
from dse.validation_charts import validation_sets
from isa_models import load_core
from isa_models.silicon.data_sets import sequence_set
from tests.dashboards.conftest import FIRST_SIMULATION_MS, navigate

ROWS = """async () => {
  const grid = await dash_ag_grid.getApiAsync('cores-table'), rows = [];
  grid.forEachNode(node => rows.push(node.data));
  return rows;
}"""


@pytest.fixture(autouse=True, scope="module")
def _validated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the pages find 62 measurements of each core in their cache: to simulate all takes half a minute."""
    cache = EvaluationCache(tmp_path_factory.mktemp("cache"))
    few = sequence_set()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isa_models.silicon.data_sets.sets_of", lambda _core: [few])
        for core in ("cortex-a53", "cortex-a72"):
            validation_sets(core, cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT_VARIABLE, str(cache.directory))
        yield


def wait_for_rows(page: Page, count: int, *, marked: bool = False) -> list[dict[str, str]]:
    """Return the rows of the table as soon as there are `count`, some of them marked where that is asked for."""
    for _ in range(150):
        rows: list[dict[str, str]] = page.evaluate(ROWS) if page.locator("#cores-table .ag-root").count() else []
        if len(rows) == count and any(row["mark"] for row in rows) == marked:
            return rows
        page.wait_for_timeout(100)
    raise AssertionError(f"the table never had {count} rows")


def test_shows_every_entry_with_source_and_confidence(page: Page) -> None:
    navigate(page, "/cores")
    expect(page.locator("#cores-core")).to_have_value("cortex-a72")
    core = load_core("cortex-a72")
    rows = wait_for_rows(page, len(core_rows(core)))
    by_name = {row["name"]: row for row in rows}
    assert set(core.classes) <= set(by_name)
    load = by_name["load"]
    assert load["figures"] == "latency 4, ports L"
    assert load["confidence"] == "high"
    assert "pmevo" in load["source"]
    assert "cdl-saarland" in load["source_text"]
    assert by_name["decode_width"]["figures"] == "3"
    page.locator("#cores-about summary").click()
    expect(page.locator("#cores-about li").first).to_be_visible()


def test_two_cores_stand_side_by_side_with_differences_marked(page: Page) -> None:
    navigate(page, "/cores?core=cortex-a72&beside=neoverse-n1")
    both = core_rows(load_core("cortex-a72"), load_core("neoverse-n1"))
    rows = wait_for_rows(page, len(both), marked=True)
    assert sum(bool(row["mark"]) for row in rows) == sum(row.differs for row in both)
    marked = next(row for row in rows if row["name"] == "decode_width")
    assert (marked["figures"], marked["beside_figures"], marked["mark"]) == ("3", "4", "≠")
    expect(page.locator("#cores-table .ag-row.differs").first).to_be_attached()
    page.locator("#cores-differences").check()
    wait_for_rows(page, sum(row.differs for row in both), marked=True)
    expect(page).to_have_url(re.compile(r"\?core=cortex-a72&beside=neoverse-n1&differ=1$"))


def test_another_core_is_chosen_and_the_address_holds_it(page: Page) -> None:
    navigate(page, "/cores")
    wait_for_rows(page, len(core_rows(load_core("cortex-a72"))))
    page.locator("#cores-core").click()
    page.get_by_role("option", name="cortex-a53").first.click()
    wait_for_rows(page, len(core_rows(load_core("cortex-a53"))))
    expect(page).to_have_url(re.compile(r"\?core=cortex-a53$"))
    page.go_back()
    expect(page.locator("#cores-core")).to_have_value("cortex-a72")


def test_going_back_leaves_the_way_forward(page: Page) -> None:
    navigate(page, "/cores")
    wait_for_rows(page, len(core_rows(load_core("cortex-a72"))))
    for core in ("cortex-a53", "cortex-a72"):
        page.locator("#cores-core").click()
        page.get_by_role("option", name=core).first.click()
        expect(page).to_have_url(re.compile(rf"\?core={core}$"))
        wait_for_rows(page, len(core_rows(load_core(core))))
    for step, query, core in (
        (page.go_back, r"\?core=cortex-a53", "cortex-a53"),
        (page.go_back, "", "cortex-a72"),
        (page.go_forward, r"\?core=cortex-a53", "cortex-a53"),
        (page.go_forward, r"\?core=cortex-a72", "cortex-a72"),
    ):
        step()
        wait_for_rows(page, len(core_rows(load_core(core))))
        expect(page.locator("#cores-core")).to_have_value(core)
        expect(page).to_have_url(re.compile(rf"/cores{query}$"))


def test_what_was_measured_is_drawn_beside_what_is_simulated(page: Page) -> None:
    navigate(page, "/cores?core=cortex-a53")
    heading = page.locator("#cores-validation h3")
    expect(heading).to_have_text(re.compile(r"^a53_sequences\.json: 62 figures, mean error \d\.\d%, "))
    expect(page.locator("#cores-validation .js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.locator("#cores-validation").get_by_role("figure").locator(".js-plotly-plot")).to_have_count(2)


def test_core_that_nothing_was_measured_of_says_so(page: Page) -> None:
    navigate(page, "/cores?core=cortex-a55")
    text = "Nothing was measured on a cortex-a55"
    expect(page.locator("#cores-validation")).to_contain_text(text, timeout=FIRST_SIMULATION_MS)


@pytest.mark.parametrize("query", ["core=/etc/passwd", "core=x", "core=cortex-a72&beside=../pyproject.toml"])
def test_senseless_address_is_a_message(page: Page, query: str) -> None:
    navigate(page, f"/cores?{query}")
    expect(page.locator("#cores-problem")).to_contain_text("is none of apple-m1")
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_does_not_scroll_sideways(page: Page, scheme: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    navigate(page, "/cores?core=cortex-a72&beside=cortex-a53")
    expect(page.locator("#cores-about")).to_contain_text("out-of-order")
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")
