"""Plain Python hooks: slow, and independent of how Unicorn forms blocks and of the operand table.

The fallback where Unicorn's private handle is not to be had, and what the compiled hooks are tested against.
"""

from __future__ import annotations

from array import array

import numpy as np
import unicorn
from unicorn import arm64_const

from isa_models.addressing import BASE_IS_SP, AddressForm, Extend, address_form
from isa_models.hooks import Block, Stop
from isa_models.program import INSTRUCTION_BYTES, Program
from isa_models.registers import GENERAL
from isa_models.trace import NO_ADDRESS, Trace

_ADDRESS_MASK = (1 << 48) - 1


class PythonHooks:
    """Hooks of one `Uc`: blocks for the budget, and each instruction and memory access where tracing.

    Args:
        uc: The engine; nothing has run on it yet.
        program: The code that it runs.
        tracing: Whether to record the trace.

    """

    def __init__(self, uc: unicorn.Uc, program: Program, *, tracing: bool) -> None:
        self._program = program
        self._budget = self._left = 0
        self._stop = Stop.NONE
        self._last_block: Block | None = None
        self._pc = array("q")
        self._address = array("q")
        self._prefetches = _prefetches(program) if tracing else {}
        uc.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        if tracing:
            uc.hook_add(unicorn.UC_HOOK_CODE, self._on_instruction)
            uc.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._on_memory)

    def begin(self, budget: int) -> None:
        """Start a run that may execute `budget` instructions."""
        self._budget = self._left = budget
        self._stop = Stop.NONE
        self._last_block = None
        self._pc, self._address = array("q"), array("q")

    def finish(self) -> Stop:
        """Tell why the hooks ended the run."""
        return self._stop

    @property
    def executed(self) -> int:
        """Instructions executed since `begin`, whole blocks."""
        return self._budget - self._left

    @property
    def last_block(self) -> Block | None:
        """The last block that was entered, None before the first."""
        return self._last_block

    def trace(self) -> Trace:
        """Return what was recorded since `begin`."""
        index = np.searchsorted(self._program.address_array, np.array(self._pc, np.int64)).astype(np.int32)
        return Trace.of_instructions(self._program, index, np.array(self._address, np.int64))

    def _on_block(self, uc: unicorn.Uc, address: int, size: int, _: object) -> None:
        instructions = size // INSTRUCTION_BYTES
        if self._left < instructions or address % INSTRUCTION_BYTES:
            self._stop = Stop.BUDGET if self._left < instructions else Stop.MISALIGNED
            uc.emu_stop()
            return
        self._left -= instructions
        self._last_block = Block(address, instructions)

    def _on_instruction(self, uc: unicorn.Uc, address: int, _size: int, _: object) -> None:
        if self._stop is Stop.NONE:
            self._pc.append(address)
            prefetch = self._prefetches.get(address)  # Unicorn tells of none, as it does nothing for it
            self._address.append(NO_ADDRESS if prefetch is None else _address_of(uc, prefetch))

    def _on_memory(self, _uc: unicorn.Uc, _kind: int, address: int, _size: int, _value: int, _: object) -> None:
        known = self._address[-1]
        if known == NO_ADDRESS or address < known:
            self._address[-1] = address


def _prefetches(program: Program) -> dict[int, AddressForm]:
    """How each prefetch of data, by where it lies, forms its address."""
    forms = {}
    for index in program.prefetches:
        instruction = program.instructions[index]
        form = address_form(instruction.word, instruction.address)
        if form is not None:
            forms[instruction.address] = form
    return forms


def _address_of(uc: unicorn.Uc, form: AddressForm) -> int:
    """Work out an address from the registers as they are."""
    address = form.offset + (0 if form.base is None else _register(uc, form.base))
    if form.index is not None:
        index = _register(uc, form.index)
        if form.extend is not Extend.NONE:
            index %= 1 << 32
        if form.extend is Extend.SIGNED_WORD and index >> 31:
            index -= 1 << 32
        address += index << form.shift
    return address & _ADDRESS_MASK


def _register(uc: unicorn.Uc, number: int) -> int:
    return int(uc.reg_read(arm64_const.UC_ARM64_REG_SP if number == BASE_IS_SP else GENERAL[number]))
