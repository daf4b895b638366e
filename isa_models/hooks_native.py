"""Hooks compiled by numba: one stream of block and access events, expanded to a trace after the run.

Unicorn calls them as C functions, so no Python runs while the code is emulated, except for `_drain` whenever the
stream is full. A hook on every instruction works out the address of a load or store from its base register: that is
twice as fast as Unicorn's own memory events, which take the emulator's slow path and come in pieces of at most eight
bytes. All state is in one int64 array, whose address is the hooks' user data: a header, one row for each word of code
that says how it forms its address, then the events as `isa_models.joining` describes them.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import unicorn
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray
from unicorn import arm64_const

from isa_models import unicorn_handle
from isa_models.addressing import BASE_IS_SP, Extend, UnknownEncodingError, address_form
from isa_models.errors import InputError
from isa_models.hooks import Block, Stop
from isa_models.joining import ACCESS, ADDRESS_BITS, ADDRESS_MASK, BLOCK_FLAG, COUNT_MASK, NO_ACCESS, UNKNOWN, join
from isa_models.program import INSTRUCTION_BYTES, Instruction, Program
from isa_models.registers import GENERAL
from isa_models.trace import Trace

DEFAULT_CAPACITY = 1 << 20
"""Events between two drains of the stream: 8 MiB."""

LARGEST_CODE_WORDS = 1 << 22
"""From the first instruction of a program to its last."""

# Header fields of the state array. Unsigned, so that compiled code need not test for a negative index.
_LEFT, _STOP, _LAST_BLOCK, _CURSOR, _FULL, _FIRST_CODE, _CODE_WORDS, _REGISTER = map(np.uint64, range(8))
_REGISTER_ADDRESS, _READ_FUNCTION, _STOP_FUNCTION, _DRAIN_FUNCTION, _ROWS = map(np.uint64, range(8, 13))

# Fields of a row, all zero for a word that accesses no memory. Registers are Unicorn's numbers, 0 for none.
_KIND, _OFFSET, _BASE, _INDEX, _EXTEND, _SHIFT, _ROW_WORDS = map(np.uint64, range(7))

_SPAN = 1 << 40  # a length for views of the state: more than it ever has

_STOP_BUDGET, _STOP_MISALIGNED = int(Stop.BUDGET), int(Stop.MISALIGNED)
_UNSIGNED_WORD, _SIGNED_WORD = int(Extend.UNSIGNED_WORD), int(Extend.SIGNED_WORD)

_SIGNATURE = types.void(types.voidptr, types.uint64, types.uint32, types.voidptr)


class NativeHooks:
    """Compiled hooks of one `Uc`.

    Args:
        uc: The engine; nothing has run on it yet.
        program: The code that it runs.
        tracing: Whether to record events. Without it only the budget is kept, at almost no cost.
        capacity: Events that fit the stream before it is drained.

    """

    def __init__(self, uc: unicorn.Uc, program: Program, *, tracing: bool, capacity: int = DEFAULT_CAPACITY) -> None:
        self._uc = uc
        self._program = program
        self._budget = 0
        self._chunks: list[NDArray[np.int64]] = []
        self._raised: BaseException | None = None
        self._drain_callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(self._drain)
        rows = _rows(program) if tracing else np.zeros((0, int(_ROW_WORDS)), np.int64)
        self._events_start = int(_ROWS) + rows.size
        self._state = np.zeros(self._events_start + (capacity if tracing else 0), np.int64)
        self._state[int(_ROWS) : self._events_start] = rows.ravel()
        self._state[_FULL] = self._state.size
        self._state[_FIRST_CODE] = program.addresses[0]
        self._state[_CODE_WORDS] = len(rows)
        self._state[_REGISTER_ADDRESS] = self._state.ctypes.data + int(_REGISTER) * self._state.itemsize
        self._state[_READ_FUNCTION] = unicorn_handle.read_function()
        self._state[_STOP_FUNCTION] = unicorn_handle.stop_function()
        self._state[_DRAIN_FUNCTION] = unicorn_handle.address_of(self._drain_callback)
        self._kinds = self._kinds_of(rows)
        user_data = self._state.ctypes.data
        block = _on_traced_block if tracing else _on_block
        unicorn_handle.add_compiled_hook(uc, unicorn.UC_HOOK_BLOCK, block.address, user_data)
        if tracing:
            unicorn_handle.add_compiled_hook(uc, unicorn.UC_HOOK_CODE, _on_instruction.address, user_data)

    def begin(self, budget: int) -> None:
        """Start a run that may execute `budget` instructions."""
        self._budget = budget
        self._chunks.clear()
        self._raised = None
        self._state[_LEFT] = budget
        self._state[_STOP] = Stop.NONE
        self._state[_LAST_BLOCK] = 0
        self._state[_CURSOR] = self._events_start

    def finish(self) -> Stop:
        """Tell why the hooks ended the run; raises what draining the stream raised."""
        if self._raised is not None:
            raise self._raised
        return Stop(int(self._state[_STOP]))

    @property
    def executed(self) -> int:
        """Instructions executed since `begin`, whole blocks."""
        return self._budget - int(self._state[_LEFT])

    @property
    def last_block(self) -> Block | None:
        """The last block that was entered, None before the first."""
        event = int(self._state[_LAST_BLOCK])
        return Block(event & ADDRESS_MASK, event >> ADDRESS_BITS & COUNT_MASK) if event else None

    def trace(self) -> Trace:
        """Expand the blocks, and give each load and store its address."""
        trace = join(self._program, self._kinds, [*self._chunks, self._filled()], self.executed)
        self._chunks.clear()
        return trace

    def _kinds_of(self, rows: NDArray[np.int64]) -> NDArray[np.int8]:
        words = (np.array(self._program.addresses, np.int64) - self._program.addresses[0]) // INSTRUCTION_BYTES
        return rows[words, int(_KIND)].astype(np.int8) if len(rows) else np.zeros(0, np.int8)

    def _filled(self) -> NDArray[np.int64]:
        return self._state[self._events_start : int(self._state[_CURSOR])]

    def _drain(self, _: int | None) -> int:
        """Make room in the stream; called by the compiled hooks, which cannot pass an exception on."""
        try:
            self._chunks.append(self._filled().copy())
        except BaseException as error:  # Ctrl-C and MemoryError too: kept for `finish`
            self._raised = error
            self._uc.emu_stop()
        self._state[_CURSOR] = self._events_start
        return 0


def _rows(program: Program) -> NDArray[np.int64]:
    """How each word of code forms its address, from the first instruction to the last, gaps included."""
    first, last = program.addresses[0], program.addresses[-1]
    words = (last - first) // INSTRUCTION_BYTES + 1
    if words > LARGEST_CODE_WORDS:
        raise InputError(
            f"code spans {words * INSTRUCTION_BYTES} bytes, too far to trace: link its parts closer together"
        )
    rows = np.zeros((words, int(_ROW_WORDS)), np.int64)
    for instruction in program.instructions:
        rows[(instruction.address - first) // INSTRUCTION_BYTES] = _row(instruction)
    return rows


def _row(instruction: Instruction) -> tuple[int, ...]:
    try:
        form = address_form(instruction)
    except UnknownEncodingError:
        return (UNKNOWN, 0, 0, 0, 0, 0)
    if form is None:
        return (NO_ACCESS, 0, 0, 0, 0, 0)
    base = 0 if form.base is None else _BASES[form.base]
    index = 0 if form.index is None else GENERAL[form.index]
    return (ACCESS, form.offset, base, index, int(form.extend), form.shift)


_BASES = {**dict(enumerate(GENERAL)), BASE_IS_SP: arm64_const.UC_ARM64_REG_SP}


# Compiled callbacks are compiled on import: what they call comes before them.

_POINTER = ir.IntType(8).as_pointer()


@intrinsic
def _call(_typing_context: Any, _function: Any, _argument: Any) -> Any:
    """Call `int function(void *argument)`, given the function's address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [_POINTER])
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), [arguments[1]])

    return types.int32(types.int64, types.voidptr), generate


