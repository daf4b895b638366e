"""What a run of the emulated machine leaves for the timing engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isa_models.addressing import MemoryKind
from isa_models.compilation import compiled_entry
from isa_models.program import Program

NO_ADDRESS = -1
"""Of an instruction that touches no memory, and in `Trace.address` of a prefetch that does nothing."""


@dataclass(frozen=True, eq=False)
class Trace:
    """The executed instructions in program order, as runs of neighbours.

    Attributes:
        program: The static code.
        first: Shape (m,), int32: index into `program.instructions` at which each run of neighbours starts.
        length: Shape (m,), int32: how many instructions the run holds, at least one.
        address: Shape (k,), int64: the lowest byte address of each load, store or prefetch of data, in program order;
            `NO_ADDRESS` where a prefetch would meet no mapped memory, so that it does nothing.

    """

    program: Program
    first: NDArray[np.int32]
    length: NDArray[np.int32]
    address: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.first.shape != self.length.shape or self.first.ndim != 1:
            raise ValueError(f"first {self.first.shape} and length {self.length.shape} must be of one length")

    @classmethod
    def of_instructions(cls, program: Program, index: NDArray[np.integer], address: NDArray[np.integer]) -> Trace:
        """Return the trace that executes `program.instructions[index[i]]`, which accesses `address[i]`.

        `index`, `address`: shape (n,); the addresses of instructions that access no memory are ignored.
        """
        executed = np.asarray(index, np.int32)
        starts = np.flatnonzero(np.diff(executed, prepend=np.int32(-2)) != 1)
        length = np.diff(starts, append=executed.size).astype(np.int32)
        accesses = (program.memory_kinds == MemoryKind.ACCESS)[executed]
        return cls(program, executed[starts], length, np.asarray(address, np.int64)[accesses])

    def __len__(self) -> int:
        return int(self.length.sum())

    @cached_property
    def index(self) -> NDArray[np.int32]:
        """Index into `program.instructions` of each executed instruction, shape (n,)."""
        ends = np.cumsum(self.length, dtype=np.int64)
        offset = np.arange(len(self)) - np.repeat(ends - self.length, self.length)
        return (np.repeat(self.first, self.length) + offset).astype(np.int32)

    @cached_property
    def addresses_by_instruction(self) -> NDArray[np.int64]:
        """Lowest byte address that each executed instruction accesses, else `NO_ADDRESS`, shape (n,)."""
        spread = np.full(len(self), NO_ADDRESS, np.int64)
        spread[(self.program.memory_kinds == MemoryKind.ACCESS)[self.index]] = self.address
        return spread

    @cached_property
    def accessing(self) -> NDArray[np.int32]:
        """Index into `program.instructions` of the instruction behind each of `address`, shape (k,)."""
        is_access: NDArray[np.bool_] = (self.program.memory_kinds == MemoryKind.ACCESS)[self.index]
        return self.index[is_access]

    def without_faulting_prefetches(self, mapped: Sequence[tuple[int, int]]) -> Trace:
        """Return the trace without addresses of prefetches outside of all of `mapped`: first bytes and ends."""
        if not self.program.prefetches:
            return self
        has_address = self.program.memory_kinds == MemoryKind.ACCESS
        is_prefetch = np.zeros(len(self.program), np.bool_)
        is_prefetch[list(self.program.prefetches)] = True
        address = self.address.copy()
        _drop_outside(self.first, self.length, has_address, is_prefetch, np.array(mapped, np.int64), address)
        return replace(self, address=address)

    def counts(self) -> NDArray[np.int64]:
        """How often each instruction of the program was executed, shape (len(program),)."""
        steps = np.bincount(self.first, minlength=len(self.program) + 1).astype(np.int64)
        steps -= np.bincount(self.first + self.length, minlength=len(self.program) + 1)
        return np.cumsum(steps)[:-1]


@compiled_entry
def _drop_outside(first: Any, length: Any, has_address: Any, is_prefetch: Any, mapped: Any, address: Any) -> None:
    """Set the addresses of prefetches that are in none of `mapped` to `NO_ADDRESS`."""
    at = 0
    for run in range(first.size):
        for row in range(first[run], first[run] + length[run]):
            if is_prefetch[row]:
                is_inside = False
                for number in range(mapped.shape[0]):
                    is_inside |= mapped[number, 0] <= address[at] < mapped[number, 1]
                if not is_inside:
                    address[at] = NO_ADDRESS
            at += has_address[row]
