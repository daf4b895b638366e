"""Pipeline states that were met before, and what each segment did to them.

Timing a segment takes a pipeline from one state to the next and depends on nothing else, so what was worked out once
holds whenever the same segment meets the same state: cycles, stalls and the arrival of lines are the same, only later.
Loops soon go round in a few states. (The idea is that of Schnarr and Larus, "Fast out-of-order processor simulation
using memoization", ASPLOS 1998.)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.counts import Charges, Counts
from isa_models.engines.events import Events
from isa_models.engines.fills import Fills, note_arrival
from isa_models.engines.segments import LONGEST
from isa_models.engines.unset import unset_words

IntArray = NDArray[np.int64]

NONE = -1

_STATE_WORDS = 1 << 22
_STATES = 1 << 14
_TRANSITIONS = 1 << 15
_POOL_WORDS = 1 << 22
_LARGEST_TRANSITION = 7 * LONGEST + 64  # words that one takes from the pool, besides those of its lines

# Columns of `Transitions.fields`.
_FROM, _SEGMENT, _WRONG, _EVENTS, _ACCESSES, _TO, _CYCLES, _CHARGES, _CHARGE_COUNT, _BUSY, _LINES, _LINE_COUNT = range(
    12
)
_COLUMNS = 12


class States(NamedTuple):
    """Words of each state one after the other.

    `first`: shape (states + 1,), where the words of each start; `table`: open-addressed hash table of state numbers
    plus one; `hashes`: of each state; `used`: (1,) states.
    """

    words: IntArray
    first: IntArray
    hashes: IntArray
    table: IntArray
    used: IntArray


class Transitions(NamedTuple):
    """What segments did.

    `fields`: shape (transitions, 12): state before, segment, mispredicted branches, where its events lie in `pool` (-1:
    none) and of how many accesses, state after, cycles by which dispatch moved, where its charges and how many, where
    its busy cycles of ports, where its line arrivals and how many. `uses`: how often each was taken; `next`: the one
    that followed last time plus one; `table`: hash table of numbers plus one; `scalars`: transitions, words in `pool`.
    """

    fields: IntArray
    uses: IntArray
    next: IntArray
    pool: IntArray
    table: IntArray
    scalars: IntArray


def new_states(pieces: int, largest: int) -> States:
    """Return room for the states in a trace of `pieces` segments, of at most `largest` words.

    All but the table is left unset: setting it would take longer than most traces do.
    """
    count = min(_STATES, pieces)
    first = np.empty(count + 1, dtype=np.int64)
    first[0] = 0
    return States(
        words=unset_words("states", min(_STATE_WORDS, count * largest)),
        first=first,
        hashes=np.empty(count, dtype=np.int64),
        table=np.zeros(_table_size(count), dtype=np.int64),
        used=np.zeros(1, dtype=np.int64),
    )


def new_transitions(pieces: int) -> Transitions:
    """Return room for what the segments in a trace of `pieces` segments do; all but the table is left unset."""
    count = min(_TRANSITIONS, pieces)
    return Transitions(
        fields=np.empty((count, _COLUMNS), dtype=np.int64),
        uses=np.empty(count, dtype=np.int64),
        next=np.empty(count, dtype=np.int64),
        pool=unset_words("transitions", min(_POOL_WORDS, count * _LARGEST_TRANSITION)),
        table=np.zeros(_table_size(count), dtype=np.int64),
        scalars=np.zeros(2, dtype=np.int64),
    )


def _table_size(entries: int) -> int:
    """Return a power of two that leaves a hash table half empty at least."""
    return 1 << (2 * entries).bit_length()


@compiled
def _mix(mixed: int, word: int) -> int:
    mixed = (mixed ^ word) * 0x2545F4914F6CDD1D
    return mixed ^ ((mixed >> 29) & 0x7FFFFFFFF)


@compiled
def _hash(words: IntArray, size: int) -> int:
    """Mix all words, every other one into one of two halves that do not wait for each other."""
    even, odd = size, 0
    for at in range(0, size - 1, 2):
        even = _mix(even, words[at])
        odd = _mix(odd, words[at + 1])
    if size % 2 == 1:
        even = _mix(even, words[size - 1])
    return _mix(even, odd)


@compiled
def intern(states: States, words: IntArray, size: int) -> int:
    """Return the number of the state `words[:size]`; -1 if it is new and there is no room for it."""
    mixed = _hash(words, size)
    mask = states.table.size - 1
    slot = mixed & mask
    while states.table[slot] != 0:
        state = states.table[slot] - 1
        if states.hashes[state] == mixed and _is_same(states, state, words, size):
            return state  # type: ignore[no-any-return]
        slot = (slot + 1) & mask
    state = states.used[0]
    first = states.first[state]
    if state == states.hashes.size or first + size > states.words.size:
        return NONE
    for at in range(size):
        states.words[first + at] = words[at]
    states.first[state + 1] = first + size
    states.hashes[state] = mixed
    states.table[slot] = state + 1
    states.used[0] = state + 1
    return state  # type: ignore[no-any-return]


@compiled
def _is_same(states: States, state: int, words: IntArray, size: int) -> bool:
    first = states.first[state]
    if states.first[state + 1] - first != size:
        return False
    same = True
    for at in range(size):
        same &= states.words[first + at] == words[at]
    return same


@compiled
def find(
    transitions: Transitions,
    hint: int,
    state: int,
    segment: int,
    wrong: int,
    is_quiet: bool,
    events: Events,
    count: int,
) -> int:
    """Return the transition from `state` by a segment with these events, -1 if there is none.

    `hint`: the transition taken before; `wrong`: mispredicted branches; `count`: accesses of the segment.
    """
    guess = transitions.next[hint] - 1 if hint >= 0 else NONE
    if guess >= 0 and _matches(transitions, guess, state, segment, wrong, is_quiet, events, count):
        return guess
    mask = transitions.table.size - 1
    slot = _slot(state, segment, wrong, is_quiet, events, count) & mask
    while transitions.table[slot] != 0:
        transition = transitions.table[slot] - 1
        if _matches(transitions, transition, state, segment, wrong, is_quiet, events, count):
            if hint >= 0:
                transitions.next[hint] = transition + 1
            return transition  # type: ignore[no-any-return]
        slot = (slot + 1) & mask
    return NONE


@compiled
def _matches(
    transitions: Transitions,
    transition: int,
    state: int,
    segment: int,
    wrong: int,
    is_quiet: bool,
    events: Events,
    count: int,
) -> bool:
    fields = transitions.fields
    if fields[transition, _FROM] != state or fields[transition, _SEGMENT] != segment:
        return False
    if fields[transition, _WRONG] != wrong or (fields[transition, _EVENTS] < 0) != is_quiet:
        return False
    if is_quiet:
        return True
    at = fields[transition, _EVENTS]
    pool = transitions.pool
    for access in range(count):
        if pool[at] != events.what[access] or pool[at + 1] != events.wait[access]:
            return False
        if pool[at + 2] != events.second_wait[access] or pool[at + 3] != events.sources[access]:
            return False
        at += 4
    return True


@compiled
def _slot(state: int, segment: int, wrong: int, is_quiet: bool, events: Events, count: int) -> int:
    mixed = _mix(_mix(state, segment), wrong)
    if not is_quiet:
        for access in range(count):
            mixed = _mix(_mix(mixed, events.what[access]), events.wait[access])
            mixed = _mix(_mix(mixed, events.second_wait[access]), events.sources[access])
    return mixed


@compiled
def has_room(transitions: Transitions, lines: int) -> bool:
    """Whether another transition certainly fits that fetches so many lines."""
    if transitions.scalars[0] == transitions.uses.size:
        return False
    fits: bool = transitions.scalars[1] + _LARGEST_TRANSITION + lines <= transitions.pool.size
    return fits


@compiled
def add(
    transitions: Transitions,
    state: int,
    segment: int,
    wrong: int,
    is_quiet: bool,
    events: Events,
    count: int,
    after: int,
    cycles: int,
    charges: Charges,
    busy: IntArray,
    fills: Fills,
    before: int,
    fetched: int,
    base: int,
) -> int:
    """Note what a segment did; needs `has_room`. Return the number of the transition.

    `after`: state behind the segment; `busy`: cycles that it took from each port; `before`, `fetched`: number of the
    last line fetched in front of it and behind it; `base`: cycle that it started from.
    """
    transition = transitions.scalars[0]
    transitions.scalars[0] += 1
    transitions.uses[transition] = 0
    transitions.next[transition] = 0
    fields = transitions.fields
    fields[transition, _FROM] = state
    fields[transition, _SEGMENT] = segment
    fields[transition, _WRONG] = wrong
    fields[transition, _EVENTS] = NONE if is_quiet else _add_events(transitions, events, count)
    fields[transition, _ACCESSES] = count
    fields[transition, _TO] = after
    fields[transition, _CYCLES] = cycles
    fields[transition, _CHARGES] = _add_charges(transitions, charges)
    fields[transition, _CHARGE_COUNT] = charges.used[0]
    fields[transition, _BUSY] = transitions.scalars[1]
    for port in range(busy.size):
        _append(transitions, busy[port])
    fields[transition, _LINES] = transitions.scalars[1]
    fields[transition, _LINE_COUNT] = fetched - before
    for number in range(before + 1, fetched + 1):
        _append(transitions, fills.arrival[number & (fills.arrival.size - 1)] - base)
    mask = transitions.table.size - 1
    slot = _slot(state, segment, wrong, is_quiet, events, count) & mask
    while transitions.table[slot] != 0:
        slot = (slot + 1) & mask
    transitions.table[slot] = transition + 1
    return transition  # type: ignore[no-any-return]


@compiled
def _append(transitions: Transitions, word: int) -> None:
    transitions.pool[transitions.scalars[1]] = word
    transitions.scalars[1] += 1


@compiled
def _add_events(transitions: Transitions, events: Events, count: int) -> int:
    first = transitions.scalars[1]
    for access in range(count):
        _append(transitions, events.what[access])
        _append(transitions, events.wait[access])
        _append(transitions, events.second_wait[access])
        _append(transitions, events.sources[access])
    return first  # type: ignore[no-any-return]


@compiled
def _add_charges(transitions: Transitions, charges: Charges) -> int:
    first = transitions.scalars[1]
    for charge in range(charges.used[0]):
        _append(transitions, charges.row[charge])
        _append(transitions, charges.reason[charge])
        _append(transitions, charges.cycles[charge])
    return first  # type: ignore[no-any-return]


@compiled
def take(transitions: Transitions, transition: int, fills: Fills, before: int, base: int) -> tuple[int, int]:
    """Take a transition at cycle `base`; return the state behind it and the cycle there.

    `before`: number of the last line fetched in front of the segment.
    """
    transitions.uses[transition] += 1
    fields = transitions.fields
    for line in range(fields[transition, _LINE_COUNT]):
        note_arrival(fills, before + 1 + line, base + transitions.pool[fields[transition, _LINES] + line])
    return fields[transition, _TO], base + fields[transition, _CYCLES]


@compiled
def add_uses(transitions: Transitions, counts: Counts) -> None:
    """Add what the transitions that were taken have counted."""
    fields = transitions.fields
    pool = transitions.pool
    for transition in range(transitions.scalars[0]):
        uses = transitions.uses[transition]
        if uses == 0:
            continue
        at = fields[transition, _CHARGES]
        for _ in range(fields[transition, _CHARGE_COUNT]):
            counts.stalls[pool[at], pool[at + 1]] += uses * pool[at + 2]
            at += 3
        for port in range(counts.port_busy.size):
            counts.port_busy[port] += uses * pool[fields[transition, _BUSY] + port]
        counts.mispredictions[0] += uses * _bits(fields[transition, _WRONG])


@compiled
def _bits(word: int) -> int:
    count = 0
    while word > 0:
        count += 1
        word &= word - 1
    return count
