"""The map of accumulator widths in Chromium, with figures made up: timing seven cores takes minutes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from dashboards.app import create_app
from dashboards.background import Background
from dashboards.callbacks.space_map import mapped_cores
from dashboards.server import HOST, bind
from dashboards.simulations import MapRequest
from dashboards.source import StudySource
from dse.accumulator_map import KINDS, AccumulatorMap, LayerCycles, WidthCycles


class MadeUpBackground(Background):
    """Answers at once, but for one core only after `ready` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.ready = threading.Event()

    def ask(self, function: Any, request: Any, *, wait_s: float = 0.0, urgent: bool = True) -> Any:
        if not isinstance(request, MapRequest):
            return super().ask(function, request, wait_s=wait_s, urgent=urgent)
        assert not urgent
        if request.core == "apple-m1" and not self.ready.is_set():
            return None
        entries = tuple(
            WidthCycles(kind, width, (LayerCycles("block1", "8x3", 1000 * width + 10 * len(request.core)),))
            for kind in KINDS
            for width in (8, 16, 32)
        )
        return AccumulatorMap(request.core, request.core in ("cortex-a53", "cortex-a55"), entries)


@pytest.fixture
def background() -> MadeUpBackground:
    return MadeUpBackground()


@pytest.fixture
def map_address(storage: Path, background: MadeUpBackground) -> Iterator[str]:
    listener = bind(create_app(StudySource(str(storage), None), background).server, 0)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://{HOST}:{listener.port}/map"
    listener.shutdown()
    thread.join()
    listener.server_close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
def test_cores_appear_as_they_are_timed(
    map_address: str, background: MadeUpBackground, open_page: Callable[..., Page], width: int, scheme: str
) -> None:
    page = open_page(map_address, width, scheme)
    cores = mapped_cores()
    assert cores[:2] == ("cortex-a53", "cortex-a55")
    expect(page.locator("#map-result")).to_contain_text(f"{len(cores) - 1} of {len(cores)} cores so far")
    background.ready.set()
    expect(page.locator(".multiples h3")).to_have_count(len(cores))
    expect(page.locator("#map-result .waiting")).to_have_count(0)
    rows = page.locator(".figures-table tbody tr")
    expect(rows).to_have_count(2 * len(cores))
    expect(rows.first).to_contain_text("8,100")
    expect(rows.first).to_contain_text("-74.8%")
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    page.get_by_role("link", name="neoverse-n1").click()
    expect(page.locator("#cores-core")).to_have_value("neoverse-n1")
