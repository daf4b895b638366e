"""The static code of an image: one entry for each 32-bit word of its executable sections."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isa_models.addressing import address_form, memory_kind
from isa_models.errors import InputError

INSTRUCTION_BYTES = 4
_PREFETCHES = ("prfm", "prfum")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction word.

    Attributes:
        address: Where it lies in the image, a multiple of four.
        word: Its 32-bit encoding.
        mnemonic: As disassembled, such as "uadalp"; ".word" where the word is no instruction (data in the code).
        operands: As disassembled, such as "v0.8h, v1.16b".
        line: See `source`; or what finds it by the address. Not compared.

    """

    address: int
    word: int
    mnemonic: str
    operands: str
    line: str | Callable[[int], str | None] | None = field(default=None, compare=False)

    @property
    def source(self) -> str | None:
        """Its line, "conv.S:120", where the image has line information, else None."""
        return self.line(self.address) if callable(self.line) else self.line

    @property
    def text(self) -> str:
        """Mnemonic and operands, separated by one space."""
        return f"{self.mnemonic} {self.operands}".rstrip()

    @property
    def is_data(self) -> bool:
        """Whether the word is no instruction; executing it is an error."""
        return self.mnemonic == ".word"

    def __str__(self) -> str:
        where = f"{self.address:#x}" if self.source is None else f"{self.source} ({self.address:#x})"
        return f"'{self.text}' at {where}"


@dataclass(frozen=True)
class Program:
    """All executable code of an image, in ascending order of address."""

    instructions: tuple[Instruction, ...]

    def __post_init__(self) -> None:
        if any(after <= before for before, after in zip(self.addresses, self.addresses[1:], strict=False)):
            raise InputError("instructions of a program must be in ascending order of address, each address once")

    def __len__(self) -> int:
        return len(self.instructions)

    @cached_property
    def addresses(self) -> tuple[int, ...]:
        """The address of each instruction."""
        return tuple(instruction.address for instruction in self.instructions)

    @cached_property
    def address_array(self) -> NDArray[np.int64]:
        """The same, shape (len(self),)."""
        return np.array(self.addresses, np.int64)

    @cached_property
    def memory_kinds(self) -> NDArray[np.int8]:
        """`addressing.MemoryKind` of each instruction, shape (len(self),)."""
        return np.array([memory_kind(one.word, one.address) for one in self.instructions], np.int8)

    @cached_property
    def prefetches(self) -> tuple[int, ...]:
        """Index of each prefetch of data."""
        return tuple(
            index
            for index, one in enumerate(self.instructions)
            if one.mnemonic in _PREFETCHES and address_form(one.word, one.address) is not None
        )

    def find(self, address: int) -> int | None:
        """Index of the instruction at `address`, or None where there is none."""
        index = bisect_left(self.addresses, address)
        if index < len(self.addresses) and self.addresses[index] == address:
            return index
        return None

    def index_of(self, address: int) -> int:
        """Index of the instruction at `address`; raises `InputError` where there is none."""
        index = self.find(address)
        if index is None:
            raise InputError(f"no instruction at address {address:#x}: the program has {len(self)} of them elsewhere")
        return index
