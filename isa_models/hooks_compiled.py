"""The hooks that Unicorn calls while code runs, compiled by numba, and the state that they share with Python.

Unicorn calls them as C functions. All state is in one int64 array, whose address is the hooks' user data: a header,
tables and the plans of blocks (`isa_models.block_plan`). Python runs only for a block that has no plan yet, and where
there is no more room for the trace.

numba notices changes in this file only when it looks for compiled code on disk, so no constant comes from another one.

A block is recorded when the next one starts: by then its probes have been read. A block that follows itself without
need of any register, as the body of an inner loop does, is merely counted, and recorded once for all turns.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, cfunc, njit, types
from numba.extending import intrinsic

from isa_models.compilation import cached

INSTRUCTION_BYTES = 4

LONGEST_RUN = 512
"""Instructions that one entry of a trace joins at most."""

ADDRESS_MASK = (1 << 48) - 1

FOREIGN = -1
"""As the culprit of a block: it is no code of the program."""

# ---- header ----

LEFT = 0
"""Instructions left of the budget."""
STOP, BUDGET_STOP, MISALIGNED_STOP = 1, 2, 3
"""Why the hooks ended the run; what they set it to."""
LAST_ADDRESS, LAST_SIZE = 4, 5
"""The last block entered, in bytes; size 0 before the first."""
PENDING, TURNS = 6, 7
"""The plan of the block that is not recorded yet, 0 for none, and how often it ran."""
REPEATED_ADDRESS, REPEATED_SIZE = 8, 9
"""That block, where it may merely be counted if it follows itself; else size 0."""
KNOWN = 10
"""Registers that are known at the end of that block, a bit mask."""
CULPRIT = 11
"""The first block's culprit since the run began, 0 for none."""
FOLLOWING = 12
"""Index of the instruction behind the run that was recorded last; -1 where it cannot be extended."""
RUNS, RUN_ROOM, ACCESSES, ACCESS_ROOM = 13, 14, 15, 16
"""Runs of neighbouring instructions and accesses recorded so far, and how many there is room for."""
FIRST_CODE, CODE_WORDS, PLAN_TABLE = 17, 18, 19
"""Address of the first instruction, words to the last, and where the plan of the block that starts at each lies."""
PROBE_TABLE, PROBED = 20, 21
"""Where the bit mask of registers to be read before each word lies, and how many were read in the pending block."""
ENGINE, READ_FUNCTION, STOP_FUNCTION, GROW_FUNCTION, PLAN_FUNCTION = 22, 23, 24, 25, 26
SLOTS_ADDRESS = 27
"""Of the first slot in memory."""
FIRST_ADDRESS, LENGTH_ADDRESS, ACCESS_ADDRESS = 28, 29, 30
"""Of what is recorded, as in `isa_models.trace`."""

REGISTERS = 32
REGISTER_NUMBERS = 32
"""Unicorn's numbers of x0 to x30 and sp."""
BEFORE = REGISTER_NUMBERS + REGISTERS
"""Slots 0 to 31 a turn before."""
SLOTS = BEFORE + REGISTERS
SLOT_COUNT = 4096
PROBE_VALUES = SLOTS + SLOT_COUNT
PROBE_COUNT = 4096
HEADER_WORDS = PROBE_VALUES + PROBE_COUNT

# ---- a plan: its header, then its steps ----

PLAN_SIZE, PLAN_FIRST, PLAN_COUNT, PLAN_NEEDED, PLAN_KEPT, PLAN_FOUND = range(6)
PLAN_REPEATS, PLAN_STEADY, PLAN_CULPRIT = 6, 7, 8
PLAN_SUMS, PLAN_ACCESSES, PLAN_MOVES = 9, 10, 11
"""How many steps of each phase there are; they follow in this order."""
PLAN_HEADER = 12
SUM_TARGET, SUM_BASE, SUM_OFFSET, SUM_INDEX, SUM_EXTEND, SUM_FACTOR, SUM_MASK, SUM_WORDS = range(8)
PROBED_BASE = -1
"""As the base of a sum: the value of a probe."""
ACCESS_BASE, ACCESS_OFFSET, ACCESS_INDEX, ACCESS_FACTOR, ACCESS_WORDS = range(5)
MOVE_TARGET, MOVE_BASE, MOVE_OFFSET, MOVE_WORDS = range(4)
UNSIGNED_WORD, SIGNED_WORD = 1, 2
"""As in `isa_models.addressing.Extend`."""

