"""The export button: a real design leaves the browser as an archive, and nothing else can."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dse.cli.main import run
from tests.dashboards.conftest import FIRST_SIMULATION_MS, navigate

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def trained_storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A study of one design with its trained weights in a cache of its own, which servers use meanwhile."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNN_DSE_CACHE", str(folder / "cache"))
        storage = folder / "study.db"
        small = ("--trials", "1", "--epochs", "1", "--train-images", "64", "--widths", "1")
        assert run(["study", "run", "--storage", str(storage), "--report", str(folder / "report.html"), *small]) == 0
        yield storage


def test_a_design_is_downloaded_as_the_folder_that_the_command_writes(
    open_page: OpenPage, serve_storage: Callable[[Path], str], trained_storage: Path, tmp_path: Path
) -> None:
    page = open_page(f"{serve_storage(trained_storage)}design?trial=0")
    button = page.get_by_role("button", name="Export trial 0")
    with page.expect_download(timeout=FIRST_SIMULATION_MS) as download:
        button.click()
    assert download.value.suggested_filename == "design-0.zip"
    download.value.save_as(tmp_path / "design-0.zip")
    expect(page.locator("#export-status")).to_contain_text("design-0.zip: ")
    command = ("study", "export", str(tmp_path / "design-0"), "--design", "0", "--storage", str(trained_storage))
    assert run(command) == 0
    written = {
        f"design-0/{file.relative_to(tmp_path / 'design-0')}": file for file in (tmp_path / "design-0").rglob("*")
    }
    with zipfile.ZipFile(tmp_path / "design-0.zip") as archive:
        assert set(archive.namelist()) == {name for name, file in written.items() if file.is_file()}
        assert all(archive.read(name) == written[name].read_bytes() for name in archive.namelist())


def test_an_export_that_failed_can_be_tried_again_and_one_that_succeeded_is_made_anew(
    open_page: OpenPage, serve_storage: Callable[[Path], str], trained_storage: Path
) -> None:
    page = open_page(f"{serve_storage(trained_storage)}design?trial=0")
    button, status = page.get_by_role("button", name="Export trial 0"), page.locator("#export-status")
    (weights,) = trained_storage.parent.glob("cache/**/weights")
    hidden = weights.with_name("hidden")
    for _ in range(2):
        with page.expect_download(timeout=FIRST_SIMULATION_MS):
            button.click()
        weights.rename(hidden)
        button.click()
        expect(status).to_contain_text("is missing from the evaluation cache", timeout=FIRST_SIMULATION_MS)
        hidden.rename(weights)


def test_a_design_without_weights_is_a_line(page: Page) -> None:
    navigate(page, "/design?trial=3&beside=5")
    page.get_by_role("button", name="Export trial 5").click()
    expect(page.locator("#export-status")).to_have_text(
        "trial 5 names no trained weights: run its design again in a new study", timeout=FIRST_SIMULATION_MS
    )
