"""From the stream of block and access events of a run to its trace, one entry for each executed instruction.

An event is one int64: bits 0 to 47 an address; for a block, bits 48 to 62 its number of instructions, and the sign bit
set. A block is followed by one event for each of its instructions that loads or stores, in their order.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from isa_models.errors import IsaModelError, UnsupportedInstructionError
from isa_models.program import INSTRUCTION_BYTES, Program
from isa_models.trace import NO_ADDRESS, Trace

ADDRESS_BITS = 48
ADDRESS_MASK = (1 << ADDRESS_BITS) - 1
COUNT_MASK = (1 << (63 - ADDRESS_BITS)) - 1
BLOCK_FLAG = np.int64(-(1 << 63))

NO_ACCESS, ACCESS, UNKNOWN = 0, 1, 2
"""What an instruction does with memory."""

_JOINED, _FOREIGN, _UNKNOWN, _MISMATCH = range(4)
"""Outcomes of `_join`."""

_POSITION, _INSTRUCTION, _END = range(3)
"""The state that `_join` carries from chunk to chunk: the next entry of the trace; the instruction whose access is
awaited; the end of its block. Where the last two are equal a block is awaited."""


def join(program: Program, kinds: NDArray[np.int8], chunks: Iterable[NDArray[np.int64]], executed: int) -> Trace:
    """Expand blocks to instructions, and give each its access.

    Args:
        program: The code that ran.
        kinds: `NO_ACCESS`, `ACCESS` or `UNKNOWN` for each of its instructions.
        chunks: The stream in order, cut anywhere.
        executed: Instructions in the stream's blocks.

    Raises:
        UnsupportedInstructionError: The code executed a load or store whose address cannot be worked out.
        IsaModelError: The stream contradicts the program (a defect of this package).

    """
    index = np.empty(executed, np.int32)
    address = np.empty(executed, np.int64)
    starts = np.array(program.addresses, np.int64)
    carried = np.zeros(3, np.int64)
    for chunk in chunks:
        outcome, culprit = _join(starts, kinds, chunk, carried, index, address)
        if outcome == _UNKNOWN:
            instruction = program.instructions[culprit]
            raise UnsupportedInstructionError(instruction.text, instruction.address, instruction.source)
        if outcome != _JOINED:
            raise IsaModelError(f"trace events do not match the program near {culprit:#x} ({outcome}): report it")
    if carried[_INSTRUCTION] != carried[_END] or carried[_POSITION] != executed:
        raise IsaModelError(f"trace events end after {carried[_POSITION]} of {executed} instructions: report it")
    return Trace(program, index, address)


@njit(cache=True)
def _join(starts: Any, kinds: Any, events: Any, carried: Any, index: Any, address: Any) -> Any:
    """Fill `index` and `address` from one chunk; return the outcome, and the instruction or address it is about."""
    position, instruction, end = carried
    known_block, known_first = np.int64(-1), np.int64(0)
    for event in events:
        where = event & ADDRESS_MASK
        if event < 0:
            if instruction < end:
                return _MISMATCH, starts[instruction]
            count = (event >> ADDRESS_BITS) & COUNT_MASK
            if where != known_block:  # in a loop it is the block of the previous turn
                known_block, known_first = where, np.int64(np.searchsorted(starts, where))
            instruction, end = known_first, known_first + count
            if not _is_code(starts, instruction, end, where) or position + count > index.size:
                return _FOREIGN, where
        else:
            if instruction >= end:
                return _MISMATCH, where
            index[position] = instruction
            address[position] = where
            position += 1
            instruction += 1
        while instruction < end and kinds[instruction] == NO_ACCESS:
            index[position] = instruction
            address[position] = NO_ADDRESS
            position += 1
            instruction += 1
        if instruction < end and kinds[instruction] == UNKNOWN:
            return _UNKNOWN, instruction
    carried[:] = position, instruction, end
    return _JOINED, np.int64(0)


@njit(cache=True)
def _is_code(starts: Any, first: Any, end: Any, address: Any) -> Any:
    """Whether instructions `first` to `end` (exclusive) of the program lie at `address` without a gap."""
    if end > starts.size or first == end:
        return False
    return starts[first] == address and starts[end - 1] == address + INSTRUCTION_BYTES * (end - 1 - first)
