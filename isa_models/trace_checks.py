"""Faults that the emulator lets pass but a core or a careful owner of the buffers would not, found in the trace.

Unicorn does not check the alignment of the stack pointer, and it protects whole pages, so that a load may touch the
slack between a buffer and its guard page.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from isa_models.addressing import BASE_IS_SP, address_form
from isa_models.compilation import compiled_entry
from isa_models.errors import InputError, MemoryFaultError
from isa_models.memory import Placement
from isa_models.operands import MemoryAccess, decode
from isa_models.program import Instruction
from isa_models.symbols import MissingWord
from isa_models.trace import Trace

STACK_ALIGNMENT = 16
"""Of sp in every access through it, in bytes (AAPCS64; Linux lets the core check it)."""

_LARGEST_WORD = 8
"""Bytes of a word that holds an address."""

_NOT_BY_STACK = -1
_NONE = -1


def check_trace(trace: Trace, placements: Collection[Placement]) -> None:
    """Raise MemoryFaultError for the first access that uses a misaligned sp or leaves its buffer.

    Raises UnsupportedInstructionError where the operand table does not know an instruction.
    """
    memories = _memories(trace)
    sizes = _sizes(trace, memories)
    stack_remainders = np.full(len(trace.program), _NOT_BY_STACK, np.int64)
    for row in memories:
        stack_remainders[row] = _stack_remainder(trace.program.instructions[row])
    slack = _slack(placements)
    position = int(_first_fault(trace.accessing, trace.address, sizes, stack_remainders, slack))
    if position != _NONE:
        raise _error(trace.program.instructions[trace.accessing[position]], int(trace.address[position]), placements)


def check_missing_words(trace: Trace, missing: Mapping[int, MissingWord]) -> None:
    """Raise InputError for the first load of a word of `missing`, by address, that the code did not store to before."""
    if not missing:
        return
    memories, address = _memories(trace), trace.address
    end = address + _sizes(trace, memories)[trace.accessing]
    starts = np.array(sorted(missing))
    first, behind = np.searchsorted(starts, address - _LARGEST_WORD, "right"), np.searchsorted(starts, end)
    stored = set[int]()
    for position in np.flatnonzero(first < behind):
        row = int(trace.accessing[position])
        near = starts[first[position] : behind[position]].tolist()
        touched = {start for start in near if start + missing[start].size > address[position]}
        if memories[row].is_store:
            stored |= touched
        elif touched > stored & touched:
            name = missing[min(touched - stored)].name
            where = trace.program.instructions[row].place
            raise InputError(f"{where} loads the address of the undefined symbol '{name}': define it")


def _memories(trace: Trace) -> dict[int, MemoryAccess]:
    """Return what those instructions of the program access that were executed and access memory, by their index."""
    decoded = ((int(row), decode(trace.program.instructions[row]).memory) for row in np.flatnonzero(trace.counts()))
    return {row: memory for row, memory in decoded if memory is not None}


def _sizes(trace: Trace, memories: Mapping[int, MemoryAccess]) -> Any:
    """Return the bytes that each instruction of the program accesses, 0 for those that are not in `memories`."""
    sizes = np.zeros(len(trace.program), np.int64)
    for row, memory in memories.items():
        sizes[row] = memory.size_bytes
    return sizes


def _stack_remainder(instruction: Instruction) -> int:
    """What an address modulo `STACK_ALIGNMENT` must be where sp is its base, else `_NOT_BY_STACK`."""
    form = address_form(instruction.word, instruction.address)
    if form is None or form.base != BASE_IS_SP or form.index is not None:
        return _NOT_BY_STACK
    return form.offset % STACK_ALIGNMENT


def _slack(placements: Iterable[Placement]) -> Any:
    """Mapped bytes that belong to no buffer, as rows of (first, end)."""
    ranges = []
    for placement in placements:
        region, end = placement.region, placement.first_page + placement.mapped_bytes
        ranges += [(placement.first_page, region.start), (region.end, end)]
    return np.array([bounds for bounds in ranges if bounds[0] < bounds[1]], np.int64).reshape(-1, 2)


@compiled_entry
def _first_fault(index: Any, address: Any, sizes: Any, stack_remainders: Any, slack: Any) -> int:
    """Return the position among the accesses of the first one that must not be, `_NONE` if there is none."""
    for position in range(index.size):
        row = index[position]
        size = sizes[row]
        if size == 0:
            continue  # a prefetch is never at fault
        first = address[position]
        wanted = stack_remainders[row]
        if wanted != _NOT_BY_STACK and first % STACK_ALIGNMENT != wanted:
            return position
        for number in range(slack.shape[0]):
            if first < slack[number, 1] and first + size > slack[number, 0]:
                return position
    return _NONE


def _error(instruction: Instruction, address: int, placements: Iterable[Placement]) -> MemoryFaultError:
    where = instruction.place
    if _stack_remainder(instruction) not in (_NOT_BY_STACK, address % STACK_ALIGNMENT):
        return MemoryFaultError(
            f"{where}: sp is no multiple of {STACK_ALIGNMENT} bytes: move it by multiples of {STACK_ALIGNMENT} only"
        )
    memory = decode(instruction).memory
    if memory is None:
        raise AssertionError("an instruction without access cannot be at fault")
    region = next(item.region for item in placements if _touches(item, address, memory.size_bytes))
    outside = address if address < region.start else max(address, region.end)
    kind = "store to" if memory.is_store else "load from"
    return MemoryFaultError(
        f"{where}: {memory.size_bytes}-byte {kind} {address:#x}, {region.locate(outside)}: correct its bounds, "
        "or enlarge the buffer"
    )


def _touches(placement: Placement, address: int, size: int) -> bool:
    return address < placement.first_page + placement.mapped_bytes and address + size > placement.first_page
