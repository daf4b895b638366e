"""How near the search for tiles comes to the fastest: writes docs/search.md.

python -m benchmarks.bench_search [--core CORE ...]

The search of `dse.tile_search` is run on the cycles of all plain tiles of a layer and of the fastest of them unrolled,
which are simulated once and kept in the evaluation cache: a second run takes seconds. Chosen cores are printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Final

from benchmarks.kernel_jobs import run_jobs
from benchmarks.kernel_results import CORES
from benchmarks.options import add_worker_options, say
from benchmarks.search_outcome import Outcome, outcome
from benchmarks.search_tiles import LAYERS, SUMS, VARIED, TileTimings
from dse.cache import EvaluationCache, default_directory
from dse.errors import DseError
from dse.tile_search import FEW, FIRST, NEAR, REFINED
from isa_models import IsaModelError
from kernels_asm import KernelError

COMMAND: Final = "make bench-search"
WORST: Final = 5
"""Cases that the page names."""
_PAGE: Final = Path("docs", "search.md")


def page(outcomes: Sequence[Outcome], command: str) -> str:
    """Return the page in Markdown."""
    cores = dict.fromkeys(one.core for one in outcomes)
    rows = [_row(core, [one for one in outcomes if one.core == core]) for core in cores]
    worst = sorted(outcomes, key=lambda one: -one.found)[:WORST]
    pairs = len({one.job for one in outcomes})
    lines = [
        "# How near the search for tiles comes",
        "",
        f"Made by `{command}`; do not edit.",
        "",
        f"For a layer and its sums a study tries the {FIRST} likely best of the plain tiles, or all where at most",
        f"{FEW} are any good; then, of the {REFINED} fastest trees, those within {NEAR:.0%} of the fastest with most",
        f"steps of the window unrolled. Here all plain tiles were simulated, and the {VARIED} fastest trees with each",
        f"number of steps, for {pairs} pairs of a layer and sums on {len(cores)} cores. *Behind* is how much slower",
        "what the search has is than the fastest of them, in per cent. Other orders of loops and prefetches, which",
        "are tried where cache misses cost anything, are left out on both sides.",
        "",
        "| core | searches | plain tiles | kernels tried | first tiles: hold the fastest | behind: mean, worst "
        "| found: the fastest | behind: mean, worst |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
        *rows,
        _row("all", outcomes),
        "",
        f"The {len(worst)} searches that are furthest behind:",
        "",
        "| core | layer and sums | behind, % |",
        "| --- | --- | --: |",
        *(f"| {one.core} | {one.job.task} | {100 * one.found:.1f} |" for one in worst),
        "",
    ]
    return "\n".join(lines)


def _row(name: str, outcomes: Sequence[Outcome]) -> str:
    first, found = [one.first for one in outcomes], [one.found for one in outcomes]
    cells = [
        name,
        str(len(outcomes)),
        f"{fmean(one.legal for one in outcomes):.0f}",
        f"{fmean(one.tried for one in outcomes):.1f}",
        str(first.count(0.0)),
        f"{100 * fmean(first):.2f}, {100 * max(first):.1f}",
        str(found.count(0.0)),
        f"{100 * fmean(found):.2f}, {100 * max(found):.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] = ()) -> int:
    """Simulate what is not stored yet and write the page, or print it; return 0, or 1 where a kernel fails."""
    options = _parser().parse_args(arguments)
    jobs = [TileTimings(shape, sums) for shape in LAYERS for sums in SUMS]
    cores = list(dict.fromkeys(options.core or CORES))
    try:
        cache = EvaluationCache(options.cache or default_directory())
        records = run_jobs([(job, cores) for job in jobs], cache, options.jobs, say)
    except (DseError, KernelError, IsaModelError) as error:
        print(error, file=sys.stderr)
        return 1
    outcomes = [outcome(job, core, records[job, core]) for core in cores for job in jobs]
    if options.core:
        print(page(outcomes, f"python -m benchmarks.bench_search --core {' --core '.join(cores)}"))
        return 0
    _PAGE.write_text(page(outcomes, COMMAND), encoding="utf-8")
    print(f"wrote {_PAGE}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_search", description=__doc__.splitlines()[0])
    parser.add_argument("--core", action="append", help="a core that dse core list names; repeatable")
    add_worker_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
