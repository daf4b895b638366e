"""How fast the kernels are, on every core and against what: writes docs/kernels.md and its picture.

python -m benchmarks.bench_kernels [--core CORE ...] [--layer LAYER ...]

Cores or layers that are chosen are printed instead of written, unless --output names a folder for their page. Results
are kept in the evaluation cache: a second run takes seconds, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kernel_jobs import run_jobs
from benchmarks.kernel_page import page, tables
from benchmarks.kernel_plot import plot
from benchmarks.kernel_results import CORES, LAYERS, KernelResults, collect, wanted
from benchmarks.options import add_worker_options, say
from dse.cache import EvaluationCache, default_directory
from dse.errors import DseError
from isa_models import IsaModelError, load_core
from kernels_asm import ConvShape, KernelError

COMMAND = "make bench-kernels"
"""What writes the page of all cores and layers."""

_FOLDER = Path("docs")


def main(arguments: Sequence[str] = ()) -> int:
    """Measure what is not stored yet and write the page, or print a part; return 0, or 1 where a kernel fails."""
    options = _parser().parse_args(arguments)
    try:
        cores = [load_core(name) for name in dict.fromkeys(options.core or CORES)]
        layers = list(dict.fromkeys(_layer(text) for text in options.layer or map(str, LAYERS)))
        cache = EvaluationCache(options.cache or default_directory())
        results = collect(run_jobs(wanted(cores, layers), cache, options.jobs, say), cores, layers)
    except (DseError, KernelError, IsaModelError) as error:
        print(error, file=sys.stderr)
        return 1
    chosen = [f"--core={core.name}" for core in cores if options.core]
    chosen += [f"--layer={layer}" for layer in layers if options.layer]
    if chosen and options.output is None:
        print(tables(results))
        return 0
    command = shlex.join(["python", "-m", "benchmarks.bench_kernels", *chosen]) if chosen else COMMAND
    _write(options.output or _FOLDER, results, command)
    return 0


def _write(folder: Path, results: KernelResults, command: str) -> None:
    path, pictures = folder / "kernels.md", folder / "kernels"
    pictures.mkdir(parents=True, exist_ok=True)
    plot(results, pictures / "products.svg")
    path.write_text(page(results, command), encoding="utf-8")
    print(f"wrote {path}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_kernels", description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--core", action="append", help="a core, or another description that `dse core list` names; repeatable")
    add("--layer", action="append", help="such as 28x28x128x128 (3x3), or a layer of the page as written there")
    add_worker_options(parser)
    add("--output", type=Path, help=f"folder of the page (default: {_FOLDER}, or none for chosen cores or layers)")
    return parser


def _layer(text: str) -> ConvShape:
    """Read a layer of the page, or the sizes of one with a 3x3 window; raises InputError for anything else."""
    named = {str(layer): layer for layer in LAYERS}
    return named[text] if text in named else ConvShape.parse(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
