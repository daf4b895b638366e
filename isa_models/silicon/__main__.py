"""Compare a core description with the instruction-timing table: `python -m isa_models.silicon CORE [--group TEXT]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from isa_models.core import load_core
from isa_models.errors import InputError
from isa_models.silicon.memory_forms import VECTOR_ANCHOR
from isa_models.silicon.table_comparison import Figure, TimingTable
from isa_models.silicon.timing_table import Measurement, measured_cores, measurements

_GOOD = 0.02
_LEFT_OUT = "left out: "


def main(arguments: Sequence[str] | None = None) -> int:
    """Print figures, worst first, and a summary by group; return 0, or 2 for wrong input."""
    options = _parser().parse_args(arguments)
    try:
        core = load_core(options.core)
        entries = _entries(options.table or core.name, options.group)
        figures = TimingTable((entry.group, entry.row) for entry in entries).figures(entries, core)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    _print_rows(figures, show_all=options.all)
    _print_problems(figures, show_all=options.all)
    _print_summary(figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m isa_models.silicon", description=__doc__)
    parser.add_argument("core", help="name of a core, or path of its .yaml file")
    parser.add_argument("--table", help="core of the table to compare with, if it has another name")
    parser.add_argument("--group", default="", help="only rows whose group or name holds this text, in any case")
    parser.add_argument("--all", action="store_true", help=f"also rows within {_GOOD:.0%}, and all that were not timed")
    return parser


def _entries(table: str, text: str) -> list[Measurement]:
    entries = measurements(table)
    if not entries:
        raise InputError(f"nothing was measured on '{table}': choose --table among {', '.join(measured_cores())}")
    wanted = text.lower()
    chosen = [entry for entry in entries if wanted in entry.group.lower() or wanted in entry.row.lower()]
    if not chosen:
        raise InputError(f"no group or row of the table holds '{text}'")
    anchors = _anchors(entries, chosen)
    return [*anchors, *chosen]


def _anchors(entries: list[Measurement], chosen: list[Measurement]) -> list[Measurement]:
    """Rows outside of the choice that chosen ones are relative to."""
    is_needed = any(entry.group.startswith("Vector load") for entry in chosen)
    rows = {entry.row for entry in chosen}
    return [entry for entry in entries if is_needed and entry.row == VECTOR_ANCHOR and entry.row not in rows]


def _print_rows(figures: list[Figure], *, show_all: bool) -> None:
    timed = [figure for figure in figures if figure.simulated is not None]
    timed.sort(key=lambda figure: -abs(figure.error))
    shown = timed if show_all else [figure for figure in timed if abs(figure.error) > _GOOD]
    print(f"{'row':60} {'quantity':10} {'measured':>9} {'simulated':>9} {'error':>8}")
    for figure in shown:
        print(
            f"{figure.row:60} {figure.quantity:10} {figure.measured:9.2f} {figure.simulated:9.2f} {figure.error:+8.1%}"
        )
    print()


def _print_problems(figures: list[Figure], *, show_all: bool) -> None:
    """Rows without timing by their reason; those left out on purpose only as counts unless all are asked for."""
    rows_of: dict[str, list[str]] = {}
    for figure in figures:
        if figure.problem:
            rows_of.setdefault(_reason(figure), []).append(f"{figure.row} ({figure.quantity})")
    for reason, rows in sorted(rows_of.items(), key=lambda item: -len(item[1])):
        listed = rows if show_all else rows[:3]
        more = f" and {len(rows) - len(listed)} more" if len(rows) > len(listed) else ""
        print(f"{len(rows):4} not timed: {reason}: {', '.join(listed)}{more}")
    print()


def _reason(figure: Figure) -> str:
    """The problem without the place in the generated source."""
    return figure.problem.split("): ", 1)[-1]


def _print_summary(figures: list[Figure]) -> None:
    groups = dict.fromkeys(figure.group for figure in figures)
    print(f"{'group':72} {'timed':>6} {'within 2 %':>11} {'left out':>9} {'missing':>8}")
    for group in groups:
        _print_line(group, [figure for figure in figures if figure.group == group])
    _print_line("all", figures)


def _print_line(name: str, figures: list[Figure]) -> None:
    timed = [figure for figure in figures if figure.simulated is not None]
    good = sum(abs(figure.error) <= _GOOD for figure in timed)
    left_out = sum(figure.problem.startswith(_LEFT_OUT) for figure in figures)
    missing = len(figures) - len(timed) - left_out
    share = f"{good / len(timed):.1%}" if timed else "-"
    print(f"{name[:72]:72} {len(timed):6} {share:>11} {left_out:9} {missing:8}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # what reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
