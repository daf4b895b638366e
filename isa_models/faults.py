"""From the way in which an emulated run ended to one line that a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import unicorn
from unicorn import arm64_const, unicorn_const

from isa_models import registers
from isa_models.errors import (
    EmulationError,
    IllegalInstructionError,
    MemoryFaultError,
    RunawayError,
    SystemCallError,
)
from isa_models.hooks import Block, Stop
from isa_models.memory import PAGE_BYTES, Region, nearest
from isa_models.program import INSTRUCTION_BYTES, Program


@dataclass(frozen=True)
class InvalidAccess:
    """A memory access that Unicorn refused: its kind (`UC_MEM_...`), lowest refused address and size in bytes."""

    kind: int
    address: int
    size: int


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        stop: Why the hooks ended it.
        access: The access that ended it, None where none did.
        exception: Number of the processor exception that ended it (`EXCP_...` of QEMU), None where none did.
        error: Unicorn's own error, None where it reported none.
        last_block: The last block entered.

    """

    stop: Stop
    access: InvalidAccess | None
    exception: int | None
    error: unicorn.UcError | None
    last_block: Block | None


# QEMU's numbers of processor exceptions, target/arm/cpu.h.
_UNDEFINED, _SUPERVISOR_CALL, _DATA_ABORT, _BREAKPOINT, _SECURE_MONITOR_CALL = 1, 2, 4, 7, 13
_CALLS = (_SUPERVISOR_CALL, _SECURE_MONITOR_CALL)

_FETCHES = (unicorn_const.UC_MEM_FETCH_UNMAPPED, unicorn_const.UC_MEM_FETCH_PROT)
_WRITES = (unicorn_const.UC_MEM_WRITE_UNMAPPED, unicorn_const.UC_MEM_WRITE_PROT)

NULL_POINTER = "a null pointer"
_NEVER_PRESENT = "there is no system beneath the emulated function"


class FaultReporter:
    """Describes endings of runs of one program.

    Args:
        uc: The engine, still in the state in which the run ended.
        program: The code that ran.
        function: Name of the function that was called.
        regions: Everything mapped.
        budget: Instructions that the run was allowed.

    """

    def __init__(self, uc: unicorn.Uc, program: Program, function: str, regions: Sequence[Region], budget: int) -> None:
        self._program = program
        self._function = function
        self._regions = regions
        self._budget = budget
        self._pc = int(uc.reg_read(arm64_const.UC_ARM64_REG_PC))
        self._state = registers.state(uc)

    def error(self, ending: Ending) -> EmulationError:
        """Return the error that describes `ending`, not raised yet."""
        if ending.stop is Stop.BUDGET:
            return self._runaway()
        if ending.stop is Stop.MISALIGNED:
            return self._bad_jump(ending.last_block, "which is no multiple of four")
        if ending.access is not None:
            return self._bad_access(ending.access, ending.last_block)
        if ending.exception is not None:
            return self._exception(ending.exception)
        if ending.error is None:
            return self._stopped("waits for an interrupt, which never comes; remove it")
        reason = f"the emulator refused it ({ending.error})"
        return IllegalInstructionError(f"{self._at(self._pc)}: {reason}; remove the instruction", self._state)

    def _stopped(self, why: str) -> SystemCallError:
        """Describe an end behind whose instruction the program counter is."""
        return SystemCallError(f"{self._at(self._pc - INSTRUCTION_BYTES)}: {why}", self._state)

    def _runaway(self) -> RunawayError:
        return RunawayError(
            f"{self._at(self._pc)}: '{self._function}' ran for its budget of {self._budget} instructions without "
            "returning; correct its loop, or raise the budget",
            self._state,
        )

    def _bad_access(self, access: InvalidAccess, last_block: Block | None) -> MemoryFaultError:
        place = self._place(access.address)
        if access.kind in _FETCHES:
            return self._bad_jump(last_block, place)
        kind = "store to" if access.kind in _WRITES else "load from"
        return MemoryFaultError(
            f"{self._at(self._pc)}: {access.size}-byte {kind} {access.address:#x}, {place}", self._state
        )

    def _bad_jump(self, last_block: Block | None, place: str) -> MemoryFaultError:
        if last_block is None:
            return MemoryFaultError(f"'{self._function}' starts at {self._pc:#x}, {place}", self._state)
        branch = last_block.address + (last_block.instructions - 1) * INSTRUCTION_BYTES
        return MemoryFaultError(f"{self._at(branch)}: jumps to {self._pc:#x}, {place}", self._state)

    def _exception(self, number: int) -> EmulationError:
        if number in _CALLS:
            return self._stopped(f"system call; {_NEVER_PRESENT}")
        where = self._at(self._pc)
        if number == _BREAKPOINT:
            return SystemCallError(f"{where}: breakpoint; remove it, {_NEVER_PRESENT}", self._state)
        if number == _DATA_ABORT:
            return MemoryFaultError(f"{where}: misaligned address for an access that must be aligned", self._state)
        if number == _UNDEFINED:
            return IllegalInstructionError(f"{where}: undefined instruction, or data executed as code", self._state)
        return IllegalInstructionError(f"{where}: processor exception {number}", self._state)

    def _at(self, address: int) -> str:
        index = self._program.find(address)
        if index is None:
            return f"{address:#x} (no code there)"
        instruction = self._program.instructions[index]
        where = instruction.source or self._function
        return f"{where} ({address:#x}): '{instruction.text}'"

    def _place(self, address: int) -> str:
        region = nearest(self._regions, address)
        if region is not None:
            return region.locate(address)
        if address < PAGE_BYTES:
            return NULL_POINTER
        unset = registers.unset_near(address)
        if unset is not None:
            return f"formed from {unset}, which nobody set: give the function as many arguments as it takes"
        return "far from everything mapped"
