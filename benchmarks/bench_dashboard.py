"""How long the study page takes to appear and to answer, in Chromium, at 10,000 trials.

python -m benchmarks.bench_dashboard [--trials N] [--repeats N]

A page is opened in a browser that knows nothing of it: timed are the first paint with anything to see, as the browser
has it, and when front, table and count are all there. For an answer the clock runs from the browser's time stamp of the
click to the paint that shows the table, the front and the count of what passes, or the chosen trial. CPU is that of the
page's main thread, also of what it draws out of sight afterwards: the figure to compare on a machine that does other
things too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import optuna
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.dashboard_study import make_study
from benchmarks.options import say
from dashboards.app import create_app
from dashboards.background import Background
from dashboards.server import serving
from dashboards.source import StudySource

TARGET_MS: Final = 200
FIRST_PAINT_TARGET_MS: Final = 1500
REST_MS: Final = 800
"""Between two actions, for what is drawn out of sight."""
_VIEWPORT: Final[ViewportSize] = {"width": 1280, "height": 900}
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")

_VIEWS: Final = ("#front .scatterlayer .point", "#trials .ag-row", ".explore-count", "#details h2")
_PAINTED: Final = "() => [performance.getEntriesByName('first-contentful-paint')[0].startTime, performance.now()]"
_ARM: Final = """([event, shown]) => {
  const isShown = eval(shown), count = document.querySelector('.explore-count').innerText;
  const trial = document.querySelector('#details h2').innerText;
  const began = new Promise(resolve => addEventListener(event, e => resolve(e.timeStamp), {capture: true, once: true}));
  window.measured = began.then(start => new Promise(resolve => {
    const look = () => requestAnimationFrame(() => {
      isShown(count, trial) ? setTimeout(() => resolve(performance.now() - start)) : look();
    });
    look();
  }));
}"""
_FILTERED: Final = """(before) => {
  const count = document.querySelector('.explore-count').innerText;
  const traces = document.querySelector('#front .js-plotly-plot').data.filter(({customdata}) => customdata);
  const passing = Number(count.replace('All ', '').split(' ')[0].replaceAll(',', ''));
  const isFaded = traces.some(({customdata, selectedpoints: points}) => points && points.length < customdata.length);
  const isFiltered = dash_ag_grid.getApi('trials').getDisplayedRowCount() === passing;
  return count !== before && !count.startsWith('All') && isFaded && isFiltered;
}"""
_CHOSEN: Final = "(_, before) => document.querySelector('#details h2').innerText !== before"
_SELECT: Final = "() => Plotly.relayout(document.querySelector('#front .js-plotly-plot'), {dragmode: 'select'})"


@dataclass(frozen=True)
class Action:
    """What a person does, the browser's event that ends it, and what is then shown."""

    name: str
    event: str
    shown: str
    do: Callable[[Page, int], None]


@dataclass
class Answer:
    """Milliseconds of one action, one number a repeat."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def main(arguments: Sequence[str] = ()) -> int:
    """Measure how a page opens and every action, and print the medians; return 0, or 1 without Chromium."""
    options = _parser().parse_args(arguments)
    chromium = shutil.which("chromium")
    if chromium is None:
        say("bench_dashboard: error: needs chromium, which is not installed (Debian: apt-get install chromium)")
        return 1
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with TemporaryDirectory() as folder:
        say(f"Making a study of {options.trials:,} trials")
        storage = make_study(Path(folder) / "study.log", options.trials)
        with _serving(storage) as address, _browser(chromium) as browser:
            _tell_paints([_open(browser, address) for _ in range(options.repeats)])
            page = _ready_page(browser, address)
            for action in ACTIONS:
                answer = _measure(page, action, options.repeats)
                say(
                    f"{answer.name:32} {median(answer.wall):5.0f} ms to the updated views "
                    f"({min(answer.wall):.0f} to {max(answer.wall):.0f}, target {TARGET_MS}), "
                    f"{median(answer.cpu):5.0f} ms of CPU"
                )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench_dashboard", description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000, help="of the made-up study (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=9, help="of every action (default: %(default)s)")
    return parser


@contextmanager
def _serving(storage: str) -> Iterator[str]:
    source, background = StudySource(storage, None), Background()
    source.snapshot()
    try:
        with serving(create_app(source, background).server, 0) as address:
            yield address
    finally:
        background.close()


@contextmanager
def _browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield browser
        browser.close()


def _open(browser: Browser, address: str) -> tuple[float, float]:
    """Return when a page first showed anything and when it showed all views, in milliseconds since it was asked for."""
    with browser.new_context(viewport=_VIEWPORT) as context:  # with an empty cache
        page = context.new_page()
        _wait_for_views(page, address)
        first, views = page.evaluate(_PAINTED)
        return first, views


def _tell_paints(paints: Sequence[tuple[float, float]]) -> None:
    first, views = zip(*paints, strict=True)
    say(
        f"{'open the page':32} {median(first):5.0f} ms to the first paint "
        f"({min(first):.0f} to {max(first):.0f}, target {FIRST_PAINT_TARGET_MS}), {median(views):5.0f} ms to all views"
    )


def _ready_page(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport=_VIEWPORT)
    _wait_for_views(page, address)
    page.wait_for_timeout(3 * REST_MS)
    return page


def _wait_for_views(page: Page, address: str) -> None:
    page.goto(address)
    for part in _VIEWS:
        page.wait_for_selector(part, timeout=120_000)


def _measure(page: Page, action: Action, repeats: int) -> Answer:
    """Do an action once unseen, as what it needs is loaded and compiled then, and time it `repeats` times."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    answer = Answer(action.name)
    for number in range(repeats + 1):
        _undo(page)
        before = _cpu_ms(session)
        page.evaluate(_ARM, [action.event, action.shown])
        action.do(page, number)
        wall = page.evaluate("window.measured")
        page.wait_for_timeout(REST_MS)
        if number > 0:
            answer.wall.append(wall)
            answer.cpu.append(_cpu_ms(session) - before)
    session.detach()
    return answer


def _cpu_ms(session: Any) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return 1000 * float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def _undo(page: Page) -> None:
    if "f=" in page.url or "h=" in page.url:
        page.get_by_role("button", name="Clear filters").click()
        page.wait_for_timeout(REST_MS)


def _choose_bits(page: Page, _: int) -> None:
    page.get_by_role("group", name="Bits").get_by_role("button", name="8", exact=True).click()


def _drag_along_axis(page: Page, number: int) -> None:
    canvas = page.locator("#explore-parallel canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    _drag(page, (box["x"] + 56, box["y"] + 248), (box["x"] + 56, box["y"] + 180 - number))


def _draw_box(page: Page, number: int) -> None:
    page.evaluate(_SELECT)
    area = page.locator("#front .nsewdrag")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box is not None
    end = (box["x"] + box["width"] / 2 + number, box["y"] + box["height"] / 2)
    _drag(page, (box["x"] + 5, box["y"] + 5), end)


def _drag(page: Page, begin: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*begin)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def _choose_row(page: Page, number: int) -> None:
    page.locator("#trials .ag-center-cols-container .ag-row").nth(number % 10 + 1).click()


ACTIONS: Final = (
    Action("filter by a button", "click", _FILTERED, _choose_bits),
    Action("filter by dragging along an axis", "pointerup", _FILTERED, _drag_along_axis),
    Action("filter by a box on the front", "mouseup", _FILTERED, _draw_box),
    Action("choose a trial in the table", "click", _CHOSEN, _choose_row),
)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
