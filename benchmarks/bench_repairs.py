"""What each repair does to accuracy and to cycles: writes the section of docs/accuracy.md.

python -m benchmarks.bench_repairs [--seeds N] [--cache FOLDER]

The same as dse train --ablate repairs --seeds 3. Other seeds are printed instead of written. Every training is kept in
the evaluation cache: a second run takes a minute, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.accuracy_page import write_section
from dse.ablation import Ablation
from dse.cache import EvaluationCache, default_directory
from dse.cli.ablation_text import ablation_markdown
from dse.cli.train_progress import trainings_progress
from dse.data import load_dataset
from dse.errors import DseError
from dse.known_designs import CONVENTIONAL
from dse.networks import DEFAULT_NETWORK
from dse.train_launch import TrainSettings, ablate_repairs
from dse.training.recipes import QUICK
from isa_models import load_core

COMMAND = "make bench-repairs"
SEEDS = 3
CORE = "cortex-a72"
BEGIN, END = "<!-- repairs: begin -->", "<!-- repairs: end -->"
"""The section stands between these lines of the page."""

_PAGE = Path("docs/accuracy.md")


def main(arguments: Sequence[str] = ()) -> int:
    """Train what is not stored yet and write the section, or print it; return 0, or 1 where something fails."""
    options = _parser().parse_args(arguments)
    try:
        found = _ablate(options.seeds, options.cache or default_directory())
    except DseError as error:
        print(error, file=sys.stderr)
        return 1
    text = section(found)
    if options.seeds != SEEDS:
        print(text)
        return 0
    write_section(_PAGE, text, (BEGIN, END))
    return 0


def section(found: Ablation) -> str:
    """Return the section in Markdown."""
    head = f"## What repairs do\n\nMade by `{COMMAND}`; do not edit between the marks.\n\n"
    return head + ablation_markdown(found).replace("# ", "### ", 1)


def _ablate(seeds: int, cache: Path) -> Ablation:
    settings = TrainSettings(
        network=DEFAULT_NETWORK,
        design=CONVENTIONAL,
        dataset=load_dataset(),
        recipe=QUICK,
        seeds=range(seeds),
        cache=EvaluationCache(cache),
    )
    with trainings_progress(settings.title, to_stderr=False) as progress:
        return ablate_repairs(settings, load_core(CORE), progress)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_repairs", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--seeds", type=int, choices=range(1, 17), metavar="N", default=SEEDS, help="(default: %(default)s)"
    )
    parser.add_argument("--cache", type=Path, help="folder of the evaluation cache")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
