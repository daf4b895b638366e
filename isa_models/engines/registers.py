"""Register values of the core that is simulated: when they are there and why then, not what they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import IN_L1
from isa_models.compilation import compiled
from isa_models.engines.lowering import ACCUMULATOR, MERGED, NONE, STORE_DATA, StaticCode
from isa_models.engines.parts import whole_cycles
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]

NOBODY = -(1 << 62)
"""As the number of an instruction: none that is still in the window."""


class Registers(NamedTuple):
    """Per register.

    `ready`: cycle of its value; `accumulated`: the same for the accumulator of a like instruction; `writer`: class of
    the last writer; `level`: cache level that delayed the value. `reason`, `origin`: what set the start of the chain of
    dependences that it ends, and the number of the instruction there. `carry`: (1,), see `parts`, of accumulators.

    An instruction that waits for an operand is often late only because the front end let its producers in late:
    following the operands back to an instruction that waited for none finds that reason. Where that instruction is no
    longer in the window, the chain of dependences itself is what limits.
    """

    ready: IntArray
    accumulated: IntArray
    writer: IntArray
    level: IntArray
    reason: IntArray
    origin: IntArray
    carry: IntArray


def new_registers() -> Registers:
    """Return registers that all have their values."""
    ready, accumulated, level, reason = (np.zeros(REGISTER_COUNT, dtype=np.int64) for _ in range(4))
    writer = np.full(REGISTER_COUNT, NONE, dtype=np.int64)
    origin = np.full(REGISTER_COUNT, NOBODY, dtype=np.int64)
    return Registers(ready, accumulated, writer, level, reason, origin, carry=np.zeros(1, dtype=np.int64))


@compiled
def operands_ready(code: StaticCode, registers: Registers, row: int) -> tuple[int, int, int]:
    """Return when an instruction can start, which register sets that, and when the data of a store are there.

    A merged destination is needed only as the result is written, an accumulator of a like instruction comes early.
    """
    start = 0
    culprit = NONE
    data = 0
    for column in range(code.read_count[row]):
        register = code.reads[row, column]
        use = code.read_use[row, column]
        cycle = registers.ready[register]
        if use == STORE_DATA:
            data = max(data, cycle)
            continue
        if use == MERGED:
            cycle -= code.latency[row] - code.merge[row]
        elif use == ACCUMULATOR and registers.writer[register] == code.class_id[row] and code.accumulate[row] >= 0:
            cycle = registers.accumulated[register]
        if cycle > start:
            start = cycle
            culprit = register
    return start, culprit, data


@compiled
def write_results(
    code: StaticCode, registers: Registers, row: int, start: int, level: int, reason: int, origin: int
) -> None:
    """Note the results of an instruction that took effect at `start`; `reason`, `origin`: see `Registers`."""
    accumulated = start + max(code.accumulate[row], 0)
    if code.accumulate_parts[row] > 0:
        accumulated += whole_cycles(registers.carry, 0, code.accumulate_parts[row])
    for column in range(code.write_count[row]):
        register = code.writes[row, column]
        registers.ready[register] = start + code.write_latency[row, column]
        registers.accumulated[register] = accumulated
        registers.writer[register] = code.class_id[row]
        registers.level[register] = level
        registers.reason[register] = reason
        registers.origin[register] = origin


@compiled
def write_back(code: StaticCode, registers: Registers, row: int, issue: int, reason: int, origin: int) -> None:
    """Note the base register that an access updates: it counts from `issue`, not from when the data are there."""
    for column in range(code.write_count[row]):
        register = code.writes[row, column]
        if register == code.base[row]:
            registers.ready[register] = issue + code.write_latency[row, column]
            registers.level[register] = IN_L1
            registers.reason[register] = reason
            registers.origin[register] = origin


@compiled
def root_of(registers: Registers, reason: int, number: int, window: int) -> tuple[int, int]:
    """Return the reason behind `reason` of instruction `number`, and the instruction where it arose."""
    if reason >= REGISTER_COUNT:
        return reason, number
    origin = registers.origin[reason]
    if number - origin < window:
        return registers.reason[reason], origin
    return reason, origin


@compiled
def pack_registers(registers: Registers, base: int, number: int, window: int, words: IntArray, at: int) -> int:
    """Append the registers whose values come after cycle `base`; `number`: of the next instruction in the trace."""
    for register in range(REGISTER_COUNT):
        ready = registers.ready[register] - base
        accumulated = registers.accumulated[register] - base
        if ready > 0 or accumulated > 0:
            words[at] = register + 1
            words[at + 1] = max(ready, 0)
            words[at + 2] = max(accumulated, 0)
            words[at + 3] = registers.writer[register]
            words[at + 4] = registers.level[register]
            words[at + 5] = registers.reason[register]
            words[at + 6] = min(number - registers.origin[register], window)
            at += 7
    words[at] = 0
    words[at + 1] = registers.carry[0]
    return at + 2


@compiled
def unpack_registers(registers: Registers, base: int, number: int, words: IntArray, at: int) -> int:
    """Restore what `pack_registers` appended."""
    for register in range(REGISTER_COUNT):
        registers.ready[register] = base
        registers.accumulated[register] = base
    while words[at] != 0:
        register = words[at] - 1
        registers.ready[register] = base + words[at + 1]
        registers.accumulated[register] = base + words[at + 2]
        registers.writer[register] = words[at + 3]
        registers.level[register] = words[at + 4]
        registers.reason[register] = words[at + 5]
        registers.origin[register] = number - words[at + 6]
        at += 7
    registers.carry[0] = words[at + 1]
    return at + 2
