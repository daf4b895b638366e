"""Stores in flight: forwarding to loads, and the drain of the store buffer.

Which store a load gets its bytes from follows from program order (`StoreLog`); when the bytes are there is known to
the pipeline (`StoreData`).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.parts import PARTS, parts_of, whole_cycles

IntArray = NDArray[np.int64]

REMEMBERED = 61
"""Stores back from a load that it can get bytes from: one bit each of a word, and more than any store queue holds."""

PARTIAL = 1 << REMEMBERED
"""Among the sources of a load: the last store to some 8-byte piece of it holds only some bytes of the piece."""

_RING = 64
_ENTRIES = 1 << 12
_GRANULE = 3  # log2 of the bytes by which stores and loads are matched
_PIECE = 8  # bytes of a load that come from one store together: half of a 128-bit register
_NONE = -1
_KEPT = 16  # cycles in the store buffer behind the first chance to be forwarded: a guess

# An in-order core: a store holds loads up for less than ten cycles after it issues, and one issues a cycle at most.
RECENT = 8
RECENT_INSTRUCTIONS = 32
_LOAD_BEAT = 3  # log2 of the bytes that a load reads in a cycle
_STORE_BEAT = 4  # log2 of the bytes that a store writes in a cycle
_BEATS_BITS = 6  # whether a load overlaps a store, the beat of the store (2 bits) and of the load (3) where they meet

# Entries of `StoreLog.scalars`: stores so far, instruction number of the last one, block that it ended in.
_COUNT, _LAST, _BLOCK = range(3)

_LATENCY, _TURN = range(2)  # entries of `StoreData.carry`


class StoreLog(NamedTuple):
    """Recent stores by 8-byte granule, direct-mapped.

    `granule`: which one an entry is for; `store`: number of the last one among the stores;
    `recent`: (64, 3) first byte, end and instruction of the last stores.
    """

    granule: IntArray
    store: IntArray
    recent: IntArray
    scalars: IntArray


class StoreData(NamedTuple):
    """For each of the last stores.

    `ready`: cycle at which its data are there; `retired`: cycle in which it retires; `row`: which instruction it is.
    `total`: (1,) stores so far. `turn`: (2,) cycle from which the next store can be read back, and the number of the
    one that was last; `carry`: (2,) see `parts`, of the latency of forwarding and of those turns.
    """

    ready: IntArray
    retired: IntArray
    row: IntArray
    total: IntArray
    turn: IntArray
    carry: IntArray


class Forwarding(NamedTuple):
    """Latencies from stores to loads in parts of a cycle (see `parts`): see `core.OutOfOrderCore`; -1 for none.

    `kept`: cycles for which stores have to take turns to be read back, after each could first be forwarded; `horizon`:
    cycles after which the data of a store no longer make a load late.
    """

    latency: int
    partial_latency: int
    commit_latency: int
    kept: int
    horizon: int


def new_store_log() -> StoreLog:
    """Return a log without stores."""
    granule, store = (np.full(_ENTRIES, _NONE, dtype=np.int64) for _ in range(2))
    recent = np.full((_RING, 3), -(1 << 62), dtype=np.int64)
    return StoreLog(granule, store, recent, np.array([0, -(1 << 62), _NONE], dtype=np.int64))


def new_store_data() -> StoreData:
    """Return an empty store buffer."""
    ready, retired, row = (np.zeros(_RING, dtype=np.int64) for _ in range(3))
    total, carry = np.zeros(1, dtype=np.int64), np.zeros(2, dtype=np.int64)
    return StoreData(ready, retired, row, total, turn=np.array([0, _NONE], dtype=np.int64), carry=carry)


def forwarding_of(core: OutOfOrderCore, code: OutOfOrderCode) -> Forwarding:
    """Return the latencies of a core for the stores of `code`, which is not empty."""
    latency = parts_of(core.store_forward_latency)
    partial = _NONE if core.partial_forward_latency is None else parts_of(core.partial_forward_latency)
    commit = parts_of(core.commit_latency)
    longest = max(latency, partial) + max(int(code.forward.max()), commit)
    kept = _KEPT if code.forward_turn.any() else 0
    return Forwarding(latency, partial, commit, kept, horizon=-(-longest // PARTS) + 1 + kept)


@compiled
def log_store(log: StoreLog, address: int, size: int, instruction: int, block_shift: int) -> int:
    """Note a store; return how many blocks of 2**block_shift bytes it opens besides the last one's last."""
    for granule in range(address >> _GRANULE, ((address + size - 1) >> _GRANULE) + 1):
        entry = granule & (_ENTRIES - 1)
        log.granule[entry] = granule
        log.store[entry] = log.scalars[_COUNT]
    latest = log.recent[log.scalars[_COUNT] & (_RING - 1)]
    latest[0] = address
    latest[1] = address + size
    latest[2] = instruction
    log.scalars[_COUNT] += 1
    log.scalars[_LAST] = instruction
    first = address >> block_shift
    last = (address + size - 1) >> block_shift
    opened: int = last - first + (log.scalars[_BLOCK] != first)
    log.scalars[_BLOCK] = last
    return opened


