"""Emulated instructions a second of processor time: bare, with a budget, and recording traces.

python -m benchmarks.bench_trace

The bound is what bare Unicorn does on the same code: about 350 million instructions a second for the inner loop of
seven instructions, 330 to 510 for whole kernels. Compiled hooks are called once a block. Such
a call takes 3 to 4 ns, which the budget needs too: a sixth of the time of the shortest loop, under a tenth of that of
a kernel. Recording adds 1 ns for an access of a loop that moves evenly and about 2 ns for others, and the time in which
the system hands out the memory of the trace (8 bytes an access and 8 a block), which is half of it for long traces.
What is left to gain is small: the blocks' own time is in Unicorn's generated code and its helpers for NEON.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import unicorn

from isa_models import Buffer, Image, Machine, Pointer, Trace
from isa_models.assembling import image_of_source
from isa_models.emulator import Emulator
from isa_models.hooks import Block, Stop
from isa_models.machine import HooksKind
from isa_models.memory import place, resolve
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType, Overflow
from kernels_asm.assembler import assemble_variant
from kernels_asm.conv_arguments import BINARY_CONV, argument_values
from kernels_asm.packing import pack_activations, pack_weights, padded_channels_out

DOT_PRODUCT = "xor_popcount"
"""The source and function of a binary dot product alone."""

STEPS = 72  # 128-bit blocks of a 3x3 window over 1,024 channels
REPETITIONS = 10_000
RUNS = 5
PYTHON_RUNS = 1
BUDGET = 1 << 40
LARGEST_FOR_PYTHON_HOOKS = 1_000_000  # instructions; they record a million a second

KERNELS = (
    (ConvShape(14, 14, 64, 64), KernelVariant(Arithmetic(8, Overflow.EXACT, 31, OutputType.INT8), LaneTile(4, 2))),
    (ConvShape(14, 14, 256, 256), KernelVariant(Arithmetic(16, Overflow.EXACT, 31, OutputType.INT8), LaneTile(4, 4))),
    (ConvShape(28, 28, 128, 128), KernelVariant(Arithmetic(32), LaneTile(2, 2))),
)


@dataclass(frozen=True)
class Workload:
    """A call to measure."""

    name: str
    image: Image
    function: str
    arguments: Sequence[Pointer | int]
    buffers: Sequence[Buffer]


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
    """Print a table for each workload."""
    for workload in (_inner_loop(), *(_kernel(shape, variant) for shape, variant in KERNELS)):
        _print_rates(workload)


def _print_rates(workload: Workload) -> None:
    instructions = (
        Machine(workload.image)
        .call(workload.function, workload.arguments, workload.buffers, budget=BUDGET)
        .instructions
    )
    print(f"{workload.name}: {instructions / 1e6:.2f} million instructions")
    ways: dict[str, tuple[Callable[[], None], int]] = {
        "bare": (_bare(workload), RUNS),
        "native hooks, budget only": (_machine(workload, "native", trace=False), RUNS),
        "native hooks, trace": (_machine(workload, "native", trace=True), RUNS),
    }
    if instructions <= LARGEST_FOR_PYTHON_HOOKS:
        ways["python hooks, budget only"] = (_machine(workload, "python", trace=False), PYTHON_RUNS)
        ways["python hooks, trace"] = (_machine(workload, "python", trace=True), PYTHON_RUNS)
    print(f"  {'':28} {'M instr/s':>10} {'of bare':>8}")
    bare = 0.0
    for name, (run, runs) in ways.items():
        rate = instructions / _seconds(run, runs) / 1e6
        bare = bare or rate
        print(f"  {name:28} {rate:10.1f} {rate / bare:8.1%}", flush=True)


def _inner_loop() -> Workload:
    image = Image.from_elf(image_of_source(Path(__file__).parent / f"{DOT_PRODUCT}.S"))
    buffers = (Buffer("activations", b"\x5a" * (16 * STEPS)), Buffer("weights", b"\xc3" * (16 * STEPS)))
    return Workload(
        "inner loop", image, DOT_PRODUCT, [Pointer("activations"), Pointer("weights"), STEPS, REPETITIONS], buffers
    )


def _kernel(shape: ConvShape, variant: KernelVariant) -> Workload:
    rng = np.random.default_rng(1)
    signs = np.array([-1, 1], np.int8)
    activations = rng.choice(signs, (shape.height, shape.width, shape.channels_in))
    weights = rng.choice(signs, (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in))
    channels, element = variant.tile.channels, variant.arithmetic.output.dtype.itemsize
    block = BINARY_CONV.pack(argument_values(shape, channels, element))
    buffers = (
        Buffer("arguments", block, pointers={BINARY_CONV.offsets[name]: name for name in BINARY_CONV.pointers}),
        Buffer("input", pack_activations(activations, shape)),
        Buffer("weights", pack_weights(weights, shape, channels)),
        Buffer("output", shape.out_pixels * padded_channels_out(shape.channels_out, channels) * element, writable=True),
    )
    image = Image.from_elf(assemble_variant(variant, shape).elf)
    return Workload(f"{variant} on {shape}", image, BINARY_CONV.function, [Pointer("arguments")], buffers)


def _bare(workload: Workload) -> Callable[[], None]:
    placements = place(workload.buffers)
    regions = {name: placement.region for name, placement in placements.items()}
    values = [resolve(item, regions) if isinstance(item, Pointer) else item for item in workload.arguments]
    emulator = Emulator(workload.image, no_hooks)

    def run() -> None:
        emulator.load(placements)
        emulator.run(workload.function, values, BUDGET, [])

    return run


def no_hooks(_: unicorn.Uc) -> NoHooks:
    """Add none."""
    return NoHooks()


def _machine(workload: Workload, hooks: HooksKind, *, trace: bool) -> Callable[[], None]:
    machine = Machine(workload.image, hooks)

    def run() -> None:
        machine.call(workload.function, workload.arguments, workload.buffers, budget=BUDGET, trace=trace)

    return run


def _seconds(run: Callable[[], None], runs: int) -> float:
    """Return the best of several runs, after one that also compiles what there is to compile."""
    run()
    times = []
    for _ in range(runs):
        start = time.thread_time()
        run()
        times.append(time.thread_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
