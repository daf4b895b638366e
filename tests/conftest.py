"""Fixtures for every test."""

from __future__ import annotations

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


def pytest_configure(config: pytest.Config) -> None:
    """Compile both timing engines once before several workers would each do it, which takes a minute of each."""
    is_controller_of_workers = not hasattr(config, "workerinput") and bool(getattr(config.option, "numprocesses", None))
    if is_controller_of_workers:
        code = "import sys; from isa_models import simulate; simulate('f: ret', core=sys.argv[1])"
        compilers = [subprocess.Popen([sys.executable, "-c", code, core]) for core in ("cortex-a53", "cortex-a72")]
        for compiler in compilers:
            compiler.wait()


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