@compiled
def is_far(log: StoreLog, instruction: int, window: int) -> bool:
    """Whether no load from `instruction` of the trace on meets a store so far; `window`: see `events.Order`."""
    far: bool = instruction - log.scalars[_LAST] >= (window if window > 0 else RECENT_INSTRUCTIONS)
    return far


@compiled
def is_elsewhere(log: StoreLog, address: int, size: int, block_shift: int) -> bool:
    """Whether a store, not noted yet, touches a block of 2**block_shift bytes that the last one did not touch."""
    latest = log.recent[(log.scalars[_COUNT] - 1) & (_RING - 1)]
    elsewhere: bool = (
        address >> block_shift < latest[0] >> block_shift
        or (address + size - 1) >> block_shift > (latest[1] - 1) >> block_shift
    )
    return elsewhere


@compiled
def sources_of(log: StoreLog, address: int, size: int, instruction: int, window: int) -> int:
    """Return the stores in the window that a load overlaps: bit i is the store i + 1 back; `PARTIAL` beside them."""
    if instruction - log.scalars[_LAST] >= window:
        return 0
    sources = 0
    end = address + size
    for first in range(address, end, _PIECE):
        sources |= _sources_of_piece(log, first, min(first + _PIECE, end), instruction, window)
    return sources


@compiled
def _sources_of_piece(log: StoreLog, first: int, end: int, instruction: int, window: int) -> int:
    """Return the last store in the window that overlaps each granule of the piece."""
    sources = 0
    newest = REMEMBERED
    for granule in range(first >> _GRANULE, ((end - 1) >> _GRANULE) + 1):
        begin = max(granule << _GRANULE, first)
        back = _last_store(log, granule, begin, min((granule + 1) << _GRANULE, end), instruction, window)
        if back < REMEMBERED:
            sources |= 1 << back
            newest = min(newest, back)
    if sources != 0:
        store = log.recent[(log.scalars[_COUNT] - newest - 1) & (_RING - 1)]
        if store[0] > first or store[1] < end:
            sources |= PARTIAL
    return sources


@compiled
def _last_store(log: StoreLog, granule: int, first: int, end: int, instruction: int, window: int) -> int:
    """Return how many stores lie behind the last one that wrote some of the bytes; `REMEMBERED` if there is none."""
    entry = granule & (_ENTRIES - 1)
    back = log.scalars[_COUNT] - log.store[entry] - 1
    if log.granule[entry] != granule:
        return REMEMBERED
    while back < REMEMBERED:
        store = log.recent[(log.scalars[_COUNT] - back - 1) & (_RING - 1)]
        if instruction - store[2] >= window:
            return REMEMBERED
        if store[0] < end and store[1] > first:
            return back  # type: ignore[no-any-return]
        back += 1
    return REMEMBERED


@compiled
def beats_of(log: StoreLog, address: int, size: int, instruction: int) -> int:
    """Return where a load meets the last stores: six bits each, the newest lowest (see `_BEATS_BITS`)."""
    if instruction - log.scalars[_LAST] >= RECENT_INSTRUCTIONS:
        return 0
    beats = 0
    for back in range(1, RECENT + 1):
        store = log.recent[(log.scalars[_COUNT] - back) & (_RING - 1)]
        first = max(store[0], address)
        if first < min(store[1], address + size) and instruction - store[2] < RECENT_INSTRUCTIONS:
            meeting = 1 | ((first - store[0]) >> _STORE_BEAT) << 1 | ((first - address) >> _LOAD_BEAT) << 3
            beats |= meeting << (_BEATS_BITS * (back - 1))
    return beats


