"""Run a pipeline over a trace, segment by segment, and reuse what a segment did to the same state before."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.caches import fetches
from isa_models.compilation import compiled, compiled_entry
from isa_models.engines.counts import Charges, Counts, new_charges
from isa_models.engines.events import Events, Order, meet_accesses, meet_branches, new_events
from isa_models.engines.pipelines import Pipeline, advance, clock, pack, unpack
from isa_models.engines.repeats import MOST_TURNS, repeats
from isa_models.engines.segments import LONGEST, Segments
from isa_models.engines.states import (
    NONE,
    States,
    Transitions,
    add,
    add_uses,
    find,
    has_room,
    intern,
    new_states,
    new_transitions,
    take,
)
from isa_models.engines.stores import is_far

IntArray = NDArray[np.int64]

# Segments in a row that meet new states and look for known ones all the same. Then that is given up until there have
# been 2, 4, 8 ... times as many, for it takes about as long as to time a segment.
_PATIENCE = 256

_FEW = 2  # uses of a segment up to which the state in front of it is not looked for


class Scratch(NamedTuple):
    """Room for one segment: its events and charges, the words of the state behind it, busy cycles of ports before."""

    events: Events
    charges: Charges
    words: IntArray
    busy: IntArray
    states: States
    transitions: Transitions


def new_scratch(pieces: int, state_words: int, port_count: int) -> Scratch:
    """Return room to run over `pieces` segments, with states of at most `state_words` words."""
    return Scratch(
        events=new_events(),
        charges=new_charges(LONGEST),
        words=np.zeros(state_words, dtype=np.int64),
        busy=np.zeros(port_count, dtype=np.int64),
        states=new_states(pieces, state_words),
        transitions=new_transitions(pieces),
    )


class Segment(NamedTuple):
    """One execution of a segment.

    `kind`: its number; `first`, `length`: its rows; `number`: of its first instruction in the trace; `accesses`: how
    many it has; `is_quiet`, `wrong`: see `events`; `target`: row to which it jumps, -1 if it does not; `before`: number
    of the last line that was fetched in front of it.
    """

    kind: int
    first: int
    length: int
    number: int
    accesses: int
    is_quiet: bool
    wrong: int
    target: int
    before: int


@compiled_entry
def run(
    pipeline: Pipeline,
    order: Order,
    segments: Segments,
    address: IntArray,
    counts: Counts,
    scratch: Scratch,
    reuse: bool,
) -> None:
    """Time all segments, whose accesses have the addresses `address`; fills `counts`.

    `reuse`: whether to look for states met before and for turns that repeat the one before; the result is the same.
    """
    transitions = scratch.transitions
    state = NONE  # number of the state that the pipeline is in, if it is known
    is_live = True  # whether the pipeline holds that state; otherwise it stands for it at cycle `base`
    hint = NONE  # the transition taken last
    base = 0
    number = 0
    at = 0
    misses = 0
    for stretch in range(segments.kind.size):
        kind = segments.kind[stretch]
        left = segments.times[stretch]
        turns = 0  # how many from here on are known to repeat what the one before did
        goes_on = False  # whether there may be more behind these
        while left > 0:
            left -= 1
            is_repeat = turns > 0
            segment = _meet(pipeline, order, segments, address, scratch.events, kind, number, at, base, is_repeat)
            turns -= is_repeat
            if reuse and left > 0 and turns == 0 and (goes_on or not is_repeat):
                turns = _turns(pipeline, order, segments, address, segment, at, left)
                goes_on = turns == MOST_TURNS
            is_recorded = number < counts.first + counts.timeline.shape[0] and number + segment.length > counts.first
            found = NONE
            if state >= 0 and not is_recorded:
                found = find(
                    transitions,
                    hint,
                    state,
                    segment.kind,
                    segment.wrong,
                    segment.is_quiet,
                    scratch.events,
                    segment.accesses,
                )
            if found >= 0:
                state, base = take(transitions, found, pipeline.fills, segment.before, base)
                hint = found
                is_live = False
                misses = 0
            else:
                if not is_live:
                    unpack(pipeline, number, base, scratch.states.words, scratch.states.first[state])
                    is_live = True
                misses += 1
                is_wanted = reuse and _is_patient(misses) and _is_followed(segments, stretch, left)
                from_state = NONE if is_recorded else state
                state, hint = _time_anew(pipeline, order, segment, from_state, is_wanted, counts, scratch)
                base = clock(pipeline)
            number += segment.length
            at += segment.accesses
    add_uses(transitions, counts)


@compiled
def _meet(
    pipeline: Pipeline,
    order: Order,
    segments: Segments,
    address: IntArray,
    events: Events,
    kind: int,
    number: int,
    at: int,
    base: int,
    is_repeat: bool,
) -> Segment:
    """Find out what one execution of segment `kind` meets at cycle `base`.

    `is_repeat`: whether that is known to be nothing, as before, so that `events` stay what they are.
    """
    code = pipeline.code
    first = segments.first[kind]
    length = segments.length[kind]
    before = fetches(order.caches)
    accesses = code.access_before[first + length] - code.access_before[first]
    target = segments.target[kind]
    is_quiet = True
    wrong = 0
    if not is_repeat:
        is_quiet = meet_accesses(order, pipeline.fills, code, first, length, address, at, number, base, events)
        wrong = meet_branches(order, code, first, length, target)
    return Segment(kind, first, length, number, accesses, is_quiet, wrong, target, before)


@compiled
def _turns(
    pipeline: Pipeline,
    order: Order,
    segments: Segments,
    address: IntArray,
    segment: Segment,
    at: int,
    left: int,
) -> int:
    """Return how many of the `left` next times a segment repeats what it did; its accesses start at `address[at]`."""
    if not segment.is_quiet or segment.wrong != 0:
        return 0
    if not is_far(order.log, segment.number + segment.length, order.window):
        return 0
    return repeats(order, pipeline.code, segments, segment.kind, address, at + segment.accesses, left, True)


@compiled
def _is_patient(misses: int) -> bool:
    """Whether to look for known states after so many segments in a row that met new ones."""
    rounds = misses // _PATIENCE
    return rounds & (rounds - 1) == 0


@compiled
def _is_followed(segments: Segments, stretch: int, left: int) -> bool:
    """Whether a segment that runs several times comes next, so that the state in front of it is worth knowing."""
    following = stretch if left > 0 else stretch + 1
    followed: bool = following < segments.kind.size and segments.uses[segments.kind[following]] > _FEW
    return followed


@compiled
def _time_anew(
    pipeline: Pipeline,
    order: Order,
    segment: Segment,
    state: int,
    is_wanted: bool,
    counts: Counts,
    scratch: Scratch,
) -> tuple[int, int]:
    """Run the pipeline over a segment; return the numbers of the state behind it and of the transition, or -1.

    `state`: in front of it, -1 if unknown; `is_wanted`: whether the state behind it is worth knowing.
    """
    events = scratch.events
    charges = scratch.charges
    busy = scratch.busy
    base = clock(pipeline)
    for port in range(busy.size):
        busy[port] = counts.port_busy[port]
    charges.used[0] = 0
    advance(
        pipeline,
        segment.first,
        segment.length,
        segment.number,
        events,
        segment.before,
        segment.wrong,
        segment.target,
        counts,
        charges,
    )
    if not is_wanted:
        return NONE, NONE
    after = intern(scratch.states, scratch.words, pack(pipeline, segment.number + segment.length, scratch.words))
    fetched = fetches(order.caches)
    if state < 0 or after < 0 or not has_room(scratch.transitions, fetched - segment.before):
        return after, NONE
    for port in range(busy.size):
        busy[port] = counts.port_busy[port] - busy[port]
    transition = add(
        scratch.transitions,
        state,
        segment.kind,
        segment.wrong,
        segment.is_quiet,
        events,
        segment.accesses,
        after,
        clock(pipeline) - base,
        charges,
        busy,
        pipeline.fills,
        segment.before,
        fetched,
        base,
    )
    return after, transition
