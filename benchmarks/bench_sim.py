"""Simulated instructions a second with full timing, on each core, where the time goes, and how long the command takes.

python -m benchmarks.bench_sim [CORE ...]

The bound is the emulator without any hook ("bare"), on the same code. "trace" is emulation that records every block and
address, "timing" is what `time_trace` adds (the warm-up pass included), "whole" is both. "anew" is timing without the
reuse of states of the pipeline that were met before and of turns that repeat the one before: the same cycles, found
instruction by instruction. `dse simulate` on a small file is timed with warm caches of compiled code, beside Python's
import of the libraries that it needs.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.bench_trace import DOT_PRODUCT, no_hooks
from dse.emulation import KernelRunner
from isa_models import Buffer, Core, Image, InputError, Machine, Pointer, Trace, list_cores, load_core, time_trace
from isa_models.assembling import image_of_source
from isa_models.emulator import Emulator
from isa_models.memory import place, resolve
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType, Overflow, Tile

RUNS = 5
BUDGET = 1 << 40
START_UP_TARGET_S = 1.5
STAGES = {
    "split": "cut into segments",
    "warm": "warm-up of caches and predictor",
    "run": "pipeline",
    "_walk": "longest chain",
    "lower": "lower instructions",
}


@dataclass(frozen=True)
class Work:
    """A piece of code with its data: how to run it bare, and how to record it."""

    name: str
    bare: Callable[[], None]
    record: Callable[[], Trace]


def main(arguments: Sequence[str] = ()) -> int:
    """Print a table for each core, all if none is named, and the profile of the timing of one kernel; return 0 or 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_sim", description=__doc__.splitlines()[0])
    parser.add_argument("core", nargs="*", help="a core that `dse core list` names (default: all)")
    try:
        cores = [load_core(name) for name in parser.parse_args(arguments).core or list_cores()]
    except InputError as error:
        print(error, file=sys.stderr)
        return 1
    work = [
        _stream("xor-popcount, 2 KiB", steps=64, repetitions=4_000),
        _stream("xor-popcount, 4 MiB", steps=1 << 17, repetitions=3),
        _layer("conv 14x14x128 (L1)", ConvShape(14, 14, 128, 128), LaneTile(8, 3)),
        _layer("conv 7x7x512 (L2)", ConvShape(7, 7, 512, 512), LaneTile(8, 2)),
    ]
    print(
        f"{'':14} {'million instructions a second':>22} {'bare':>7} {'trace':>7} {'timing':>7} {'anew':>7}"
        f" {'whole':>7} {'of bare':>8}"
    )
    for item in work:
        trace = item.record()
        instructions = len(trace)
        bare, record = _seconds(item.bare), _seconds(item.record)
        for core in cores:
            timing = _seconds(lambda: time_trace(trace, core))  # noqa: B023  # called at once
            anew = _seconds(lambda: time_trace(trace, core, reuse=False), runs=1)  # noqa: B023
            rates = [instructions / seconds / 1e6 for seconds in (bare, record, timing, anew, record + timing)]
            print(
                f"{core.name:14} {item.name:>29} "
                + " ".join(f"{rate:7.1f}" for rate in rates)
                + f" {rates[-1] / rates[0]:8.1%}",
                flush=True,
            )
    _profile(work[-1].record(), cores[0])
    _tell_start_up(cores[0])
    return 0


def _profile(trace: Trace, core: Core) -> None:
    profile = cProfile.Profile()
    profile.runcall(time_trace, trace, core)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    whole = sum(own for _, _, own, _, _ in stats.values())
    print(f"\nwhere the timing of {len(trace):,} instructions on {core.name} goes")
    known = 0.0
    for (path, _, name), (_, _, own, _, _) in stats.items():
        if name in STAGES and "isa_models" in path:
            known += own
            print(f"  {STAGES[name]:<34} {own / whole:6.1%}")
    print(f"  {'the rest':<34} {1 - known / whole:6.1%}")


def _tell_start_up(core: Core) -> None:
    with TemporaryDirectory() as folder:
        source = Path(folder) / "small.S"
        source.write_text(".globl f\nf: eor v0.16b, v0.16b, v1.16b\n   ret\n", encoding="utf-8")
        whole = _command_seconds(str(Path(sys.executable).with_name("dse")), "simulate", source, "--core", core.name)
    libraries = _command_seconds(sys.executable, "-c", "import numba, unicorn, capstone")
    print(
        f"\n`dse simulate` on two instructions: {whole:.2f} s (target {START_UP_TARGET_S}), "
        f"{libraries / whole:.0%} of it to import numba, Unicorn and Capstone"
    )


def _command_seconds(*command: str | Path) -> float:
    return _seconds(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def _stream(name: str, steps: int, repetitions: int) -> Work:
    """Return the inner loop of a binary dot product over two buffers of 16 bytes a step."""
    image = Image.from_elf(image_of_source(Path(__file__).parent / f"{DOT_PRODUCT}.S"))
    buffers = (Buffer("activations", b"\x5a" * (16 * steps)), Buffer("weights", b"\xc3" * (16 * steps)))
    pointers = (Pointer("activations"), Pointer("weights"))
    placements = place(buffers)
    regions = {key: placement.region for key, placement in placements.items()}
    emulator = Emulator(image, no_hooks)
    emulator.load(placements)
    arguments = [*(resolve(pointer, regions) for pointer in pointers), steps, repetitions]
    machine = Machine(image)

    def record() -> Trace:
        trace = machine.call(DOT_PRODUCT, [*pointers, steps, repetitions], buffers, budget=BUDGET, trace=True).trace
        assert trace is not None
        return trace

    return Work(name, lambda: _run(emulator, arguments), record)


def _run(emulator: Emulator, arguments: list[int]) -> None:
    emulator.run(DOT_PRODUCT, arguments, BUDGET, [])


def _layer(name: str, shape: ConvShape, tile: Tile) -> Work:
    """Return a convolution kernel with 16-bit accumulators; without hooks it still keeps its budget of instructions."""
    generator = np.random.default_rng(1)
    arithmetic = Arithmetic(16, Overflow.EXACT, 31, OutputType.INT8)
    activations = generator.choice(np.array([-1, 1]), (shape.height, shape.width, shape.channels_in))
    filters = generator.choice(np.array([-1, 1]), (shape.channels_out, 3, 3, shape.channels_in))
    runner = KernelRunner(KernelVariant(arithmetic, tile), shape)
    weights = runner.pack(filters)

    def record() -> Trace:
        trace = runner.run(activations, weights, trace=True).trace
        assert trace is not None
        return trace

    return Work(name, lambda: _discard(runner.run(activations, weights)), record)


def _discard(_: object) -> None:
    return None


def _seconds(action: Callable[[], object], runs: int = RUNS) -> float:
    """Return the best of several runs, after one that compiled what there was to compile."""
    times = []
    for _ in range(runs + (runs > 1)):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
