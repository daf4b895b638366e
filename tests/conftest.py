"""The order of the tests, and fixtures for every one."""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

TESTS = Path(__file__).parent

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


COMPILE_ENGINES = """
from isa_models import simulate
for core in ("cortex-a53", "cortex-a72"):
    simulate("f: ret", core=core)
"""

WITHOUT_ENGINES = TESTS / "dse/export/test_folder.py"
"""Tests that need no timing engines: they come first, while the engines are compiled."""

LONG = [
    WITHOUT_ENGINES,
    TESTS / "dse/cli/test_study_end_to_end.py",
    TESTS / "conformance/test_core_coverage.py",
    TESTS / "dse/test_many_workers.py",
]
"""Tests that take long or share a long set-up. A worker that has nothing left takes tests from another's end, so that
those at the beginning stay with one worker, set up once, and none of them is left over when all else is done."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin to compile both timing engines for all workers, of which each would take most of a minute to do it.

    One process does it, as they have much in common. It holds a lock of this file until it ends, however it ends.
    """
    is_controller_of_workers = not hasattr(config, "workerinput") and bool(getattr(config.option, "numprocesses", None))
    if is_controller_of_workers:
        with Path(__file__).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            compiler = subprocess.Popen([sys.executable, "-c", COMPILE_ENGINES], pass_fds=[lock.fileno()])
        config.add_cleanup(compiler.kill)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Wait for the engines where a test may need them."""
    if hasattr(item.config, "workerinput") and item.path != WITHOUT_ENGINES:
        _wait_for_engines()


@functools.cache
def _wait_for_engines() -> None:
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let long tests begin."""
    items.sort(key=lambda item: LONG.index(item.path) if item.path in LONG else len(LONG))


@pytest.fixture(scope="session")
def require_tool() -> Callable[..., str]:
    """Return a function from a program's name to its path, for programs that pip cannot bring.

    The name of its Debian package follows where that is another. Without the program it skips the test and says why;
    with REQUIRE_ALL=1 in the environment it fails it.
    """
    return _require_tool


def _require_tool(name: str, package: str | None = None) -> str:
    # Debian keeps the programs of PostgreSQL's server out of the way, a folder a version.
    folders = [os.environ.get("PATH", ""), *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
    path = shutil.which(name, path=os.pathsep.join(folders))
    if path is None:
        _do_without(f"needs {name}, which is not installed (Debian: apt-get install {package or name})")
    return path


@pytest.fixture(scope="session")
def require_package() -> Callable[[str], None]:
    """Return a function that skips a test, or with REQUIRE_ALL=1 fails it, without an optional Python package."""
    return _require_package


def _require_package(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        _do_without(f"needs {name}, which is not installed (pip install {name})")


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("REQUIRE_ALL") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser(require_tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Debian's Chromium, unable to reach anything but this machine. One for all: playwright allows no second.

    It has a profile of its own, as only there it keeps the scripts that it has compiled for the next page.
    """
    path = require_tool("chromium")
    profile = tmp_path_factory.mktemp("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(profile, executable_path=path, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()
