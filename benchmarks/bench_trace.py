"""Emulated instructions a second: bare, with a budget, and recording traces with compiled and with Python hooks.

python -m benchmarks.bench_trace
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import unicorn

from isa_models import Buffer, Image, Machine, Pointer, Trace
from isa_models.emulator import Emulator
from isa_models.hooks import Block, Stop
from isa_models.memory import place, resolve
from kernels_asm.assembler import ENTRY, assemble

STEPS = 72  # 128-bit blocks of a 3x3 window over 1,024 channels
RUNS = 5
BUDGET = 1 << 40
BUFFERS = (Buffer("activations", b"\x5a" * (16 * STEPS)), Buffer("weights", b"\xc3" * (16 * STEPS)))
POINTERS = (Pointer("activations"), Pointer("weights"))


class NoHooks:
    """What `Emulator` wants of hooks, without adding any."""

    executed = 0
    last_block: Block | None = None

    def begin(self, budget: int) -> None:
        """Nothing to prepare."""

    def finish(self) -> Stop:
        """Nothing ever ends the run."""
        return Stop.NONE

    def trace(self) -> Trace:
        """There is none."""
        raise NotImplementedError


def main() -> None:
    """Print a line for each way to run the loop."""
    image = Image.from_elf(assemble(Path(__file__).parent / "xor_popcount.S", {}).elf)
    ways: dict[str, tuple[Callable[[int], None], int]] = {
        "bare": (_bare(image), 20_000),
        "native hooks, budget only": (_machine(image, "native", trace=False), 20_000),
        "native hooks, trace": (_machine(image, "native", trace=True), 10_000),
        "python hooks, budget only": (_machine(image, "python", trace=False), 2_000),
        "python hooks, trace": (_machine(image, "python", trace=True), 200),
    }
    print(f"{'':28} {'M instr/s':>10} {'of bare':>8}")
    bare = 0.0
    for name, (run, repetitions) in ways.items():
        rate = _instructions(repetitions) / _seconds(run, repetitions) / 1e6
        bare = bare or rate
        print(f"{name:28} {rate:10.1f} {rate / bare:8.1%}", flush=True)


def _bare(image: Image) -> Callable[[int], None]:
    placements = place(BUFFERS)
    regions = {name: placement.region for name, placement in placements.items()}
    addresses = [resolve(pointer, regions) for pointer in POINTERS]
    emulator = Emulator(image, _no_hooks)
    emulator.load(placements)

    def run(repetitions: int) -> None:
        emulator.run(ENTRY, [*addresses, STEPS, repetitions], BUDGET, [])

    return run


def _no_hooks(_: unicorn.Uc) -> NoHooks:
    return NoHooks()


def _machine(image: Image, hooks: str, *, trace: bool) -> Callable[[int], None]:
    machine = Machine(image, "native" if hooks == "native" else "python")

    def run(repetitions: int) -> None:
        machine.call(ENTRY, [*POINTERS, STEPS, repetitions], BUFFERS, budget=BUDGET, trace=trace)

    return run


def _instructions(repetitions: int) -> int:
    return repetitions * (7 * STEPS + 6) + 3


def _seconds(run: Callable[[int], None], repetitions: int) -> float:
    """Return the best of several runs, the first of which also compiled what there was to compile."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run(repetitions)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
