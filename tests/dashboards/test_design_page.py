"""The design page in Chromium."""

from __future__ import annotations

import re
from pathlib import Path

import optuna
import pytest
from playwright.sync_api import Page, expect

from dashboards import ids
from dashboards.selection import default_trial
from dse.results import StudyResults
from dse.study_reader import read_results
from tests.dashboards.conftest import FIRST_SIMULATION_MS, HOLD_ANSWERS, navigate


@pytest.fixture(scope="module")
def results(sample_storage: Path) -> StudyResults:
    return read_results(optuna.load_study(study_name=None, storage=f"sqlite:///{sample_storage}"))


def wait_for_roofline(page: Page) -> None:
    page.get_by_role("figure", name="Roofline").locator(".js-plotly-plot").wait_for(timeout=FIRST_SIMULATION_MS)


def test_shows_the_chosen_trial_against_the_conventional_flow(page: Page, results: StudyResults) -> None:
    number = default_trial(results)
    navigate(page, "/design")
    body = page.locator("#design-body")
    for text in (f"Trial {number}", "Trial 0 (conventional)", "Against the conventional design", "Validation accuracy"):
        expect(body).to_contain_text(text)
    trial, conventional = results.trial(number or 0), results.conventional
    assert trial is not None
    assert conventional is not None
    rows = body.locator(".figures-table").first.locator("tbody tr")
    expect(rows).to_have_count(len(trial.attributes.layers))
    for row, layer, other in zip(rows.all(), trial.attributes.layers, conventional.attributes.layers, strict=True):
        for text in (layer.name, layer.shape, f"{layer.cycles:,}", layer.bound, f"{other.cycles / layer.cycles:.2f}"):
            expect(row).to_contain_text(text)
    epochs = page.locator("#design-body .js-plotly-plot").last.evaluate("plot => plot.data.map(trace => trace.x)")
    assert epochs == [[1, 2, 3], [1, 2, 3]]


def test_shows_what_the_same_accuracy_costs_in_other_arithmetics(page: Page, results: StudyResults) -> None:
    trial = next(trial for trial in results.complete if trial.stands_for)
    navigate(page, f"/design?trial={trial.number}&beside=0")
    panel = page.locator("#design-body section, #design-body > *").filter(has_text="and no better").first
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(2)
    for row, twin, slower in zip(rows.all(), reversed(trial.stands_for), ("1.23x", "1.53x"), strict=True):
        for text in (str(twin.design), f"{twin.measures['latency_ms']:.4f}", slower):
            expect(row).to_contain_text(text)


def test_any_two_trials_stand_side_by_side(page: Page) -> None:
    navigate(page, "/design")
    expect(page.locator("#design-beside")).to_have_value("0")
    page.locator("#design-trial").fill("3")
    page.locator("#design-beside").fill("5")
    page.locator("#design-beside").press("Enter")
    expect(page).to_have_url(re.compile(r"/design\?trial=3&beside=5$"))
    body = page.locator("#design-body")
    expect(body.locator("h2 a")).to_have_text(["Trial 3", "Trial 5"])
    body.locator(".figures-table a").first.click()
    expect(page).to_have_url(re.compile(r"/kernel\?trial=3&layer=block1\.conv$"))


def test_late_answer_leaves_what_is_typed_meanwhile(page: Page) -> None:
    navigate(page, "/design?trial=3&beside=5")
    trial, beside = page.locator("#design-trial"), page.locator("#design-beside")
    expect(trial).to_have_value("3")
    expect(beside).to_have_value("5")
    page.evaluate(HOLD_ANSWERS, f"{ids.DESIGN_BODY}.children")
    navigate(page, "/design?trial=4&beside=6")
    page.wait_for_function("() => window.held.length > 0")
    trial.fill("12")
    page.evaluate("() => window.letGo()")
    expect(page.locator("#design-body h2 a")).to_have_text(["Trial 4", "Trial 6"])
    expect(beside).to_have_value("6")
    expect(trial).to_have_value("12")
    trial.press("Enter")
    expect(page).to_have_url(re.compile(r"/design\?trial=12&beside=6$"))


def test_roofline_has_the_ceilings_and_every_layer(page: Page) -> None:
    navigate(page, "/design?trial=3&beside=0")
    wait_for_roofline(page)
    traces = page.locator("#design-roofline .js-plotly-plot").evaluate(
        "plot => plot.data.map(({name, x, y}) => ({name, x: [...x], y: [...y]}))"
    )
    roofs = {trace["name"]: trace["y"] for trace in traces[:-2]}
    assert list(roofs) == [
        "L1 loads: 16 bytes a cycle",
        "L2: 16 bytes a cycle",
        "memory: 2.67 bytes a cycle",
        "EOR, CNT and ADD: 64.0 products a cycle",
    ]
    assert all(max(y) == pytest.approx(64, rel=0.01) for y in roofs.values())
    assert [trace["name"] for trace in traces[-2:]] == ["Trial 3", "Trial 0 (conventional)"]
    assert [len(trace["x"]) for trace in traces[-2:]] == [4, 4]
    assert all(products < 64 for trace in traces[-2:] for products in trace["y"])


def test_commands_can_be_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    navigate(page, "/design?trial=3")
    command = page.locator("#export-3")
    expect(command).to_contain_text("dse study export design-3 --design 3 --storage")
    expect(command).to_contain_text("--name 'tiny on cortex-a72'")
    expect(page.locator("#train-3")).to_contain_text("dse train --trial 3 --storage")
    expect(page.locator("#reproduce-3")).to_contain_text("dse verify --trial 3 --storage")
    expect(page.locator("#reproduce-3")).to_contain_text("dse kernel profile acc")
    page.get_by_label("Copy: Export it").first.click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("() => navigator.clipboard.readText()") == command.inner_text()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("trial=9999", "has no trial 9999"),
        ("trial=-1", "is no trial"),
        ("trial=0&beside=x", "is no trial"),
        ("trial=../../etc/passwd", "is no trial"),
        ("trial=1&trial=2", "is no trial"),
    ],
)
def test_senseless_address_is_a_message(page: Page, query: str, message: str) -> None:
    navigate(page, f"/design?{query}")
    expect(page.locator("#design-problem")).to_contain_text(message)
    assert "Traceback" not in page.content()


def test_pruned_trial_without_a_training_is_shown(page: Page, results: StudyResults) -> None:
    pruned = next(trial for trial in results.trials if trial.reason)
    navigate(page, f"/design?trial={pruned.number}&beside={pruned.number}")
    expect(page.locator("#design-body")).to_contain_text(pruned.reason or "")
    expect(page.locator("#design-body")).to_contain_text("No training was recorded")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_page_does_not_scroll_sideways(page: Page, scheme: str) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    navigate(page, "/design")
    wait_for_roofline(page)
    page.wait_for_function("() => document.documentElement.scrollWidth <= 400")
