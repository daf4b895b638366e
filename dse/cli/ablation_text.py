"""The table of an ablation, on a terminal and in Markdown."""

from __future__ import annotations

from rich import box
from rich.table import Table

from dse.ablation import Ablation, AblationRow
from dse.evaluation import LATENCY_SCOPE

HEADINGS = ("change", "accuracy %", "difference", "test accuracy %", "kcycles", "added an output")
_NUMBERS = HEADINGS[1:5]

MARK = "~"
"""Stands before a difference that is not shown at 95 %."""


def ablation_table(found: Ablation) -> Table:
    """Return the table for a terminal."""
    table = Table(title=_title(found), caption=_caption(found), box=box.SIMPLE_HEAD)
    table.title_justify = table.caption_justify = "left"
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=heading in _NUMBERS)
    for row in found.rows:
        table.add_row(*_cells(row))
    return table


def ablation_markdown(found: Ablation) -> str:
    """Return the table as a section of a Markdown file."""
    rules = ["---:" if heading in _NUMBERS else "---" for heading in HEADINGS]
    rows = [list(HEADINGS), rules, *(_cells(row) for row in found.rows)]
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join([f"# {_title(found)}", "", *lines, "", _caption(found), ""])


def _title(found: Ablation) -> str:
    return f"One change at a time: {found.network} on {found.dataset}, {found.arithmetic}"


def _caption(found: Ablation) -> str:
    seeds = "one seed" if found.seeds == 1 else f"mean of {found.seeds} seeds"
    return (
        f"Accuracy on the validation images, {seeds}, ± standard error; a difference has the error of a difference on "
        f"the same images, and {MARK} where it is not shown at 95 %. "
        f"Cycles are those of the {LATENCY_SCOPE} on {found.core}; what a change adds to a block is counted "
        "in operations for each element of a block's output, beside a block of sign, convolution and batch norm."
    )


def _cells(row: AblationRow) -> list[str]:
    cycles = "" if row.cycles is None else f"{row.cycles / 1000:,.1f}"
    operations = "" if row.operations is None else str(row.operations)
    if row.accuracy is None:
        return [row.variant.change, "", "", "", cycles, f"no result: {row.error}"]
    test = row.test_accuracy.percent if row.test_accuracy else ""
    return [row.variant.change, row.accuracy.percent, _difference(row), test, cycles, operations]


def _difference(row: AblationRow) -> str:
    if row.difference is None:
        return ""
    error = row.difference.standard_error or 0.0
    return f"{'' if row.shown else MARK}{100 * row.difference.value:+.2f} ± {100 * error:.2f}"
