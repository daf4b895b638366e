"""Find out by execution what an instruction reads and writes: run it from states that differ in chosen bits.

The state is one array of 64-bit words: x0 to x30, sp, the halves of v0 to v31, the flags. Words of addresses stay
within one mapped buffer; everything else may take any value.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import unicorn
from numpy.typing import NDArray
from unicorn import arm64_const as arm64
from unicorn.unicorn_py3 import unicorn as binding

from isa_models.operand_syntax import FIRST_VECTOR, FLAGS, STACK_POINTER, RegisterPart
from isa_models.registers import GENERAL

_PAGE = 0x1000
DATA = 0x4000_0000
_WINDOW = 0x1000  # bytes of each kind of contents
_CONTENTS = 2  # random bytes, zeros
FLAGS_WORD = 96
WORDS = 97
_FLAG_BITS = 0xF << 28
_ALL = 0xFFFF_FFFF_FFFF_FFFF

ADDRESSES = (20, 21, 22, 23, 30, STACK_POINTER)
"""Registers that hold addresses, and x16 an index."""
INDEX = 16

State = NDArray[np.uint64]

_REGISTERS = [
    *GENERAL,
    arm64.UC_ARM64_REG_SP,
    *range(arm64.UC_ARM64_REG_Q0, arm64.UC_ARM64_REG_Q31 + 1),
    arm64.UC_ARM64_REG_NZCV,
]


def words_of(register: int) -> range:
    """Words of the state that hold a register of the operand table."""
    if register == FLAGS:
        return range(FLAGS_WORD, FLAGS_WORD + 1)
    if register >= FIRST_VECTOR:
        first = 32 + 2 * (register - FIRST_VECTOR)
        return range(first, first + 2)
    return range(register, register + 1)


def mask_of(parts: tuple[RegisterPart, ...]) -> State:
    """Bits of the state that parts of registers stand for."""
    mask = np.zeros(WORDS, np.uint64)
    for part in parts:
        low = 28 if part.register == FLAGS else part.low
        bits = ((1 << part.bits) - 1) << low
        for number, word in enumerate(words_of(part.register)):
            mask[word] |= np.uint64(bits >> 64 * number & _ALL)
    return mask


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an execution left: the state, where it went on, bytes loaded and stored as (address, size), memory after."""

    state: State
    pc: int
    loaded: frozenset[tuple[int, int]]
    stored: frozenset[tuple[int, int]]
    memory: bytes

    def differs(self, other: Outcome, words: State) -> bool:
        """Whether anything differs but the words of the state outside of the mask `words`."""
        return (
            bool(((self.state ^ other.state) & words).any())
            or self.pc != other.pc
            or self.loaded != other.loaded
            or self.stored != other.stored
            or self.memory != other.memory
        )


class Core:
    """An emulated core with code and a data window, which is put back after each execution."""

    def __init__(self, code: bytes, address: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        self._uc.ctl_set_cpu_model(arm64.UC_CPU_ARM64_MAX)
        start = address // _PAGE * _PAGE
        self._uc.mem_map(start, -(-(address + len(code) - start) // _PAGE) * _PAGE)
        self._uc.mem_write(address, code)
        self._uc.mem_map(DATA, _CONTENTS * _WINDOW)
        self._contents = self._random.bytes(_WINDOW) + bytes(_WINDOW)
        self._uc.mem_write(DATA, self._contents)
        self._loaded: set[tuple[int, int]] = set()
        self._stored: set[tuple[int, int]] = set()
        self._uc.hook_add(unicorn.UC_HOOK_MEM_READ, self._on_access, self._loaded)
        self._uc.hook_add(unicorn.UC_HOOK_MEM_WRITE, self._on_access, self._stored)
        self._window = DATA
        self._words = np.zeros(WORDS, np.uint64)
        first_words = (*range(32), *range(32, FLAGS_WORD, 2), FLAGS_WORD)
        places = [self._words.ctypes.data + word * self._words.itemsize for word in first_words]
        self._registers = (ctypes.c_int * len(_REGISTERS))(*_REGISTERS)
        self._places = (ctypes.c_void_p * len(_REGISTERS))(*places)

    def random_state(self, kind: str) -> State:
        """Draw a state; `kind` is "bits", "small", "equal", "sparse" or the float that vectors hold: "h", "s", "d"."""
        state = self.random_words(kind)
        self._window = DATA + (_WINDOW if kind == "sparse" else 0)
        for register in (*ADDRESSES, INDEX):
            state[register] = self.random_pointer(register)
        return state

    def random_words(self, kind: str) -> State:
        """Draw all words of a state regardless of which hold addresses."""
        words = self._random.integers(0, _ALL, WORDS, np.uint64, endpoint=True)
        if kind == "sparse":
            words[:FLAGS_WORD] *= self._random.integers(0, 2, FLAGS_WORD, np.uint64)
        elif kind == "equal":
            words[:FLAGS_WORD] = words[0]
        elif kind == "small":
            words[:32] &= np.uint64(7)
            words[32:FLAGS_WORD] &= np.uint64(0x0303_0303_0303_0303)
        elif kind in ("h", "s", "d"):
            words[32:FLAGS_WORD] = self._floats(kind)
        words[FLAGS_WORD] &= np.uint64(_FLAG_BITS)
        return words

    def random_pointer(self, register: int) -> int:
        """Draw another address within the window of the last state, or another index."""
        if register == INDEX:
            return int(self._random.integers(1, 32))
        return self._window + 16 * int(self._random.integers(0x40, 0xA0))

    def run(self, first: int, last: int, state: State, *, one: bool) -> Outcome:
        """Execute from address `first` to `last` (exclusive), or one instruction wherever it leads."""
        self._words[:WORDS] = state
        self._loaded.clear()
        self._stored.clear()
        uc = self._uc  # one call of the C library for all registers
        binding.uclib.uc_reg_write_batch(uc._uch, self._registers, self._places, len(_REGISTERS))
        uc.emu_start(first, last, count=1 if one else 0)
        binding.uclib.uc_reg_read_batch(uc._uch, self._registers, self._places, len(_REGISTERS))
        after = self._words[:WORDS].copy()
        memory = b""
        if self._loaded or self._stored:
            memory = bytes(uc.mem_read(DATA, len(self._contents)))
            if memory != self._contents:
                uc.mem_write(DATA, self._contents)
        pc = int(uc.reg_read(arm64.UC_ARM64_REG_PC)) if one else 0
        return Outcome(after, pc, frozenset(self._loaded), frozenset(self._stored), memory)

    def changed_bytes(self, outcome: Outcome) -> set[int]:
        """Addresses of the bytes that an execution changed."""
        if outcome.memory in (b"", self._contents):
            return set()
        before, after = (np.frombuffer(memory, np.uint8) for memory in (self._contents, outcome.memory))
        return {DATA + offset for offset in np.flatnonzero(before != after).tolist()}

    def _floats(self, kind: str) -> State:
        type_ = {"h": np.float16, "s": np.float32, "d": np.float64}[kind]
        count = 64 * 8 // np.dtype(type_).itemsize
        values = self._random.normal(scale=4, size=count).astype(type_)
        return values.view(np.uint64)

    def _on_access(
        self, _uc: unicorn.Uc, _kind: int, address: int, size: int, _value: int, seen: set[tuple[int, int]]
    ) -> None:
        seen.add((address, size))
