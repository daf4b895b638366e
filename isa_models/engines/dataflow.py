"""The longest chain of dependences of a trace: what it would take if nothing but results were waited for.

Cycles of registers are carried from segment to segment. What a segment does to them is linear in the algebra of
maximum and plus: the cycle of a register behind it is the largest of (cycle of a register in front + a weight). For a
segment that runs often these weights are worked out once.
"""

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled, compiled_entry
from isa_models.engines.dataflow_weights import (
    CELLS,
    KNOWN,
    LONGEST_CHAIN,
    UNKNOWN,
    Cells,
    Summaries,
    early_by,
    summarise,
)
from isa_models.engines.lowering import NONE, STORE_DATA, StaticCode
from isa_models.engines.segments import Segments
from isa_models.engines.unset import unset_words

IntArray = NDArray[np.int64]

_OFTEN = 32  # uses of a segment after which its weights are worked out
_DOUBLINGS = 7  # runs of 1, 2, 4 ... 64 times the same segment have weights of their own
_ROOM = 1 << 21


def longest_chain(code: StaticCode, segments: Segments) -> int:
    """Return the cycles of the longest chain of dependences through the trace."""
    cells = Cells(
        cycle=np.zeros(CELLS, dtype=np.int64),
        writer=np.full(CELLS, NONE, dtype=np.int64),
        behind=np.zeros(CELLS, dtype=np.int64),
        weights=np.zeros((CELLS + 1, CELLS), dtype=np.int64),
        is_entry=np.zeros(CELLS, dtype=np.bool_),
        is_carried=np.zeros(CELLS, dtype=np.bool_),
    )
    _find_carried(code, segments, cells)
    count = segments.first.size
    summaries = Summaries(
        kind=np.zeros((count, _DOUBLINGS), dtype=np.int8),
        seen=np.zeros((count, _DOUBLINGS), dtype=np.int64),
        first=np.zeros((count, _DOUBLINGS), dtype=np.int64),
        words=unset_words("chains", _ROOM),
        used=np.zeros(1, dtype=np.int64),
    )
    _walk(code, segments, cells, summaries)
    return int(cells.cycle[LONGEST_CHAIN])


@compiled_entry
def _walk(code: StaticCode, segments: Segments, cells: Cells, summaries: Summaries) -> None:
    for stretch in range(segments.kind.size):
        left = segments.times[stretch]
        for doubling in range(_DOUBLINGS - 1, -1, -1):
            while left >= 1 << doubling:
                _carry(code, segments, cells, summaries, segments.kind[stretch], doubling)
                left -= 1 << doubling


@compiled
def _carry(
    code: StaticCode, segments: Segments, cells: Cells, summaries: Summaries, segment: int, doubling: int
) -> None:
    """Carry the cycles over 2**doubling times the same segment."""
    is_known = summaries.kind[segment, doubling] == KNOWN
    if is_known and _apply(cells, summaries.words, summaries.first[segment, doubling]):
        return
    first = segments.first[segment]
    length = segments.length[segment]
    summaries.seen[segment, doubling] += 1
    if summaries.kind[segment, doubling] == UNKNOWN and summaries.seen[segment, doubling] == _OFTEN:
        summarise(code, cells, summaries, segment, doubling, first, length)
    for _ in range(1 << doubling):
        _step_through(code, cells, first, length)


@compiled_entry
def _find_carried(code: StaticCode, segments: Segments, cells: Cells) -> None:
    for segment in range(segments.first.size):
        cells.is_entry[:] = True
        first = segments.first[segment]
        for row in range(first, first + segments.length[segment]):
            for column in range(code.read_count[row]):
                register = code.reads[row, column]
                cells.is_carried[register] |= cells.is_entry[register]
            for column in range(code.write_count[row]):
                cells.is_entry[code.writes[row, column]] = False


@compiled
def _step_through(code: StaticCode, cells: Cells, first: int, length: int) -> None:
    """Follow the dependences instruction by instruction."""
    for row in range(first, first + length):
        start = 0
        for column in range(code.read_count[row]):
            if code.read_use[row, column] != STORE_DATA:
                start = max(start, cells.cycle[code.reads[row, column]] - early_by(code, cells, row, column))
        for column in range(code.write_count[row]):
            register = code.writes[row, column]
            cells.cycle[register] = start + code.write_latency[row, column]
            cells.writer[register] = code.class_id[row]
            cells.cycle[LONGEST_CHAIN] = max(cells.cycle[LONGEST_CHAIN], cells.cycle[register])


@compiled
def _apply(cells: Cells, words: IntArray, at: int) -> bool:
    """Carry the cycles over a segment; return False, and do nothing, where its conditions do not hold."""
    conditions = words[at]
    at += 1
    for _ in range(conditions):
        if (cells.writer[words[at]] == words[at + 1]) != (words[at + 2] == 1):
            return False
        at += 3
    targets = words[at]
    first = at + 1
    at = first + targets
    for target in range(targets):
        cells.behind[target] = 0
    layers = words[at]
    at += 1
    for _ in range(layers):
        terms = words[at]
        at += 1
        for target in range(terms):
            cells.behind[target] = max(cells.behind[target], cells.cycle[words[at]] + words[at + 1])
            at += 2
    longest = cells.cycle[LONGEST_CHAIN]
    for target in range(targets):
        cells.cycle[words[first + target]] = cells.behind[target]
        longest = max(longest, cells.behind[target])
    cells.cycle[LONGEST_CHAIN] = longest
    writers = words[at]
    at += 1
    for _ in range(writers):
        cells.writer[words[at]] = words[at + 1]
        at += 2
    return True
