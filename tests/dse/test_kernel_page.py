"""The page of a kernel's profile, as its file and in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from dse.cli.main import run
from dse.kernel_charts import TIMELINE_ROWS
from dse.kernel_page import render_kernel_page
from dse.kernel_profile import KernelProfile, profile_kernel
from isa_models import load_core
from kernels_asm import ConvShape, KernelVariant

VARIANT = "acc8-exact-clip31-int8-8x3"
CORE = "cortex-a53"


@pytest.fixture(scope="module")
def profile() -> KernelProfile:
    return profile_kernel(KernelVariant.parse(VARIANT), ConvShape(6, 6, 128, 16), load_core(CORE), timeline=400)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "kernel.html"
    assert run(["kernel", "profile", VARIANT, "--layer", "6x6x128x16", "--core", CORE, "--html", str(path)]) == 0
    return path


def draw(browser: BrowserContext, path: Path, width: int, scheme: str) -> tuple[Page, list[str]]:
    complaints: list[str] = []
    page = browser.new_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if not _is_local(request.url) else None)
    page.goto(path.as_uri())
    for figure in ("ports", "stalls", "timeline"):
        page.wait_for_selector(f"#{figure} .barlayer .point")
    return page, complaints


def _is_local(url: str) -> bool:
    return url.startswith(("file:", "data:", "blob:"))


def test_the_command_writes_the_same_page(written: Path, profile: KernelProfile) -> None:
    assert written.read_text(encoding="utf-8") == render_kernel_page(profile)


def test_it_says_what_the_profile_says(profile: KernelProfile) -> None:
    html = render_kernel_page(profile).split("<script>")[0]
    simulation = profile.simulation
    for text in (
        f"{VARIANT} on {CORE}",
        "Layer 6x6x128x16 k3x3 s1 p1: 663,552 binary products",
        f"{simulation.cycles:,}",
        f"{profile.timing.products_per_cycle:.1f}",
        f"{profile.share:.1%}",
        simulation.bound.what,
    ):
        assert text in html
    assert html.count("<tr") == 1 + len(simulation.hotspots)
    assert len(re.findall(r'class="hottest"', html)) >= 1
    assert "--heat: 100.0%" in html


def test_it_loads_nothing_and_escapes_names(profile: KernelProfile) -> None:
    core = profile.core.model_copy(update={"name": "<img src=x>"})
    html = render_kernel_page(KernelProfile(profile.timing, core, profile.bound))
    assert "<img src=x>" not in html
    assert "&lt;img src=x&gt;" in html
    assert "default-src 'none'" in html
    assert not re.search(r"<(?:script|img|iframe)[^>]*\bsrc=", html.split("<script>")[0])


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_draws_without_any_request(written: Path, browser: BrowserContext, width: int, scheme: str) -> None:
    page, complaints = draw(browser, written, width, scheme)
    ink = {"light": "#1d2430", "dark": "#e8ebf0"}[scheme]
    assert page.evaluate("document.getElementById('ports')._fullLayout.font.color") == ink
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("#stall-legend li").first).to_have_text("port busy")
    assert page.locator("#timeline-legend li").all_inner_texts() == ["waits to execute", "executes", "waits to retire"]
    page.close()
    assert complaints == []


def test_the_slider_moves_along_the_pipeline(written: Path, browser: BrowserContext) -> None:
    page, complaints = draw(browser, written, 1280, "light")
    slider = page.locator("#position")
    ranges = "document.getElementById('timeline')._fullLayout"
    first = page.evaluate(f"{ranges}.xaxis.range")
    assert page.evaluate(f"{ranges}.yaxis.range") == [TIMELINE_ROWS - 0.5, -0.5]
    slider.focus()
    page.keyboard.press("End")
    page.wait_for_function(f"{ranges}.yaxis.range[1] === {400 - TIMELINE_ROWS - 0.5}")
    assert page.evaluate(f"{ranges}.xaxis.range")[0] > first[1]
    page.close()
    assert complaints == []


def test_hovering_tells_the_stages(written: Path, browser: BrowserContext) -> None:
    page, _ = draw(browser, written, 1280, "light")
    bar = page.locator("#timeline .barlayer .point path").nth(TIMELINE_ROWS // 2)
    bar.scroll_into_view_if_needed()
    bar.hover(force=True)
    hover = page.locator("#timeline .hoverlayer .hovertext")
    expect(hover).to_contain_text("binary_conv.S:")
    for stage in ("dispatch", "issue", "complete", "retire"):
        expect(hover).to_contain_text(stage)
    page.close()


def test_the_listing_opens_at_the_hottest_instruction(written: Path, browser: BrowserContext) -> None:
    page, _ = draw(browser, written, 1280, "light")
    listing = page.locator(".listing").bounding_box()
    row = page.locator("tr.hottest").first.bounding_box()
    assert listing is not None
    assert row is not None
    assert listing["y"] < row["y"] < listing["y"] + listing["height"]
    page.close()


def test_a_page_without_timeline_says_so(profile: KernelProfile, tmp_path: Path, browser: BrowserContext) -> None:
    short = profile_kernel(profile.timing.variant, profile.timing.shape, profile.core)
    (tmp_path / "page.html").write_text(render_kernel_page(short), encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())
    expect(page.locator("#timeline")).to_contain_text("No timeline was recorded")
    page.close()
