"""A study, a server that shows it, and a browser that reports everything a page does."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, Request, expect

from dashboards import shell
from dashboards.app import create_app
from dashboards.background import Background
from dashboards.server import HOST, serving
from dashboards.source import StudySource
from tests.sample_study import build_study

POLL_MS = 150
"""How often a page of a test asks for changes."""

FIRST_SIMULATION_MS = 150_000
"""How long the first simulation may take: it starts a process and, after a change, compiles the timing engines."""


HOLD_ANSWERS = """asked => {
  const ask = window.fetch;
  window.held = [];
  window.fetch = async (url, options) => {
    const answer = await ask(url, options);
    if (String(options?.body).includes(asked)) {
      await new Promise(resolve => window.held.push(resolve));
    }
    return answer;
  };
  window.letGo = () => { window.fetch = ask; window.held.forEach(resolve => resolve()); };
}"""
"""Holds the answers to callbacks with an output back until they are let go."""


expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
def sample_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage with one study, built once; tests get copies."""
    path = tmp_path_factory.mktemp("sample") / "study.db"
    build_study(path)
    return path


@pytest.fixture
def storage(sample_storage: Path, tmp_path: Path) -> Path:
    """A storage with one study that the test may change."""
    return Path(shutil.copy(sample_storage, tmp_path / "study.db"))


@pytest.fixture(scope="session")
def free_port() -> int:
    """A port of our own: the same for every server, so that the browser keeps the app's scripts in its cache."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve_storage(free_port: int) -> Iterator[Callable[[Path], str]]:
    """Return a function that serves a storage until the test ends, to be polled often, and gives the address."""
    with ExitStack() as servers:
        yield lambda storage: servers.enter_context(_serving(storage, free_port))


@contextmanager
def _serving(storage: Path, port: int) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shell, "POLL_MS", POLL_MS)
        background = Background()
        app = create_app(StudySource(str(storage), None), background)
    try:
        with serving(app.server, port, poll_interval=0.02) as address:
            yield address
    finally:
        background.close()


@pytest.fixture
def address(storage: Path, serve_storage: Callable[[Path], str]) -> str:
    """Where the dashboard of `storage` is served."""
    return serve_storage(storage)


@pytest.fixture(scope="module")
def shared_address(sample_storage: Path) -> Iterator[str]:
    """Where the study that no test changes is served, for all tests of a module."""
    with _serving(sample_storage, 0) as address:
        yield address


@dataclass
class Watched:
    """A page, with what it complained about and whom it asked."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type != "log" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        if not request.url.startswith((f"http://{HOST}:", "file:", "data:", "blob:")):
            self.foreign.append(request.url)

    def assert_content(self) -> None:
        """Fail if the page complained or asked for anything outside 127.0.0.1 since the last call."""
        complaints, foreign = self.complaints[:], self.foreign[:]
        self.complaints.clear()
        self.foreign.clear()
        assert foreign == []
        assert complaints == []


def _open(browser: BrowserContext, url: str, width: int, scheme: Literal["light", "dark"]) -> Watched:
    watched = Watched(browser.new_page())
    watched.page.set_viewport_size({"width": width, "height": 900})
    watched.page.emulate_media(color_scheme=scheme)
    watched.page.goto(url)
    return watched


@pytest.fixture
def open_page(browser: BrowserContext, serve_storage: Callable[[Path], str]) -> Iterator[Callable[..., Page]]:
    """Open pages; at the end of the test none may have complained or asked for anything outside 127.0.0.1.

    Depends on `serve_storage` so that pages are closed before their server.
    """
    opened: list[Watched] = []

    def open_(url: str, width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Page:
        opened.append(_open(browser, url, width, scheme))
        return opened[-1].page

    yield open_
    for watched in opened:
        if watched.page.url.startswith("http:"):
            watched.page.evaluate("() => localStorage.clear()")
        watched.page.close()
    for watched in opened:
        watched.assert_content()


def navigate(page: Page, url: str) -> None:
    """Change the address as the browser's own back and forward do: without loading the page again."""
    page.evaluate("url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')); }", arg=url)


@pytest.fixture(scope="module")
def watched_page(browser: BrowserContext, shared_address: str) -> Iterator[Watched]:
    """One page on the study that no test changes, loaded once for all tests of a module."""
    watched = _open(browser, shared_address, 1280, "light")
    yield watched
    watched.page.close()


@pytest.fixture
def page(watched_page: Watched) -> Iterator[Page]:
    """The shared page as it is after loading: the default trial, 1280 pixels, light. Complaints fail the test."""
    page = watched_page.page
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="light")
    page.evaluate("() => scrollTo(0, 0)")
    if not page.url.endswith(":" + page.url.rpartition(":")[2].partition("/")[0] + "/"):
        navigate(page, "/")
        page.wait_for_selector("#front", state="attached")  # what a test waits for is not of the page before
    yield page
    watched_page.assert_content()
