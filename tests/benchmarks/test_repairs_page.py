"""The section about repairs: where it goes and what it says."""

from __future__ import annotations

import pytest

from benchmarks.bench_repairs import main, section
from dse.ablation import BASELINE, Ablation, AblationRow, Variant
from dse.training.recipe import Recipe
from dse.uncertainty import MeasuredAccuracy


def row(change: str, accuracy: float, difference: float | None, *, shown: bool = False) -> AblationRow:
    return AblationRow(
        Variant(change, None, Recipe()),
        accuracy=MeasuredAccuracy(accuracy, 0.006),
        difference=None if difference is None else MeasuredAccuracy(difference, 0.0035),
        shown=shown,
        cycles=240_500,
    )


def test_the_section_has_its_command_and_a_row_a_change() -> None:
    rows = (
        row(BASELINE, 0.85, None),
        row("estimator=ste", 0.849, -0.001),
        row("residual=none", 0.83, -0.02, shown=True),
    )
    text = section(Ablation("tiny", "fashion", "cortex-a72", "32-bit exact", 3, rows))
    assert text.startswith("## What repairs do\n\nMade by `make bench-repairs`;")
    assert "\n### One change at a time: tiny on fashion, 32-bit exact\n" in text
    assert "| baseline | 85.00 ± 0.60 |  |" in text
    assert "| estimator=ste | 84.90 ± 0.60 | ~-0.10 ± 0.35 |" in text
    assert "| residual=none | 83.00 ± 0.60 | -2.00 ± 0.35 |" in text


def test_no_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--seeds", "0"])
    assert "--seeds" in capsys.readouterr().err
