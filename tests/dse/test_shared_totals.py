"""Kernels that differ in constants alone share a simulation: what each would take by itself is the same."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np
import pytest

import isa_models.timing
from dse.emulation import layer_trace
from dse.layer_work import Convolution, time_work
from isa_models import Core, Simulation, load_core, time_totals, time_trace
from kernels_asm import Arithmetic, ConvShape, InputError, KernelVariant, LaneTile, OutputType, Overflow, Tile, TreeTile
from kernels_asm.variant_list import can_compute

CORES: Final = ("cortex-a53", "cortex-a72", "cortex-a76", "apple-m1")
SHAPES: Final = (ConvShape(5, 6, 40, 20), ConvShape(7, 7, 64, 8, stride=2))
TILES: Final[tuple[Tile, ...]] = (LaneTile(8, 3), TreeTile(4, 2, 2, 1), TreeTile(4, 4, 1, 3))
CLIPS: Final = (1, 31, 64, 127)
"""An odd one, a power of two and the ends of those to bytes."""

SUMS: Final = (
    (8, Overflow.EXACT),
    (8, Overflow.SATURATE),
    (8, Overflow.RUNNING),
    (16, Overflow.EXACT),
    (32, Overflow.EXACT),
)
LARGE_CLIPS: Final = (128, 256, 4095)
"""Those to 16 bits, whose constants some kernels make with other instructions."""


def kernels() -> Iterator[tuple[object, Convolution]]:
    """Yield kernels, those that differ in the clip alone in a row with the same key."""
    clipped = [(clip, OutputType.INT8) for clip in CLIPS] + [
        (clip, OutputType.INT16) for clip in (*CLIPS, *LARGE_CLIPS)
    ]
    for shape, tile, sums in product(SHAPES, TILES, SUMS):
        for clip, output in [*clipped, (None, OutputType.INT16), (None, OutputType.INT32)]:
            try:
                variant = KernelVariant(Arithmetic(*sums, clip, output), tile)
            except InputError:
                continue
            if can_compute(variant, shape):
                yield (shape, tile, sums, output), Convolution(shape, variant)


def comparable(simulation: Simulation) -> tuple[object, ...]:
    """Return all that a record holds of a simulation, and more."""
    return (
        simulation.cycles,
        simulation.instructions,
        simulation.stalls,
        simulation.ports,
        simulation.caches,
        simulation.mispredictions,
        simulation.bound,
    )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[Core]:
    """Return the list of the cores of simulations, which grows with each."""
    seen: list[Core] = []
    run = isa_models.timing._run

    def counted(trace, core, *rest, **named):
        seen.append(core)
        return run(trace, core, *rest, **named)

    monkeypatch.setattr(isa_models.timing, "_run", counted)
    monkeypatch.setattr(isa_models.timing, "_targets", [])
    return seen


def test_shared_totals_are_those_of_separate_simulations(runs):
    cores = [load_core(name) for name in CORES[:2]]  # one of each kind of engine
    cases = groups = shared = 0
    last: object = None
    for key, kernel in kernels():
        groups, last = groups + (key != last), key
        trace = layer_trace(kernel.shape, kernel.variant, cores[0])
        for core in cores:
            before = len(runs)
            totals = time_totals(trace, core)
            shared += len(runs) == before
            assert comparable(totals) == comparable(time_trace(trace, core)), (str(kernel), core.name)
            cases += 1
    assert cases >= 500
    assert shared >= cases - 2 * groups * len(cores), "clips of a kernel take a simulation or two, not one each"


def test_record_of_a_kernel_is_the_same_whatever_was_timed_before(runs):
    core, shape = load_core("cortex-a72"), SHAPES[0]
    variants = [KernelVariant(Arithmetic(8, clip=clip, output=OutputType.INT8), TILES[-1]) for clip in (127, 31, 5)]
    together = [comparable(time_work(Convolution(shape, variant), core)) for variant in variants]
    assert len(runs) == 1
    isa_models.timing._targets.clear()
    alone = []
    for variant in reversed(variants):
        alone.append(comparable(time_work(Convolution(shape, variant), core)))
        isa_models.timing._targets.clear()
    assert len(runs) == 1 + len(variants)
    assert together == alone[::-1]


def test_a_clip_of_its_own_instructions_is_timed_by_itself(runs):
    core, shape = load_core("cortex-a72"), SHAPES[0]
    for clip, output in ((None, OutputType.INT16), (31, OutputType.INT16), (31, OutputType.INT8)):
        time_work(Convolution(shape, KernelVariant(Arithmetic(8, clip=clip, output=output), TILES[-1])), core)
    assert len(runs) == 3


def test_totals_are_kept_apart_by_core_and_by_layer(runs):
    variant = KernelVariant(Arithmetic(8, clip=31, output=OutputType.INT8), TILES[-1])
    totals = {
        (name, shape): time_work(Convolution(shape, variant), load_core(name)).cycles
        for name, shape in product(CORES, SHAPES)
    }
    assert len(runs) == len(totals) == len(CORES) * len(SHAPES)
    assert len(np.unique(list(totals.values()))) > len(CORES)
