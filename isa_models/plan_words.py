"""The plans of a program's blocks as the words that `isa_models.hooks_compiled` reads, shared by programs alike."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from isa_models import hooks_compiled as compiled
from isa_models.addressing import is_relative
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
from isa_models.program import DATA_MNEMONIC, INSTRUCTION_BYTES, Program

_NOP = 0xD503201F
_NEVER_EXECUTED = (DATA_MNEMONIC, "udf")


class ProgramPlans:
    """The plans of the blocks of a program, each made when it is first asked for.

    Args:
        code: The encodings of its instructions; those that do nothing to addresses may be NOP instead.
        addresses: Where each lies.

    Attributes:
        probes: See `isa_models.block_plan.find_probes`.

    """

    def __init__(self, code: tuple[int, ...], addresses: tuple[int, ...]) -> None:
        flows = tuple(map(InstructionFlow.of, code, addresses))
        self._code = code
        self._addresses = addresses
        self._address_registers = address_registers(flows)
        self.probes = find_probes(addresses, flows)

    def words(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the plan of the block of `count` instructions from the index `first` on."""
        code = self._code[first : first + count]
        address = self._addresses[first] if any(map(is_relative, code)) else 0
        probes = tuple(self.probes.get(index, ()) for index in range(first, first + count))
        block, unknown_access = _block_words(code, address, probes, self._address_registers)
        words = block.copy()
        words[compiled.PLAN_FIRST] = first
        words[compiled.PLAN_CULPRIT] = 0 if unknown_access is None else self._addresses[first + unknown_access]
        return words


def program_plans(program: Program) -> ProgramPlans:
    """Return the plans of a program, which it shares with all that differ in what does nothing to addresses."""
    flows = map(InstructionFlow.of, program.words, program.addresses)
    code = (
        # neither data nor UDF, as which zeros behind the code read, is executed: to follow the registers through tables
        # and padding would take most of the time
        _NOP if mnemonic in _NEVER_EXECUTED or (flow.is_idle and not flow.ends_block) else word
        for word, flow, (mnemonic, _) in zip(program.words, flows, program.texts, strict=True)
    )
    return _plans(tuple(code), program.addresses)


_plans = lru_cache(maxsize=64)(ProgramPlans)


@lru_cache(maxsize=1 << 12)
def _block_words(
    code: tuple[int, ...], address: int, probes: tuple[tuple[int, ...], ...], address_registers: int
) -> tuple[NDArray[np.int64], int | None]:
    """Return the plan of a block as if it were a program, and the place in it of an access that cannot be worked out.

    Programs have many blocks in common. `address`: where it lies, of no meaning where nothing in it is relative to
    that; `probes`: registers to be read in front of each instruction.
    """
    places = range(address, address + len(code) * INSTRUCTION_BYTES, INSTRUCTION_BYTES)
    flows = tuple(map(InstructionFlow.of, code, places))
    plan = plan_block(flows, 0, dict(enumerate(probes)), address_registers)
    return _encode(plan), plan.unknown_access


def _encode(plan: BlockPlan) -> NDArray[np.int64]:
    if any(step.target >= compiled.SLOT_COUNT for step in plan.sums):
        raise IsaModelError(f"a block of {plan.count} instructions needs too many intermediate sums: report it")
    header = [0] * compiled.PLAN_HEADER
    header[compiled.PLAN_SIZE] = plan.count * INSTRUCTION_BYTES
    header[compiled.PLAN_COUNT] = plan.count
    header[compiled.PLAN_NEEDED] = plan.needed
    header[compiled.PLAN_KEPT] = plan.kept
    header[compiled.PLAN_FOUND] = plan.found
    header[compiled.PLAN_REPEATS] = plan.repeats_known
    header[compiled.PLAN_STEADY] = plan.is_steady
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


def _encode_sum(step: Step) -> tuple[int, ...]:
    base = compiled.PROBED_BASE if step.kind is StepKind.PROBE else step.base
    mask = (1 << 32) - 1 if step.is_word else -1
    return step.target, base, step.offset, step.index, step.extend, step.factor, mask
