"""How well quick runs order designs, and at what cost: writes the section of docs/accuracy.md and its picture.

python -m benchmarks.bench_accuracy [--dataset NAME ...] [--data-dir FOLDER] [--seeds N] [--designs N]

Fewer data sets, seeds or designs are printed instead of written. Every training is kept in the evaluation cache: a
second run takes seconds, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.accuracy_designs import ARITHMETICS
from benchmarks.accuracy_jobs import Trainings
from benchmarks.accuracy_page import section, tables, write_section
from benchmarks.accuracy_plot import plot
from benchmarks.accuracy_recipes import MOST_SEEDS
from benchmarks.accuracy_results import DatasetResults, collect, train_seed
from benchmarks.options import add_worker_options, say
from dse.cache import EvaluationCache, default_directory
from dse.data import Dataset, load_dataset
from dse.errors import DseError
from dse.networks import Network, build_network
from dse.training.fast_step import step_name

COMMAND = "make bench-accuracy"
"""What writes the section."""

DATASETS = ("fashion-mnist-small", "cifar10")
SEEDS = 2
_FOLDER = Path("docs")
_PICTURE = Path("accuracy", "quick_run.svg")


@dataclass(frozen=True)
class _Unit:
    """All trainings of a seed on a data set, which one process does."""

    dataset: str
    data_dir: Path | None
    cache: Path
    designs: tuple[str, ...]
    seed: int
    seeds: int


def main(arguments: Sequence[str] = ()) -> int:
    """Train what is not stored yet and write the section, or print a part; return 0, or 1 where something fails."""
    options = _parser().parse_args(arguments)
    names = tuple(dict.fromkeys(options.dataset or DATASETS))
    designs = tuple(ARITHMETICS)[: options.designs]
    cache = options.cache or default_directory()
    units = [
        _Unit(name, _data_dir(name, options.data_dir), cache, designs, seed, options.seeds)
        for name in names
        for seed in range(MOST_SEEDS * options.seeds)
    ]
    try:
        for name in names:  # a data set that is missing is told at once, not after hours
            load_dataset(name, _data_dir(name, options.data_dir))
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
            list(pool.map(_train, units))
        results = [_collect(unit) for unit in units if unit.seed == 0]
    except DseError as error:
        print(error, file=sys.stderr)
        return 1
    if (names, len(designs), options.seeds) != (DATASETS, len(ARITHMETICS), SEEDS):
        print(tables(results))
        return 0
    _write(results)
    return 0


def _write(results: Sequence[DatasetResults]) -> None:
    picture = _FOLDER / _PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot(results, picture)
    write_section(_FOLDER / "accuracy.md", section(results, step_name(), COMMAND, _PICTURE.as_posix()))


def _train(unit: _Unit) -> None:
    import torch

    torch.set_num_threads(1)
    trainings, network, dataset = _open(unit)
    train_seed(trainings, network, dataset, unit.designs, unit.seed, unit.seeds)


def _collect(unit: _Unit) -> DatasetResults:
    trainings, network, dataset = _open(unit)
    return collect(trainings, network, dataset, unit.designs, unit.seeds)


def _open(unit: _Unit) -> tuple[Trainings, Network, Dataset]:
    dataset = load_dataset(unit.dataset, unit.data_dir)
    network = build_network(input_shape=dataset.input_shape, classes=dataset.classes)
    return Trainings(network, dataset, EvaluationCache(unit.cache), say), network, dataset


def _data_dir(name: str, folder: Path | None) -> Path | None:
    """Return the folder for a data set; the embedded one takes none."""
    return None if name == DATASETS[0] else folder


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_accuracy", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--dataset", action="append", choices=DATASETS, help="repeatable (default: all)")
    add("--data-dir", type=Path, help="folder with CIFAR-10 (default: the one that downloads go to)")
    add(
        "--seeds",
        type=int,
        choices=range(1, 17),
        metavar="N",
        default=SEEDS,
        help="of most recipes (default: %(default)s)",
    )
    add(
        "--designs",
        type=int,
        choices=range(2, len(ARITHMETICS) + 1),
        metavar="N",
        default=len(ARITHMETICS),
        help="only the first N arithmetics",
    )
    add_worker_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