@intrinsic
def _call_read(_typing_context: Any, _function: Any, _uc: Any, _register: Any, _value_address: Any) -> Any:
    """Call `int function(void *uc, int register, void *value)`, given the addresses of function and value."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [_POINTER, ir.IntType(32), _POINTER])
        function = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.call(function, [arguments[1], arguments[2], builder.inttoptr(arguments[3], _POINTER)])

    return types.int32(types.int64, types.voidptr, types.int32, types.int64), generate


@njit(cache=True)
def _enter_block(state: Any, uc: Any, address: Any, size: Any) -> Any:
    """Count the block's instructions, or end the run; return whether the block may run."""
    instructions = np.int64(size // INSTRUCTION_BYTES)
    left = state[_LEFT] - instructions
    if left < 0 or address % INSTRUCTION_BYTES:
        state[_STOP] = _STOP_BUDGET if left < 0 else _STOP_MISALIGNED
        _call(state[_STOP_FUNCTION], uc)
        return False
    state[_LEFT] = left
    state[_LAST_BLOCK] = np.int64(address) | instructions << ADDRESS_BITS | BLOCK_FLAG
    return True


@njit(cache=True)
def _record(state: Any, uc: Any, event: Any) -> None:
    if state[_CURSOR] == state[_FULL]:
        _call(state[_DRAIN_FUNCTION], uc)
    state[np.uint64(state[_CURSOR])] = event
    state[_CURSOR] += 1


@njit(cache=True)
def _read_register(state: Any, uc: Any, register: Any) -> Any:
    _call_read(state[_READ_FUNCTION], uc, np.int32(register), state[_REGISTER_ADDRESS])
    return state[_REGISTER]


@cfunc(_SIGNATURE, cache=True)
def _on_block(uc: Any, address: Any, size: Any, user_data: Any) -> None:
    """Keep the budget."""
    _enter_block(carray(user_data, _SPAN, np.int64), uc, address, size)


@cfunc(_SIGNATURE, cache=True)
def _on_traced_block(uc: Any, address: Any, size: Any, user_data: Any) -> None:
    """Keep the budget and record the block."""
    state = carray(user_data, _SPAN, np.int64)
    if _enter_block(state, uc, address, size):
        _record(state, uc, state[_LAST_BLOCK])


@cfunc(_SIGNATURE, cache=True)
def _on_instruction(uc: Any, address: Any, _size: Any, user_data: Any) -> None:
    """Record the address that the instruction is about to load or store."""
    state = carray(user_data, _SPAN, np.int64)
    word = (address - np.uint64(state[_FIRST_CODE])) // np.uint64(INSTRUCTION_BYTES)
    if word >= np.uint64(state[_CODE_WORDS]):  # below the code too, as the difference is unsigned
        return
    row = _ROWS + word * _ROW_WORDS
    if state[row + _KIND] != ACCESS:
        return
    where = state[row + _OFFSET]
    if state[row + _BASE]:
        where += _read_register(state, uc, state[row + _BASE])
    if state[row + _INDEX]:
        index = _read_register(state, uc, state[row + _INDEX])
        if state[row + _EXTEND] == _UNSIGNED_WORD:
            index = np.int64(np.uint32(index))
        elif state[row + _EXTEND] == _SIGNED_WORD:
            index = np.int64(np.int32(index))
        where += index << state[row + _SHIFT]
    _record(state, uc, where & ADDRESS_MASK)
