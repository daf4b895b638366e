"""What a second look found, in the table of the study page and on the page of a design."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.sample_study import add_second_look, build_marked_study


def test_second_look_is_shown_once_there_is_one(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    study = build_marked_study(tmp_path / "study.db")
    page = open_page(serve_storage(tmp_path / "study.db"))
    expect(page.locator("#trials .ag-row[row-id='3']")).to_be_visible()
    expect(page.locator("#trials [col-id='refined']")).to_have_count(0)
    add_second_look(study, {0: 0.88, 2: 0.87, 3: 0.865})
    row = page.locator("#trials .ag-row[row-id='3']")
    expect(row.locator("[col-id='refined']")).to_have_text("86.50 ± 0.50")
    expect(row.locator("[col-id='note']")).to_have_text(
        "not shown to be more accurate than trial 1; trained longer, dominated by trial 2"
    )
    expect(page.locator("#trials .ag-row[row-id='1'] [col-id='refined']")).to_have_text("")
    page.goto(page.url.split("?")[0] + "design?trial=3&beside=1")
    expect(page.locator("#design-body")).to_contain_text("Trained longer")
    expect(page.get_by_text("86.50 ± 0.50 %", exact=True)).to_have_count(1)
    expect(page.get_by_text("Trained longer", exact=True)).to_have_count(1)  # trial 1 had no second look


def test_open_design_page_follows_a_second_look(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    study = build_marked_study(tmp_path / "study.db")
    page = open_page(f"{serve_storage(tmp_path / 'study.db')}design?trial=3&beside=1")
    expect(page.locator("#design-body h2 a")).to_have_text(["Trial 3", "Trial 1"])
    add_second_look(study, {3: 0.865})
    expect(page.get_by_text("86.50 ± 0.50 %", exact=True)).to_have_count(1)


def test_details_of_a_trial_tell_of_its_second_look(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    add_second_look(build_marked_study(tmp_path / "study.db"), {3: 0.865})
    page = open_page(f"{serve_storage(tmp_path / 'study.db')}?trial=3")
    expect(page.locator("#details")).to_contain_text("86.50 ± 0.50 %")
