"""The command-line options that benchmarks with a cache and worker processes share."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def add_worker_options(parser: argparse.ArgumentParser) -> None:
    """Add --jobs and --cache."""
    parser.add_argument(
        "--jobs",
        type=int,
        choices=range(1, 65),
        metavar="N",
        default=min(2, os.cpu_count() or 1),
        help="worker processes (default: %(default)s)",
    )
    parser.add_argument("--cache", type=Path, help="folder of the evaluation cache")


def say(line: str) -> None:
    """Print a line at once, so that a log that is followed has it."""
    print(line, flush=True)
