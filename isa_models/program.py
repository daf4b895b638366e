"""The static code of an image: one entry for each 32-bit word of its executable sections."""

from __future__ import annotations

import operator
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isa_models.addressing import address_form, memory_kind
from isa_models.errors import InputError

INSTRUCTION_BYTES = 4
DATA_MNEMONIC = ".word"
"""Of a word that is no instruction."""
_PREFETCHES = ("prfm", "prfum")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction word.

    Attributes:
        address: Where it lies in the image, a multiple of four.
        word: Its 32-bit encoding.
        mnemonic: As disassembled, such as "uadalp"; `DATA_MNEMONIC` where the word is data in the code.
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
    def place(self) -> str:
        """Where it is and what it is, as errors begin."""
        return f"{self.source or 'no source line'} ({self.address:#x}): '{self.text}'"

    @property
    def is_data(self) -> bool:
        """Whether the word is no instruction; executing it is an error."""
        return self.mnemonic == DATA_MNEMONIC

    def __str__(self) -> str:
        where = f"{self.address:#x}" if self.source is None else f"{self.source} ({self.address:#x})"
        return f"'{self.text}' at {where}"


class Program:
    """All executable code of an image, in ascending order of address.

    It is kept by columns, and instructions are made from them on demand: kernels have many, of which few are looked at.

    Attributes:
        addresses: The address of each instruction.
        words: Its encoding.
        texts: Its mnemonic and operands.

    """

    def __init__(
        self,
        addresses: Sequence[int],
        words: Sequence[int],
        texts: Sequence[tuple[str, str]],
        lines: Callable[[int], str | None] | None = None,
    ) -> None:
        """`lines`: finds the source line of an address; raises InputError for addresses that do not ascend."""
        self.addresses = tuple(addresses)
        self.words = tuple(words)
        self.texts = tuple(texts)
        self._lines = lines
        if any(map(operator.ge, self.addresses, self.addresses[1:])):
            raise InputError("instructions of a program must be in ascending order of address, each address once")

    def part(self, first: int, end: int) -> Program:
        """Return the instructions `first` to `end` - 1 as a program of their own."""
        places = slice(first, end)
        return Program(self.addresses[places], self.words[places], self.texts[places], self._lines)

    def __len__(self) -> int:
        return len(self.addresses)

    def instruction(self, index: int) -> Instruction:
        """Return one of the instructions."""
        return Instruction(self.addresses[index], self.words[index], *self.texts[index], self._lines)

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """All of them."""
        return tuple(self.instruction(index) for index in range(len(self)))

    @cached_property
    def address_array(self) -> NDArray[np.int64]:
        """The same, shape (len(self),)."""
        return np.array(self.addresses, np.int64)

    @cached_property
    def memory_kinds(self) -> NDArray[np.int8]:
        """`addressing.MemoryKind` of each instruction, shape (len(self),)."""
        return np.array(list(map(memory_kind, self.words, self.addresses)), np.int8)

    @cached_property
    def prefetches(self) -> tuple[int, ...]:
        """Index of each prefetch of data."""
        return tuple(
            index
            for index, (mnemonic, _) in enumerate(self.texts)
            if mnemonic in _PREFETCHES and address_form(self.words[index], self.addresses[index]) is not None
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
