"""The plans of a program's blocks as the words that `isa_models.hooks_compiled` reads, shared by programs alike."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from isa_models import hooks_compiled as compiled
from isa_models.block_plan import (
    BlockPlan,
    InstructionFlow,
    Step,
    StepKind,
    address_registers,
    find_probes,
    plan_block,
)
from isa_models.errors import IsaModelError
from isa_models.program import INSTRUCTION_BYTES, Program

_NOP = 0xD503201F


class ProgramPlans:
    """The plans of the blocks of a program, each made when it is first asked for.

    Args:
        flows: Its instructions.
        addresses: Where each lies.

    Attributes:
        probes: See `isa_models.block_plan.find_probes`.

    """

    def __init__(self, flows: Sequence[InstructionFlow], addresses: Sequence[int]) -> None:
        self._flows = flows
        self._addresses = addresses
        self._address_registers = address_registers(flows)
        self.probes = find_probes(addresses, flows)
        self._words: dict[tuple[int, int], NDArray[np.int64]] = {}

    def words(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the plan of the block of `count` instructions from the index `first` on."""
        place = (first, count)
        if place not in self._words:
            flows = self._flows[first : first + count]
            self._words[place] = self._encode(plan_block(flows, first, self.probes, self._address_registers))
        return self._words[place]

    def _encode(self, plan: BlockPlan) -> NDArray[np.int64]:
        if any(step.target >= compiled.SLOT_COUNT for step in plan.sums):
            raise IsaModelError(f"the block of instruction {plan.first} needs too many intermediate sums: report it")
        culprit = 0 if plan.unknown_access is None else self._addresses[plan.unknown_access]
        header = [0] * compiled.PLAN_HEADER
        header[compiled.PLAN_SIZE] = plan.count * INSTRUCTION_BYTES
        header[compiled.PLAN_FIRST] = plan.first
        header[compiled.PLAN_COUNT] = plan.count
        header[compiled.PLAN_NEEDED] = plan.needed
        header[compiled.PLAN_KEPT] = plan.kept
        header[compiled.PLAN_FOUND] = plan.found
        header[compiled.PLAN_REPEATS] = plan.repeats_known
        header[compiled.PLAN_STEADY] = plan.is_steady
        header[compiled.PLAN_CULPRIT] = culprit
        header[compiled.PLAN_SUMS] = len(plan.sums)
        header[compiled.PLAN_ACCESSES] = len(plan.accesses)
        header[compiled.PLAN_MOVES] = len(plan.moves)
        words = [
            *header,
            *(word for step in plan.sums for word in _encode_sum(step)),
            *(word for step in plan.accesses for word in (step.base, step.offset, step.index, step.factor)),
            *(word for step in plan.moves for word in (step.target, step.base, step.offset)),
        ]
        return np.array([word % 2**64 for word in words], np.uint64).view(np.int64)


def program_plans(program: Program) -> ProgramPlans:
    """Return the plans of a program, which it shares with all that differ in what does nothing to addresses."""
    flows = map(InstructionFlow.of, program.words, program.addresses)
    words = (
        _NOP if flow.is_idle and not flow.ends_block else word for word, flow in zip(program.words, flows, strict=True)
    )
    return _plans(tuple(words), program.addresses)


@lru_cache(maxsize=64)
def _plans(words: tuple[int, ...], addresses: tuple[int, ...]) -> ProgramPlans:
    return ProgramPlans(tuple(map(InstructionFlow.of, words, addresses)), addresses)


def _encode_sum(step: Step) -> tuple[int, ...]:
    base = compiled.PROBED_BASE if step.kind is StepKind.PROBE else step.base
    mask = (1 << 32) - 1 if step.is_word else -1
    return step.target, base, step.offset, step.index, step.extend, step.factor, mask
