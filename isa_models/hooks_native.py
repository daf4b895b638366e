"""Compiled hooks: plans for the blocks that run, and the trace from what `isa_models.hooks_compiled` records."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import unicorn
from numpy.typing import NDArray
from unicorn import arm64_const

from isa_models import hooks_compiled as compiled
from isa_models import unicorn_handle
from isa_models.block_plan import REGISTERS, Probes
from isa_models.errors import InputError, IsaModelError, UnsupportedInstructionError
from isa_models.hooks import Block, Stop
from isa_models.isa_features import feature_of_mnemonic
from isa_models.plan_words import program_plans
from isa_models.program import INSTRUCTION_BYTES, Program
from isa_models.registers import GENERAL
from isa_models.trace import Trace

DEFAULT_CAPACITY = 1 << 15
"""Accesses, and runs of instructions, that there is room for from the start, so that short traces are cheap."""

_USUAL_CAPACITY = 1 << 22
"""The same for traces that outgrow it, at most. Memory that is not written to is never taken from the system."""

_GROWTH = 4
"""By this factor it grows after that."""

LARGEST_CODE_WORDS = 1 << 22
"""From the first instruction of a program to its last."""

_PLAN_WORDS = 1 << 18
"""Room for plans; once it is full all of them are forgotten."""

_PROBE_RANGES = 4
"""Code hooks at most. Unicorn calls a single one directly, but goes through all where there are several."""

_WIDE_GAP = 64
"""Bytes without a probe for which a further hook is worth its while: 16 calls of a hook that does nothing."""

_STOPS = {0: Stop.NONE, compiled.BUDGET_STOP: Stop.BUDGET, compiled.MISALIGNED_STOP: Stop.MISALIGNED}


class NativeHooks:
    """Compiled hooks of one `Uc`.

    Args:
        uc: The engine; nothing has run on it yet.
        program: The code that it runs.
        tracing: Whether to record the trace. Without it only the budget is kept, at almost no cost.
        capacity: Accesses, and runs of instructions, that there is room for before more has to be made.

    """

    def __init__(self, uc: unicorn.Uc, program: Program, *, tracing: bool, capacity: int = DEFAULT_CAPACITY) -> None:
        self._uc = uc
        self._budget = 0
        self._recorder = _Recorder(uc, program, capacity) if tracing else None
        self._state = np.zeros(compiled.HEADER_WORDS, np.int64) if self._recorder is None else self._recorder.state
        self._state[compiled.ENGINE] = unicorn_handle.engine(uc)
        self._state[compiled.STOP_FUNCTION] = unicorn_handle.stop_function()
        if self._recorder is None:
            block = compiled.budget_hook().address
            unicorn_handle.add_compiled_hook(uc, unicorn.UC_HOOK_BLOCK, block, self._state.ctypes.data)

    def begin(self, budget: int) -> None:
        """Start a run that may execute `budget` instructions."""
        self._budget = budget
        self._state[compiled.LEFT] = budget
        self._state[compiled.STOP] = 0
        self._state[compiled.LAST_SIZE] = 0
        if self._recorder is not None:
            self._recorder.begin(budget)

    def finish(self) -> Stop:
        """Tell why the hooks ended the run; raises what a callback raised."""
        if self._recorder is not None:
            self._recorder.check()
        return _STOPS[int(self._state[compiled.STOP])]

    @property
    def executed(self) -> int:
        """Instructions executed since `begin`, whole blocks."""
        return self._budget - int(self._state[compiled.LEFT])

    @property
    def last_block(self) -> Block | None:
        """The last block that was entered, None before the first."""
        size = int(self._state[compiled.LAST_SIZE])
        return Block(int(self._state[compiled.LAST_ADDRESS]), size // INSTRUCTION_BYTES) if size else None

    def trace(self) -> Trace:
        """Return the trace since `begin`."""
        if self._recorder is None:
            raise IsaModelError("these hooks record no trace: report it")
        return self._recorder.trace(self.executed)


class _Recorder:
    """The part of the hooks that traces: lays out the state, plans blocks on demand and makes room for the trace."""

    def __init__(self, uc: unicorn.Uc, program: Program, capacity: int) -> None:
        self._uc = uc
        self._program = program
        self._program_plans = program_plans(program)
        self._probes = self._program_plans.probes
        self._raised: BaseException | None = None
        self._grow_callback = _CALLBACK(self._grow)
        self._plan_callback = _CALLBACK(self._plan)
        self._budget = 0
        self._recorded = self._short = _Recorded.of_capacity(capacity, capacity)

        words = _code_words(program)
        self._plan_table = compiled.HEADER_WORDS
        self._probe_table = self._plan_table + words
        self._plans = self._plan_cursor = self._probe_table + (words if self._probes else 0)
        self.state = np.empty(self._plans + _PLAN_WORDS, np.int64)
        self.state[: self._plans] = 0  # the rest is written before it is read, and most of it never
        self.state[compiled.FIRST_CODE] = program.addresses[0]
        self.state[compiled.CODE_WORDS] = words
        self.state[compiled.PLAN_TABLE] = self._plan_table
        self.state[compiled.PROBE_TABLE] = self._probe_table
        self.state[compiled.READ_FUNCTION] = unicorn_handle.read_function()
        self.state[compiled.GROW_FUNCTION] = unicorn_handle.address_of(self._grow_callback)
        self.state[compiled.PLAN_FUNCTION] = unicorn_handle.address_of(self._plan_callback)
        self.state[compiled.SLOTS_ADDRESS] = self.state.ctypes.data + compiled.SLOTS * self.state.itemsize
        numbers = slice(compiled.REGISTER_NUMBERS, compiled.REGISTER_NUMBERS + REGISTERS)
        self.state[numbers] = [*GENERAL, arm64_const.UC_ARM64_REG_SP]
        self._block_hook = compiled.tracing_hook()
        unicorn_handle.add_compiled_hook(uc, unicorn.UC_HOOK_BLOCK, self._block_hook.address, self.state.ctypes.data)
        self._add_probes()

    def begin(self, budget: int) -> None:
        """Forget the run before."""
        self._budget = budget
        self._raised = None
        for field in (compiled.PENDING, compiled.REPEATED_SIZE, compiled.KNOWN, compiled.CULPRIT):
            self.state[field] = 0
        self.state[compiled.RUNS] = self.state[compiled.ACCESSES] = 0
        self.state[compiled.FOLLOWING] = self.state[compiled.REPEATED_ADDRESS] = -1
        self._record_to(self._short)

    def check(self) -> None:
        """Raise what a callback raised: compiled code cannot pass it on."""
        if self._raised is not None:
            raise self._raised

    def trace(self, executed: int) -> Trace:
        """Return the trace of a run that executed so many instructions."""
        self._block_hook.ctypes(None, 0, 0, self.state.ctypes.data)
        self.check()
        culprit = int(self.state[compiled.CULPRIT])
        if culprit == compiled.FOREIGN:
            raise IsaModelError("code outside of the program was executed: report it")
        if culprit:
            instruction = self._program.instruction(self._program.index_of(culprit))
            feature = feature_of_mnemonic(instruction.mnemonic)
            raise UnsupportedInstructionError(instruction.text, instruction.address, instruction.source, feature)
        runs, accesses = int(self.state[compiled.RUNS]), int(self.state[compiled.ACCESSES])
        first, length, address = self._recorded.parts(runs, accesses)
        if self._recorded is self._short:  # it is written to again
            first, length, address = first.copy(), length.copy(), address.copy()
        self._record_to(self._short)
        if length.sum(dtype=np.int64) != executed:
            raise IsaModelError(f"the trace is not of the {executed} instructions that ran: report it")
        return Trace(self._program, first, length, address)

    def _add_probes(self) -> None:
        """Have the registers read that no plan can work out, and only there."""
        if not self._probes:
            return
        first = self._program.addresses[0]
        for index, registers in self._probes.items():
            word = (self._program.addresses[index] - first) // INSTRUCTION_BYTES
            self.state[self._probe_table + word] = sum(1 << register for register in registers)
        hook = compiled.probing_hook().address
        for begin, end in _ranges(self._program, self._probes):
            data = self.state.ctypes.data
            unicorn_handle.add_compiled_hook(self._uc, unicorn.UC_HOOK_CODE, hook, data, begin, end)

    def _record_to(self, recorded: _Recorded) -> None:
        self._recorded = recorded
        self.state[compiled.RUN_ROOM] = recorded.first.size
        self.state[compiled.ACCESS_ROOM] = recorded.address.size
        self.state[compiled.FIRST_ADDRESS] = recorded.first.ctypes.data
        self.state[compiled.LENGTH_ADDRESS] = recorded.length.ctypes.data
        self.state[compiled.ACCESS_ADDRESS] = recorded.address.ctypes.data

    def _grow(self, _: int | None) -> int:
        """Make room for the block that ran last; called by compiled code."""
        try:
            runs, accesses = int(self.state[compiled.RUNS]), int(self.state[compiled.ACCESSES])
            turns = int(self.state[compiled.TURNS])
            usual = min(self._budget, _USUAL_CAPACITY)
            pending = int(self.state[compiled.PENDING])
            larger = _Recorded.of_capacity(
                max(usual, (runs + turns) * _GROWTH),
                max(usual, (accesses + turns * int(self.state[pending + compiled.PLAN_ACCESSES])) * _GROWTH),
            )
            larger.take_over(self._recorded, runs, accesses)
            self._record_to(larger)
        except BaseException as error:  # Ctrl-C and MemoryError too: kept for `check`
            self._fail(error)
        return 0

    def _plan(self, _: int | None) -> int:
        """Plan the block that is about to run; called by compiled code."""
        try:
            address, size = int(self.state[compiled.LAST_ADDRESS]), int(self.state[compiled.LAST_SIZE])
            word = (address - self._program.addresses[0]) // INSTRUCTION_BYTES
            self.state[self._plan_table + word] = 0
            plan = self._plan_of(address, size // INSTRUCTION_BYTES)
            if plan is not None:
                self.state[self._plan_table + word] = self._keep(plan)
        except BaseException as error:
            self._fail(error)
        return 0

    def _plan_of(self, address: int, count: int) -> NDArray[np.int64] | None:
        """Plan the block of `count` instructions at `address`, None where some of it is not in the program."""
        first = self._program.find(address)
        if first is None or self._program.find(address + (count - 1) * INSTRUCTION_BYTES) != first + count - 1:
            return None
        return self._program_plans.words(first, count)

    def _keep(self, words: NDArray[np.int64]) -> int:
        """Write a plan into the state; return where it lies."""
        if self._plan_cursor + words.size > self.state.size:
            self.state[self._plan_table : self._probe_table] = 0
            self._plan_cursor = self._plans
        place = self._plan_cursor
        self._plan_cursor += words.size
        self.state[place : self._plan_cursor] = words
        return place

    def _fail(self, error: BaseException) -> None:
        self._raised = error
        self._uc.emu_stop()


@dataclass(frozen=True, slots=True, eq=False)
class _Recorded:
    """What compiled code records: the arrays of a trace, with room at their ends."""

    first: NDArray[np.int32]
    length: NDArray[np.int32]
    address: NDArray[np.int64]

    @classmethod
    def of_capacity(cls, runs: int, accesses: int) -> _Recorded:
        """Make room for so many."""
        return cls(np.empty(runs, np.int32), np.empty(runs, np.int32), np.empty(accesses, np.int64))

    def parts(self, runs: int, accesses: int) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
        """Return what is filled."""
        return self.first[:runs], self.length[:runs], self.address[:accesses]

    def take_over(self, smaller: _Recorded, runs: int, accesses: int) -> None:
        """Copy what is filled of another one."""
        self.first[:runs] = smaller.first[:runs]
        self.length[:runs] = smaller.length[:runs]
        self.address[:accesses] = smaller.address[:accesses]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)


def _code_words(program: Program) -> int:
    """Words from the first instruction to the last, gaps included."""
    words = (program.addresses[-1] - program.addresses[0]) // INSTRUCTION_BYTES + 1
    if words > LARGEST_CODE_WORDS:
        raise InputError(
            f"code spans {words * INSTRUCTION_BYTES} bytes, too far to trace: link its parts closer together"
        )
    return words


def _ranges(program: Program, probes: Probes) -> list[tuple[int, int]]:
    """Addresses, first and last, of a few pieces of code with all probes in them and the widest gaps between them."""
    places = program.address_array[sorted(probes)]
    gaps = np.diff(places)
    widest = np.argsort(-gaps, kind="stable")[: _PROBE_RANGES - 1]
    cuts = np.sort(widest[gaps[widest] > _WIDE_GAP]) + 1
    return [(int(piece[0]), int(piece[-1])) for piece in np.split(places, cuts)]