_FEWEST_EXTRAPOLATED = 4
"""Turns: the first need not be steady, the second and third give the distance, and the last sets the registers."""

_TURNS_AT_A_TIME = 64
"""Extrapolated before going on to the next access, so that what is written stays in the cache."""

_SPAN = 1 << 40  # a length for views of the state: more than it ever has

_OPTIONS: dict[str, Any] = {"error_model": "numpy", "forceinline": True}
"""No test for division by zero; everything becomes part of the hook, where what is constant is known."""

_SIGNATURE = types.void(types.voidptr, types.uint64, types.uint32, types.voidptr)


@cache
def budget_hook() -> Any:
    """Return the block hook that only keeps the budget, compiled or loaded on first use."""
    return cached(cfunc, _SIGNATURE)(_on_block)


@cache
def tracing_hook() -> Any:
    """Return the block hook that records the trace, compiled or loaded on first use."""
    return cached(cfunc, _SIGNATURE)(_on_traced_block)


@cache
def probing_hook() -> Any:
    """Return the code hook that reads registers, compiled or loaded on first use."""
    return cached(cfunc, _SIGNATURE)(_on_probe)


@intrinsic
def _pointer(_typing_context: Any, _address: Any) -> Any:
    """Make a pointer of an address."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


@intrinsic
def _call(_typing_context: Any, _function: Any, _argument: Any) -> Any:
    """Call `int function(void *argument)`, given both as addresses."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.IntType(32), [pointer])
        return builder.call(
            builder.inttoptr(arguments[0], kind.as_pointer()), [builder.inttoptr(arguments[1], pointer)]
        )

    return types.int32(types.int64, types.int64), generate


@intrinsic
def _call_read(_typing_context: Any, _function: Any, _engine: Any, _register: Any, _target: Any) -> Any:
    """Call `int function(void *engine, int register, void *target)`, the pointers given as addresses."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(integer, [pointer, integer, pointer])
        function, engine, register, target = arguments
        return builder.call(
            builder.inttoptr(function, kind.as_pointer()),
            [builder.inttoptr(engine, pointer), register, builder.inttoptr(target, pointer)],
        )

    return types.int32(types.int64, types.int64, types.int32, types.int64), generate


@njit(**_OPTIONS)
def _view(address: Any, kind: Any) -> Any:
    """Return the array of numbers of some kind that starts at an address."""
    return carray(_pointer(address), _SPAN, kind)


@njit(**_OPTIONS)
def _stop(state: Any, reason: Any) -> None:
    state[STOP] = reason
    _call(state[STOP_FUNCTION], state[ENGINE])


@njit(**_OPTIONS)
def _may_run(state: Any, address: Any, size: Any) -> Any:
    """Take a block's instructions from the budget, or end the run; return whether the block may run."""
    left = state[LEFT] - size // INSTRUCTION_BYTES
    if left < 0 or address % INSTRUCTION_BYTES:
        _stop(state, BUDGET_STOP if left < 0 else MISALIGNED_STOP)
        return False
    state[LEFT] = left
    state[LAST_ADDRESS] = address
    state[LAST_SIZE] = size
    return True


@njit(**_OPTIONS)
def _sum_up(state: Any, step: Any, end: Any) -> None:
    """Set intermediate slots."""
    slots, probed = np.uint64(SLOTS), np.uint64(PROBE_VALUES)
    while step < end:
        base = state[step + np.uint64(SUM_BASE)]
        if base == PROBED_BASE:
            value = state[probed]
            probed += np.uint64(1)
        else:
            value = state[slots + np.uint64(base)]
        index = state[slots + np.uint64(state[step + np.uint64(SUM_INDEX)])]
        extend = state[step + np.uint64(SUM_EXTEND)]
        if extend == UNSIGNED_WORD:
            index = np.int64(np.uint32(index))
        elif extend == SIGNED_WORD:
            index = np.int64(np.int32(index))
        value += state[step + np.uint64(SUM_OFFSET)] + index * state[step + np.uint64(SUM_FACTOR)]
        state[slots + np.uint64(state[step + np.uint64(SUM_TARGET)])] = value & state[step + np.uint64(SUM_MASK)]
        step += np.uint64(SUM_WORDS)


