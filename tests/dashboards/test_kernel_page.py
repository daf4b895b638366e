"""The kernel page in Chromium: real kernels, run and timed by the process behind the server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import Page, expect

from dashboards import ids
from dse.kernel_profile import profile_kernel
from isa_models import load_core
from kernels_asm import ConvShape
from kernels_asm.any_variant import parse_variant
from tests.dashboards.conftest import FIRST_SIMULATION_MS, HOLD_ANSWERS, navigate

OpenPage = Callable[..., Page]

VARIANT = "acc8-exact-clip31-int8-4x2"
SHAPE = "6x6x32x16 k3x3 s1 p1"
KERNEL = f"kernel?variant={VARIANT}&shape={SHAPE.replace(' ', '+')}&core=cortex-a72"
"""A small kernel, of no study."""


def cycles_of(variant: str = VARIANT, core: str = "cortex-a72", **overrides: str) -> int:
    """Return the cycles of the small kernel; `l2__latency` stands for the field l2.latency."""
    fields = {name.replace("__", "."): value for name, value in overrides.items()}
    shape = ConvShape.parse("6x6x32x16")
    return profile_kernel(parse_variant(variant), shape, load_core(core, fields)).simulation.cycles


def wait_for_result(page: Page) -> None:
    page.locator("#kernel-result .card-value").first.wait_for(timeout=FIRST_SIMULATION_MS)


def test_shows_where_the_cycles_of_a_kernel_go(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    expect(page.locator("#kernel-result .card-value").first).to_have_text(f"{cycles_of():,}")
    for text in ("output identical with the oracle", "How busy each port is", "port F1", "results per cycle"):
        expect(page.locator("#kernel-result")).to_contain_text(text)
    listing = page.locator(".listing")
    listing.scroll_into_view_if_needed()
    expect(listing.locator(".ag-cell[col-id='source']").first).to_contain_text("binary_conv.S:")
    expect(listing.locator(".stall-bar span").first).to_be_attached()
    hottest = listing.locator(".ag-cell[col-id='cycles']").evaluate_all(
        "cells => Math.max(...cells.map(cell => Number(/ (\\d[\\d.]*)%/.exec(cell.style.background)?.[1] ?? 0)))"
    )
    assert hottest == 50.0


def test_hover_of_the_timeline_says_what_an_instruction_waits_for(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    page.wait_for_function("() => document.querySelectorAll('.js-plotly-plot').length === 3")
    timeline = page.get_by_role("figure", name="Timeline").locator(".js-plotly-plot")
    texts = timeline.evaluate("plot => plot.data[0].customdata")
    assert len(texts) == 400
    assert all("instruction" in text for text in texts)
    assert sum("times together" in text and re.search(r"for .*\d%", text) is not None for text in texts) > 200


def test_timeline_moves_and_zooms_by_keyboard(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    shown = "() => document.querySelectorAll('.js-plotly-plot')[2]?._fullLayout?.yaxis.range ?? []"
    page.wait_for_function(f"() => ({shown})()[0] === 39.5")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => ({shown})()[1] > -0.5")
    page.get_by_role("radiogroup").get_by_text("20", exact=True).click()
    page.wait_for_function(f"() => ({shown})()[0] - ({shown})()[1] === 20")


def test_kernel_of_a_layer_is_a_link_away_from_its_trial(page: Page) -> None:
    navigate(page, "/?trial=0")
    expect(page.locator("#details h2")).to_have_text("Trial 0")
    page.locator("#details .links").get_by_text("block3.conv").click()
    wait_for_result(page)
    expect(page.locator("h1")).to_have_text("Trial 0, layer block3.conv, on cortex-a72")
    expect(page).to_have_url(re.compile(r"/kernel\?trial=0&layer=block3\.conv$"))
    expect(page.locator("#kernel-form")).to_contain_text("float32 batch norm")
    page.locator("#kernel-form").get_by_role("link", name="trial 0").click()
    expect(page.locator("#details h2")).to_have_text("Trial 0")


def test_what_if_shows_before_and_after_and_the_address_holds_it(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    page.locator("#what-if-field").fill("results_per")
    page.get_by_role("option", name="results_per_cycle = 3").click()
    page.locator("#what-if-value").fill("2")
    page.locator("#what-if-value").press("Enter")
    expect(page).to_have_url(re.compile(r"override=results_per_cycle%3D2$"))
    expect(page.locator(".figures-table tbody tr").first).to_contain_text(f"{cycles_of():,}", timeout=20_000)
    row = page.locator(".figures-table tbody tr").first
    slower = cycles_of(results_per_cycle="2")
    assert slower > cycles_of()
    expect(row).to_contain_text(f"{slower:,}")
    expect(row).to_contain_text(f"+{slower / cycles_of() - 1:.1%}")
    page.locator("#what-if-tile").fill("2x2")
    page.get_by_role("option", name="2x2", exact=True).click()
    page.locator("#what-if-try").click()
    both = cycles_of(VARIANT.replace("4x2", "2x2"), results_per_cycle="2")
    expect(row).to_contain_text(f"{both:,}", timeout=20_000)
    page.get_by_title("Drop results_per_cycle=2").click()
    expect(row).to_contain_text(f"{cycles_of(VARIANT.replace('4x2', '2x2')):,}", timeout=20_000)
    page.get_by_role("link", name="drop all").click()
    expect(page.locator(".figures-table")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"core=cortex-a72$"))


def test_late_result_leaves_what_is_typed_meanwhile(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    page.evaluate(HOLD_ANSWERS, f"{ids.KERNEL_RESULT}.children")
    navigate(page, f"/{KERNEL.replace('cortex-a72', 'cortex-a53')}")
    expect(page.locator("h1")).to_have_text("Kernel on cortex-a53")
    page.wait_for_function("() => window.held.length > 0")
    page.locator("#kernel-shape").fill("8x8x32x16")
    page.evaluate("() => window.letGo()")
    expect(page.locator("#kernel-result .card-value").first).to_have_text(f"{cycles_of(core='cortex-a53'):,}")
    expect(page.locator("#kernel-shape")).to_have_value("8x8x32x16")


def test_what_cannot_be_shown_stays_in_the_form_to_be_corrected(page: Page) -> None:
    navigate(page, f"/kernel?variant=acc9-exact&shape={SHAPE.replace(' ', '+')}&core=cortex-a53")
    expect(page.locator("#kernel-problem")).to_contain_text("accumulator")
    expect(page.locator("#kernel-variant")).to_have_value("acc9-exact")
    expect(page.locator("#kernel-shape")).to_have_value(SHAPE)
    navigate(page, f"/{KERNEL}&override=l2.latency=abc")
    expect(page.locator("#kernel-problem")).to_contain_text("is no number")
    expect(page.locator("#kernel-variant")).to_have_value(VARIANT)
    expect(page.locator("#what-if-try")).to_be_visible()


@pytest.fixture
def overridden(storage: Path) -> Path:
    """A study on a core of which it changed a field."""
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "overrides": {"results_per_cycle": "2"}})
    return storage


def test_what_a_study_changed_of_its_core_is_named_and_stays(
    overridden: Path, open_page: OpenPage, serve_storage: Callable[[Path], str]
) -> None:
    address = serve_storage(overridden)
    page = open_page(f"{address}kernel?trial=0&layer=block3.conv")
    title = "Trial 0, layer block3.conv, on cortex-a72 (results_per_cycle=2)"
    expect(page.locator("h1")).to_have_text(title)
    wait_for_result(page)
    page.locator("#kernel-show").click()
    expect(page.locator("h1")).to_have_text(title)
    expect(page).to_have_url(re.compile(r"/kernel\?trial=0&layer=block3\.conv$"))
    page.locator("#kernel-shape").fill("6x6x32x16")
    page.locator("#kernel-show").click()
    expect(page).to_have_url(re.compile(r"core=cortex-a72&override=results_per_cycle%3D2$"))
    page.goto(f"{address}cores")
    expect(page.locator("#cores-about")).to_contain_text("The study is of cortex-a72 (results_per_cycle=2)")


def test_kernels_of_a_core_of_ones_own_are_shown(
    storage: Path, tmp_path: Path, open_page: OpenPage, serve_storage: Callable[[Path], str]
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("extends: cortex-a72\ndescription: of our own\nclock_hz: 2_000_000_000\n", encoding="utf-8")
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{storage}")
    study.set_user_attr("spec", {**study.user_attrs["spec"], "core": str(own)})
    address = serve_storage(storage)
    page = open_page(f"{address}kernel?trial=0&layer=block3.conv")
    expect(page.locator("h1")).to_have_text(f"Trial 0, layer block3.conv, on {own}")
    wait_for_result(page)
    expect(page.locator("#kernel-result")).to_contain_text("2 GHz")
    page.goto(f"{address}kernel?core={tmp_path / 'other.yaml'}")
    expect(page.locator("#kernel-problem")).to_contain_text("is none of")


def test_another_kernel_is_shown_by_the_form(page: Page) -> None:
    navigate(page, f"/{KERNEL}")
    wait_for_result(page)
    page.locator("#kernel-variant").fill(VARIANT.replace("4x2", "2x2"))
    page.locator("#kernel-show").click()
    expected = f"{cycles_of(VARIANT.replace('4x2', '2x2')):,}"
    expect(page.locator("#kernel-result .card-value").first).to_have_text(expected, timeout=20_000)
    page.go_back()
    expect(page.locator("#kernel-result .card-value").first).to_have_text(f"{cycles_of():,}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("variant=acc9-exact", "accumulator"),
        ("core=/etc/passwd", "is none of"),
        ("core=../../x.yaml", "is none of"),
        ("shape=<script>alert(1)</script>", "write HEIGHTxWIDTH"),
        ("shape=30000x30000x64x64", "too much to be emulated"),
        ("override=name=x", "has no number"),
        ("override=l2.latency=1e9", "is no number from 0"),
        ("override=l2.latency=%26touch+x", "is no number from 0"),
        ("override=l2.ways=7", "power-of-two"),
        ("override=__class__.x=1", "has no number"),
        ("tile=9999x9999", "tile"),
        ("trial=999999", "has no trial 999999"),
        ("trial=-1", "names no trial"),
        ("trial=0&layer=../../etc/passwd", "has no layer"),
        ("&".join(f"override=a{number}=1" for number in range(20)), "at most 8"),
    ],
)
def test_senseless_address_is_a_message(page: Page, query: str, message: str) -> None:
    navigate(page, f"/kernel?{query}")
    expect(page.locator("#kernel-problem")).to_contain_text(message)
    expect(page.locator("#kernel-result")).to_be_empty()
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("suffix", ["", "&override=l2.latency=40"])
def test_narrow_page_does_not_scroll_sideways(page: Page, scheme: str, suffix: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    navigate(page, f"/{KERNEL}{suffix}")
    wait_for_result(page)
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")


def test_unknown_page_is_a_message(page: Page) -> None:
    navigate(page, "/nothing/here")
    expect(page.locator("h1")).to_have_text("There is no such page")


def test_kernel_is_shown_although_the_storage_cannot_be_read(
    open_page: OpenPage, serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    page = open_page(serve_storage(tmp_path / "none.db") + KERNEL)
    expect(page.locator("#problem")).to_contain_text("none.db does not exist")
    wait_for_result(page)
    expect(page.locator("#kernel-result .card-value").first).to_have_text(f"{cycles_of():,}")
    assert "Traceback" not in page.content()
