"""Turns of a loop that only repeat the one before are joined, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from isa_models import Trace, load_core
from isa_models.caches import settle
from isa_models.engines.events import meet_accesses, meet_branches, new_events
from isa_models.engines.repeats import repeats
from isa_models.engines.warm import warm
from isa_models.timing import _executed, _prepare
from tests.isa_models.snippets import BUFFER_ADDRESS, assemble

TURNS = 40
LOOP = "ldr q0, [x1], #16\neor v0.16b, v0.16b, v1.16b\nsubs x0, x0, #1\nb.ne #-12"


def turns_joined(core_name: str, step: int, size_kib: str = "8") -> int:
    """How many turns are joined behind the fourth of a loop whose load goes on by `step` bytes."""
    program = assemble([LOOP])[0]
    addresses = np.zeros((TURNS, 4), dtype=np.int64)
    addresses[:, 0] = BUFFER_ADDRESS + step * np.arange(TURNS)
    addresses[:, 1:] = -1
    trace = Trace.of_instructions(program, np.tile(np.arange(4, dtype=np.int32), TURNS), addresses.reshape(-1))
    core = load_core(core_name, {"l1.size_kib": size_kib, "prefetcher.distance": "0"})
    run = _prepare(trace, core, _executed(trace, core), (0, 0))
    warm(run.order, run.code, run.segments, trace.address, True)
    settle(run.order.caches)
    events = new_events()
    kind = int(np.argmax(run.segments.uses))
    for turn in range(4):
        meet_accesses(run.order, run.pipeline.fills, run.code, 0, 4, trace.address, turn, 4 * turn, 0, events)
        meet_branches(run.order, run.code, 0, 4, run.segments.target[kind])
    return repeats(run.order, run.code, run.segments, kind, trace.address, 4, 20, True)


@pytest.mark.parametrize("core_name", ["cortex-a53", "cortex-a72", "neoverse-n1"])
def test_turns_that_find_their_lines_are_joined(core_name):
    assert turns_joined(core_name, step=16) > 4


def test_turns_that_miss_their_lines_are_not():
    assert turns_joined("cortex-a72", step=1024, size_kib="4") == 0


def test_turns_with_split_loads_are_not():
    assert turns_joined("cortex-a72", step=60) < 2