@compiled
def note_data(data: StoreData, row: int, ready: int) -> None:
    """Note when the data of the next store, the instruction `row`, are there."""
    entry = data.total[0] & (_RING - 1)
    data.ready[entry] = ready
    data.row[entry] = row
    data.total[0] += 1


@compiled
def note_retired(data: StoreData, is_store: bool, retired: int) -> None:
    """Note when an instruction, if it is the last store, retires: only after that it is written to L1."""
    if is_store:
        data.retired[(data.total[0] - 1) & (_RING - 1)] = retired


@compiled
def forwarded(data: StoreData, forwarding: Forwarding, code: OutOfOrderCode, sources: int, result: int) -> int:
    """Return when a load has its result that gets its bytes from `sources` and would have it at `result` from L1.

    They are forwarded as soon as the data of all sources are there, but where one has to be put together (see
    `PARTIAL`) the load reads L1 once the stores are written. A store takes its turn with the first load that reads it,
    unless a younger one was read before.
    """
    is_partial = sources & PARTIAL != 0 and forwarding.partial_latency >= 0
    parts, store = _data_ready(data, forwarding, code, sources & (PARTIAL - 1), is_partial)
    parts += forwarding.partial_latency if is_partial else forwarding.latency
    early = result - (parts + data.carry[_LATENCY]) // PARTS
    if early < 0:
        result = whole_cycles(data.carry, _LATENCY, parts)
    turn = code.forward_turn[data.row[store & (_RING - 1)]]
    if turn > 0 and early < forwarding.kept and store > data.turn[1]:
        result = max(result, data.turn[0])
        data.turn[0] = result + whole_cycles(data.carry, _TURN, turn)
        data.turn[1] = store
    return result


@compiled
def _data_ready(
    data: StoreData, forwarding: Forwarding, code: OutOfOrderCode, sources: int, is_partial: bool
) -> tuple[int, int]:
    """Return when the data of the latest source are there, in parts of cycles, and the number of that store."""
    parts = 0
    store = 0
    back = 1
    while sources > 0:
        if sources & 1:
            entry = (data.total[0] - back) & (_RING - 1)
            row = data.row[entry]
            there = data.ready[entry] * PARTS + code.forward[row]
            if is_partial:
                there = max(there, data.retired[entry] * PARTS + forwarding.commit_latency)
            if there > parts:
                parts = there
                store = data.total[0] - back
        sources >>= 1
        back += 1
    return parts, store


@compiled
def pack_stores(data: StoreData, base: int, horizon: int, words: IntArray, at: int) -> int:
    """Append what still delays loads after cycle `base`: stores whose data come or that retire after `horizon`."""
    words[at] = max(data.turn[0] - base, 0)
    words[at + 1] = min(data.total[0] - data.turn[1], REMEMBERED + 1)
    words[at + 2] = data.carry[_LATENCY]
    words[at + 3] = data.carry[_TURN]
    at += 4
    for back in range(1, REMEMBERED + 1):
        entry = (data.total[0] - back) & (_RING - 1)
        if data.ready[entry] > horizon or data.retired[entry] > horizon:
            words[at] = back
            words[at + 1] = max(data.ready[entry] - horizon, 0)
            words[at + 2] = max(data.retired[entry] - horizon, 0)
            words[at + 3] = data.row[entry]
            at += 4
    words[at] = 0
    return at + 1


@compiled
def unpack_stores(data: StoreData, base: int, horizon: int, words: IntArray, at: int) -> int:
    """Restore what `pack_stores` appended."""
    data.turn[0] = base + words[at]
    data.turn[1] = data.total[0] - words[at + 1]
    data.carry[_LATENCY] = words[at + 2]
    data.carry[_TURN] = words[at + 3]
    at += 4
    for entry in range(_RING):
        data.ready[entry] = horizon
        data.retired[entry] = horizon
    while words[at] != 0:
        entry = (data.total[0] - words[at]) & (_RING - 1)
        data.ready[entry] = horizon + words[at + 1]
        data.retired[entry] = horizon + words[at + 2]
        data.row[entry] = words[at + 3]
        at += 4
    return at + 1