@njit(**_OPTIONS)
def _list_accesses(state: Any, step: Any, end: Any, accesses: Any, cursor: Any) -> Any:
    """Write addresses from `cursor` on; return where they end."""
    slots = np.uint64(SLOTS)
    while step < end:
        base = state[slots + np.uint64(state[step + np.uint64(ACCESS_BASE)])]
        index = state[slots + np.uint64(state[step + np.uint64(ACCESS_INDEX)])]
        address = base + state[step + np.uint64(ACCESS_OFFSET)] + index * state[step + np.uint64(ACCESS_FACTOR)]
        accesses[cursor] = address & ADDRESS_MASK
        cursor += np.uint64(1)
        step += np.uint64(ACCESS_WORDS)
    return cursor


@njit(**_OPTIONS)
def _move(state: Any, step: Any, end: Any) -> None:
    """Bring slots 0 to 31 to the end of the block."""
    slots = np.uint64(SLOTS)
    while step < end:
        base = state[slots + np.uint64(state[step + np.uint64(MOVE_BASE)])]
        state[slots + np.uint64(state[step + np.uint64(MOVE_TARGET)])] = base + state[step + np.uint64(MOVE_OFFSET)]
        step += np.uint64(MOVE_WORDS)


@njit(**_OPTIONS)
def _walk(state: Any, plan: Any, accesses: Any, cursor: Any) -> Any:
    """Go through a plan once; write the addresses from `cursor` on, and return where they end."""
    sums = plan + np.uint64(PLAN_HEADER)
    listed = sums + np.uint64(state[plan + np.uint64(PLAN_SUMS)]) * np.uint64(SUM_WORDS)
    moves = listed + np.uint64(state[plan + np.uint64(PLAN_ACCESSES)]) * np.uint64(ACCESS_WORDS)
    end = moves + np.uint64(state[plan + np.uint64(PLAN_MOVES)]) * np.uint64(MOVE_WORDS)
    _sum_up(state, sums, listed)
    cursor = _list_accesses(state, listed, moves, accesses, cursor)
    _move(state, moves, end)
    return cursor


@njit(**_OPTIONS)
def _extrapolate(state: Any, accesses: Any, count: Any, cursor: Any, turns: Any) -> Any:
    """Continue the last two turns, of `count` accesses each, of a steady loop: addresses, and slots 0 to 31 too."""
    for register in range(REGISTERS):
        state[SLOTS + register] += turns * (state[SLOTS + register] - state[BEFORE + register])
    left = turns
    while left > 0:
        piece = min(left, _TURNS_AT_A_TIME)
        for access in range(count):
            target = cursor + np.uint64(access)
            value = accesses[target - count]
            distance = value - accesses[target - count - count]
            for _ in range(piece):
                value += distance
                accesses[target] = value & ADDRESS_MASK
                target += count
        cursor += np.uint64(piece) * count
        left -= piece
    return cursor


@njit(**_OPTIONS)
def _record_accesses(state: Any, plan: Any, count: Any, turns: Any) -> None:
    """Write the addresses of some turns of a block; there is room for them."""
    accesses = _view(state[ACCESS_ADDRESS], np.int64)
    cursor = np.uint64(state[ACCESSES])
    if turns >= _FEWEST_EXTRAPOLATED and state[plan + np.uint64(PLAN_STEADY)]:
        cursor = _walk(state, plan, accesses, cursor)
        for register in range(REGISTERS):
            state[BEFORE + register] = state[SLOTS + register]
        cursor = _walk(state, plan, accesses, cursor)
        cursor = _extrapolate(state, accesses, count, cursor, turns - 3)
        turns = 1
    for _ in range(turns):
        cursor = _walk(state, plan, accesses, cursor)
    state[ACCESSES] = np.int64(cursor)


@njit(**_OPTIONS)
def _record_runs(state: Any, first: Any, count: Any, turns: Any) -> None:
    """Write that a block ran some times in a row; there is room for it."""
    firsts, lengths = _view(state[FIRST_ADDRESS], np.int32), _view(state[LENGTH_ADDRESS], np.int32)
    cursor = np.uint64(state[RUNS])
    if first == state[FOLLOWING] and lengths[cursor - np.uint64(1)] + count <= LONGEST_RUN:
        lengths[cursor - np.uint64(1)] += np.int32(count)
        turns -= 1
    for _ in range(turns):
        firsts[cursor] = first
        lengths[cursor] = count
        cursor += np.uint64(1)
    state[RUNS] = np.int64(cursor)
    state[FOLLOWING] = first + count


@njit(**_OPTIONS)
def _has_room(state: Any, runs: Any, accesses: Any) -> Any:
    return state[RUNS] + runs <= state[RUN_ROOM] and state[ACCESSES] + accesses <= state[ACCESS_ROOM]


