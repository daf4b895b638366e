"""What a search costs: evaluations, designs a second and seconds to resume; writes docs/study.md and its picture.

python -m benchmarks.bench_study [--sampler NAME ...] [--seeds N] [--part NAME ...] [--trials N]

Fewer samplers, seeds, parts or trials are printed instead of written. Latencies are kept in the evaluation cache: the
first run simulates every kernel of the space, later ones none, but for the throughput with an empty cache.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import optuna

from benchmarks import study_resume, study_throughput, study_trainings
from benchmarks.options import add_worker_options, say
from benchmarks.study_plot import plot
from benchmarks.study_results import StudyResults, page
from benchmarks.study_samplers import BASELINE, SamplerResult, result, run_sampler
from benchmarks.study_space import CORE, Truth, evaluate_space, open_bench
from dse.cache import default_directory
from dse.errors import DseError
from dse.sampler import check_installed
from dse.spec import SamplerKind

COMMAND: Final = "make bench-study"
SEEDS: Final = 5
PARTS: Final = ("trainings", "throughput", "resume")
"""Parts besides the samplers."""
SAMPLERS: Final = tuple(SamplerKind)
GP_LIMIT: Final = 220
"""Evaluations of a run with a Gaussian process, whose proposals take long: about a tenth of the space."""
_FOLDER = Path("docs")
_PICTURE = Path("study", "samplers.svg")


def main(arguments: Sequence[str] = ()) -> int:
    """Measure what is asked for and write the page, or print it; return 0, or 1 where something fails."""
    options = _parser().parse_args(arguments)
    chosen = set(map(SamplerKind, options.sampler or SAMPLERS))
    kinds = [kind for kind in SAMPLERS if kind in chosen]
    parts = PARTS if options.part is None else tuple(options.part)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        for kind in kinds:
            check_installed(kind)
        cache = options.cache or default_directory()
        truth = evaluate_space(open_bench(cache), say)
        results = StudyResults(
            core=CORE,
            designs=len(truth.values),
            front=len(truth.front),
            samplers=_samplers(kinds, truth, options.seeds, options.jobs),
            functions=len(truth.values) - len(truth.instead),
            trainings=_trainings(options.seeds, cache) if "trainings" in parts else (),
            throughput=_throughput() if "throughput" in parts else (),
            additions=study_throughput.additions_a_second() if "throughput" in parts else 0.0,
            resumes=_resumes(options.trials) if "resume" in parts else (),
        )
    except DseError as error:
        print(error, file=sys.stderr)
        return 1
    text = page(results, COMMAND, _PICTURE.as_posix())
    print(text)
    if (set(kinds), options.seeds, parts, options.trials) == (set(SAMPLERS), SEEDS, PARTS, study_resume.TRIALS):
        _write(results, text)
    return 0


def _write(results: StudyResults, text: str) -> None:
    picture = _FOLDER / _PICTURE
    picture.parent.mkdir(parents=True, exist_ok=True)
    plot(results.samplers, picture)
    (_FOLDER / "study.md").write_text(text, encoding="utf-8")
    print(f"wrote {_FOLDER / 'study.md'}")


def _samplers(kinds: Sequence[SamplerKind], truth: Truth, seeds: int, jobs: int) -> list[SamplerResult]:
    found = []
    quiet = (optuna.logging.WARNING,)
    spawn = get_context("spawn")
    with ProcessPoolExecutor(jobs, spawn, optuna.logging.set_verbosity, quiet) as pool:
        for name, kind in [(BASELINE, SamplerKind.RANDOM), *((kind.value, kind) for kind in kinds)]:
            limit = GP_LIMIT if kind is SamplerKind.GP else len(truth.values)
            numbers = range(1 if kind is SamplerKind.GRID else seeds)  # a grid knows no seed
            screens = name != BASELINE
            runs = [pool.submit(run_sampler, kind, truth, seed, limit, screens=screens) for seed in numbers]
            found.append(result(name, [run.result() for run in runs], limit))
            say(f"{name}: {found[-1].evaluations} evaluations")
    return found


def _trainings(seeds: int, cache: Path) -> list[study_trainings.Trainings]:
    budget = study_trainings.DEFAULT_BUDGET
    studies: list[tuple[SamplerKind, int | None, int]] = [(SamplerKind.GRID, None, 0)]
    studies += [(SamplerKind.TPE, budget, seed) for seed in range(seeds)]
    studies += [(SamplerKind.RANDOM, budget, 0)]
    found = []
    for kind, trials, seed in studies:
        found.append(study_trainings.measure(kind, trials, seed, cache))
        say(f"{found[-1].study}: {found[-1].trained} of {found[-1].designs} designs trained")
    return found


def _throughput() -> list[study_throughput.Throughput]:
    found = []
    for name in study_throughput.SPACES:
        for workers in (1, 2):
            with TemporaryDirectory() as folder:
                for is_warm in (False, True):
                    found.append(study_throughput.measure(name, Path(folder), workers, is_warm=is_warm))
                    say(f"{name}, {workers} workers: {found[-1].rate:.1f} designs a second")
    return found


def _resumes(trials: int) -> list[study_resume.Resume]:
    found = []
    for kind, open_storage in study_resume.STORAGES.items():
        with TemporaryDirectory() as folder:
            path = Path(folder, "study")
            study_resume.fill(open_storage(path), trials)
            found.append(study_resume.measure(kind, path, trials))
            say(f"{kind}: {found[-1].cpu:.1f} CPU seconds")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_study", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--sampler", action="append", choices=list(map(str, SAMPLERS)), help="repeatable (default: all)")
    add("--seeds", type=int, choices=range(1, 65), metavar="N", default=SEEDS, help="(default: %(default)s)")
    add("--part", action="append", choices=[*PARTS, "none"], help="besides the samplers; repeatable (default: all)")
    add("--trials", type=int, default=study_resume.TRIALS, metavar="N", help="to resume (default: %(default)s)")
    add_worker_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
