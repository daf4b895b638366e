"""The section of `docs/accuracy.md` about the quick run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy_results import DatasetResults, RecipeRow

BEGIN, END = "<!-- quick run: begin -->", "<!-- quick run: end -->"
"""The section stands between these lines; what else the page says is left alone."""

_HEAD = """## The quick run

Made by `{command}`; do not edit between the marks.

A study trains every design briefly and asks only for their order. This is how well recipes give it: `tiny` at width 1
under {designs} arithmetics, each recipe against a long training of every design, the *truth*. All steps are computed as
{step}, on one thread.

- *seconds a design*: CPU seconds of its training and validation.
- *start-up*: CPU seconds of what all designs share, once; the compiler's 5 to 15 seconds a network come on top.
- *tau*: Kendall's, over the pairs of designs that are more than one point apart in the truth; 1 is the same order.
  The 95 % interval is a bootstrap over designs and seeds.
- *seed noise*: standard deviation of one accuracy from seed to seed, in points.
"""


def replace_section(page: str, section: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """Return `page` with `section` between the two marks, at the end where there are none."""
    begin, end = marks
    marked = f"{begin}\n{section.strip()}\n{end}\n"
    before, found, rest = page.partition(begin)
    if not found:
        return f"{page.rstrip()}\n\n{marked}" if page.strip() else f"# Accuracy\n\n{marked}"
    after = rest.partition(end)[2].lstrip("\n")
    return before + marked + (f"\n{after}" if after else "")


def write_section(page: Path, section: str, marks: tuple[str, str] = (BEGIN, END)) -> None:
    """Write a page anew with `section` between the two marks, and say so."""
    old = page.read_text(encoding="utf-8") if page.exists() else ""
    page.write_text(replace_section(old, section, marks), encoding="utf-8")
    print(f"wrote {page}")


def section(results: Sequence[DatasetResults], step: str, command: str, picture: str) -> str:
    """Return the section in Markdown.

    Args:
        results: One for each data set.
        step: How steps were computed (`dse.training.fast_step.step_name`).
        command: What makes the section.
        picture: Path of the picture, relative to the page.

    """
    head = _HEAD.format(command=command, designs=len(results[0].designs), step=step)
    return "\n".join([head, f"![Accuracy after the quick run and after the truth]({picture})\n", tables(results)])


def tables(results: Sequence[DatasetResults]) -> str:
    """Return a table for each data set."""
    return "\n".join(map(_dataset, results))


def _dataset(result: DatasetResults) -> str:
    seeds = f"{result.truth_seeds} seed{'s' if result.truth_seeds > 1 else ''}"
    return (
        f"### {result.dataset}\n\n"
        f"Truth: {result.truth_images:,} training images looked at, {result.truth_seconds:.0f} s a design, judged on "
        f"{result.held_out:,} held-out images, {seeds}; seed noise {_points(result.truth_deviation)}, "
        f"accuracies {min(result.truth):.1%} to {max(result.truth):.1%}, "
        f"{result.rows[0].agreement.pairs} pairs more than a point apart.{_truth_tau(result.truth_tau)}\n\n"
        "| recipe | seconds a design | start-up | seeds | tau | 95 % interval | seed noise |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n" + "".join(map(_row, result.rows))
    )


def _truth_tau(tau: float | None) -> str:
    if tau is None:
        return ""
    return f" One long training orders the designs of the others (their mean) with a tau of {tau:.2f}."


def _row(row: RecipeRow) -> str:
    found = row.agreement
    start = f"{row.start_seconds:.0f}" if row.start_seconds else "-"
    interval = f"{found.low:.2f} to {found.high:.2f}"
    cells = row.name, f"{row.seconds:.1f}", start, row.seeds, f"{found.tau:.2f}", interval, _points(row.deviation)
    return f"| {' | '.join(map(str, cells))} |\n"


def _points(deviation: float | None) -> str:
    return "-" if deviation is None else f"{100 * deviation:.2f}"
