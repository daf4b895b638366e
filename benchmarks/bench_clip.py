"""What clips and 8-bit sums cost in accuracy on CIFAR-10: writes the section of docs/accuracy.md and its picture.

python -m benchmarks.bench_clip [--data-dir FOLDER] [--seeds N] [--epochs BEFORE AFTER]

Other seeds or epochs are printed instead of written. Every training is kept in the evaluation cache: a second run takes
seconds, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean

from benchmarks.accuracy_designs import end_values
from benchmarks.accuracy_jobs import Trainings
from benchmarks.accuracy_page import write_section
from benchmarks.clip_designs import BASELINE, CLIPS, NARROW, insertion
from benchmarks.clip_page import BEGIN, END, ClipResults, clip_row, plot, section
from benchmarks.options import add_worker_options, say
from dse.cache import EvaluationCache, default_directory
from dse.data import load_dataset
from dse.errors import DseError
from dse.networks import build_network
from kernels_asm import Arithmetic

COMMAND = "make bench-clip"
DATASET = "cifar10"
SEEDS = 3
EPOCHS = (5, 3)
_FOLDER = Path("docs")
_PICTURE = Path("accuracy", "clip.svg")


@dataclass(frozen=True)
class _Unit:
    """All trainings of a seed, which one process does."""

    data_dir: Path | None
    cache: Path
    epochs: tuple[int, int]
    seed: int


@dataclass(frozen=True)
class _Seed:
    """Accuracies of one seed: of the baseline and by clip; and the sizes of the data set."""

    baseline: float
    narrow: dict[int, float]
    train_images: int
    held_out: int


def main(arguments: Sequence[str] = ()) -> int:
    """Train what is not stored yet and write the section, or print it; return 0, or 1 where something fails."""
    options = _parser().parse_args(arguments)
    epochs = (options.epochs[0], options.epochs[1])
    cache = options.cache or default_directory()
    units = [_Unit(options.data_dir, cache, epochs, seed) for seed in range(options.seeds)]
    try:
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
            seeds = list(pool.map(_train, units))
    except DseError as error:
        print(error, file=sys.stderr)
        return 1
    results = _results(seeds, epochs)
    text = section(results, COMMAND, _PICTURE.as_posix())
    if (options.seeds, epochs) != (SEEDS, EPOCHS):
        print(text)
        return 0
    picture = _FOLDER / _PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot(results, picture)
    write_section(_FOLDER / "accuracy.md", text, (BEGIN, END))
    return 0


def _train(unit: _Unit) -> _Seed:
    import torch

    torch.set_num_threads(1)
    dataset = load_dataset(DATASET, unit.data_dir)
    network = build_network(input_shape=dataset.input_shape, classes=dataset.classes)
    trainings = Trainings(network, dataset, EvaluationCache(unit.cache), say)
    recipe = insertion(len(dataset.train), unit.epochs)

    def accuracy(name: str, arithmetic: Arithmetic) -> float:
        return trainings.design(name, recipe, end_values(arithmetic, network), unit.seed).all_accuracy

    baseline = accuracy("32 bits, no clip", BASELINE)
    narrow = {clip: accuracy(f"8 bits, clip {clip}", arithmetic) for clip, arithmetic in NARROW.items()}
    return _Seed(baseline, narrow, len(dataset.train), len(dataset.validation) + len(dataset.test))


def _results(seeds: Sequence[_Seed], epochs: tuple[int, int]) -> ClipResults:
    baselines = [seed.baseline for seed in seeds]
    before, after = (count * seeds[0].train_images for count in epochs)
    return ClipResults(
        dataset=DATASET,
        before=before,
        after=after,
        held_out=seeds[0].held_out,
        seeds=len(seeds),
        baseline=fmean(baselines),
        rows=tuple(clip_row(clip, [seed.narrow[clip] for seed in seeds], baselines) for clip in CLIPS),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_clip", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--data-dir", type=Path, help="folder with CIFAR-10 (default: the one that downloads go to)")
    add("--seeds", type=int, choices=range(2, 17), metavar="N", default=SEEDS, help="(default: %(default)s)")
    add("--epochs", type=int, nargs=2, metavar=("BEFORE", "AFTER"), default=EPOCHS, help="(default: 5 3)")
    add_worker_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