@njit(**_OPTIONS)
def _record_pending(state: Any) -> None:
    """Record the block that ran last, all its turns."""
    plan, turns = np.uint64(state[PENDING]), state[TURNS]
    if plan == 0:
        return
    accesses = state[plan + np.uint64(PLAN_ACCESSES)]
    if not _has_room(state, turns, turns * accesses):
        _call(state[GROW_FUNCTION], 0)
        if not _has_room(state, turns, turns * accesses):
            return  # there is no memory: the run ends with an error
    state[PENDING] = 0
    _record_accesses(state, plan, np.uint64(accesses), turns)
    _record_runs(state, state[plan + np.uint64(PLAN_FIRST)], state[plan + np.uint64(PLAN_COUNT)], turns)


@njit(**_OPTIONS)
def _plan_at(state: Any, address: Any, size: Any) -> Any:
    """Return the plan of a block, made first where there is none; 0 for a block outside of the program."""
    word = (address - state[FIRST_CODE]) // INSTRUCTION_BYTES
    if word < 0 or word >= state[CODE_WORDS]:
        return 0
    entry = state[PLAN_TABLE] + word
    if state[entry] == 0 or state[state[entry] + PLAN_SIZE] != size:
        _call(state[PLAN_FUNCTION], 0)
    return state[entry]


@njit(**_OPTIONS)
def _read_needed(state: Any, needed: Any) -> None:
    """Read those of the needed registers that are not known."""
    missing = needed & ~state[KNOWN]
    register = 0
    while missing:
        if missing & 1:
            number = np.int32(state[REGISTER_NUMBERS + register])
            _call_read(state[READ_FUNCTION], state[ENGINE], number, state[SLOTS_ADDRESS] + 8 * register)
        missing >>= 1
        register += 1


@njit(**_OPTIONS)
def _enter(state: Any, address: Any, size: Any) -> None:
    """Record the block before, and note what has to be known of this one while it has not run."""
    if not _may_run(state, address, size):
        return
    _record_pending(state)
    state[REPEATED_SIZE] = 0
    plan = _plan_at(state, address, size)
    if plan == 0:
        state[CULPRIT] = state[CULPRIT] or FOREIGN
        return
    state[CULPRIT] = state[CULPRIT] or state[plan + PLAN_CULPRIT]
    needed = state[plan + PLAN_NEEDED]
    _read_needed(state, needed)
    state[KNOWN] = (state[KNOWN] | needed) & state[plan + PLAN_KEPT] | state[plan + PLAN_FOUND]
    state[PENDING] = plan
    state[TURNS] = 1
    state[PROBED] = 0
    if state[plan + PLAN_REPEATS]:
        state[REPEATED_ADDRESS] = address
        state[REPEATED_SIZE] = size


def _on_block(_engine: Any, address: Any, size: Any, user_data: Any) -> None:
    """Keep the budget."""
    _may_run(carray(user_data, _SPAN, np.int64), np.int64(address), np.int64(size))


def _on_traced_block(_engine: Any, address: Any, size: Any, user_data: Any) -> None:
    """Keep the budget and the trace; with size 0, only complete the trace."""
    state = carray(user_data, _SPAN, np.int64)
    address, size = np.int64(address), np.int64(size)
    if address == state[REPEATED_ADDRESS] and size == state[REPEATED_SIZE]:
        left = state[LEFT] - size // INSTRUCTION_BYTES
        if left >= 0:
            state[LEFT] = left
            state[TURNS] += 1
            return
    if size:
        _enter(state, address, size)
    else:
        _record_pending(state)


def _on_probe(_engine: Any, address: Any, _size: Any, user_data: Any) -> None:
    """Read the registers that are to be read before the instruction at `address`."""
    state = carray(user_data, _SPAN, np.int64)
    word = (np.int64(address) - state[FIRST_CODE]) // INSTRUCTION_BYTES
    if word < 0 or word >= state[CODE_WORDS]:
        return
    wanted = state[state[PROBE_TABLE] + word]
    register = 0
    while wanted and state[PROBED] < PROBE_COUNT:
        if wanted & 1:
            number = np.int32(state[REGISTER_NUMBERS + register])
            target = state[SLOTS_ADDRESS] + 8 * (PROBE_VALUES - SLOTS + state[PROBED])
            _call_read(state[READ_FUNCTION], state[ENGINE], number, target)
            state[PROBED] += 1
        wanted >>= 1
        register += 1
