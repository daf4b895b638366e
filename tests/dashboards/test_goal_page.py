"""A study of three objectives and a constraint on the study page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from playwright.sync_api import Page, expect

from tests.sample_study import BUDGET, CONVENTIONAL, DISTRIBUTIONS, create_study


@pytest.fixture
def three_objectives(tmp_path: Path) -> Path:
    """Four trials: the conventional one, two smaller ones, and one that needs too much memory."""
    return build(tmp_path / "three.db", 4096)


def build(path: Path, largest: int) -> Path:
    """Build a study of three objectives whose designs may take so many bytes."""
    limit = f"memory_bytes <= {largest}"
    made = create_study(path, "made only for its attributes")
    study = optuna.create_study(
        storage=f"sqlite:///{path}", study_name="three", directions=["minimize", "maximize", "minimize"]
    )
    for name, value in made.user_attrs.items():
        study.set_user_attr(name, value)
    names = ["latency_ms", "accuracy", "memory_bytes"]
    spec = {**made.user_attrs["spec"], "objectives": names, "constraints": [limit], "trials": BUDGET}
    study.set_user_attr("spec", spec)
    optuna.delete_study(study_name=made.study_name, storage=f"sqlite:///{path}")
    for width, values in ((1.0, (2.0, 0.86, 4096.0)), (0.5, (0.5, 0.80, 1024.0)), (0.75, (0.9, 0.84, 2048.0)),
                          (1.5, (3.0, 0.88, 8192.0))):  # fmt: skip
        params = {**CONVENTIONAL, "width_multiplier": width}
        design = {**params, "overflow": "exact", "clip": None}
        attributes = {"design": design, "measures": dict(zip(names, values, strict=True)), "cycles": 1000}
        distributions = {name: DISTRIBUTIONS[name] for name in params}
        trial = optuna.trial.create_trial(
            state=TrialState.COMPLETE, values=values, params=params, distributions=distributions, user_attrs=attributes
        )
        trial.set_constraint(limit, values[2] / largest - 1)
        study.add_trial(trial)
    return path


def test_measures_constraints_and_hypervolume_are_shown(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], three_objectives: Path
) -> None:
    page = open_page(serve_storage(three_objectives))
    page.locator("#front .scatterlayer .point").first.wait_for()
    row = page.locator("#trials .ag-row[row-id='3']")
    expect(row.locator("[col-id='state']")).to_have_text("infeasible")
    expect(row.locator("[col-id='memory_bytes']")).to_have_text("8")
    expect(page.get_by_role("group", name="memory KiB")).to_be_visible()
    expect(page.get_by_label("Third axis")).to_have_value("memory_bytes")
    volumes = page.locator("#hypervolume .js-plotly-plot")
    volumes.wait_for()
    y = volumes.evaluate("plot => [...plot.data[0].y]")
    assert len(y) == 4
    assert 0 < y[0] < y[1] < y[2] == y[3]
    page.get_by_role("group", name="State").get_by_role("button", name="infeasible").click()
    expect(page.locator(".explore-count")).to_have_text("1 of 4 trials")


def test_details_and_design_tell_of_all_objectives_and_of_what_is_infeasible(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], three_objectives: Path
) -> None:
    address = serve_storage(three_objectives)
    page = open_page(f"{address}?trial=3")
    details = page.locator("#details")
    expect(details).to_contain_text("infeasible")
    expect(details).to_contain_text("Memory KiB")
    expect(details).not_to_contain_text("dominated")
    page.goto(f"{address}design?trial=2&beside=3")
    for text in ("Memory KiB", "2.0", "8.0"):
        expect(page.locator("#design-body")).to_contain_text(text)


def test_study_in_which_nothing_keeps_the_constraints_says_so(
    open_page: Callable[..., Page], serve_storage: Callable[[Path], str], tmp_path: Path
) -> None:
    address = serve_storage(build(tmp_path / "none.db", 512))
    page = open_page(address)
    expect(page.locator("#header")).to_contain_text("no design that keeps the constraints is as accurate")
    page.goto(f"{address}design")
    expect(page.locator("#design-problem")).to_contain_text("no design keeps the constraints")
