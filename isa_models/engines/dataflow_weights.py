"""What a segment does to the cycles of registers, if nothing but results were waited for.

That is linear in the algebra of maximum and plus: the cycle of a register behind the segment is the largest of (cycle
of a register in front + a weight). The weights of a segment are worked out once and noted as a list of words.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.lowering import ACCUMULATOR, MAX_READS, MERGED, STORE_DATA, StaticCode
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]

# Cells beside those of the registers: the largest cycle of any result so far, and the start of the trace.
LONGEST_CHAIN, START = REGISTER_COUNT, REGISTER_COUNT + 1
CELLS = REGISTER_COUNT + 2

UNKNOWN, KNOWN, TOO_LARGE = range(3)

_LARGEST_TARGETS = CELLS * (4 + 2 * CELLS)  # words that all targets with all their terms take at most

_NEVER = -(1 << 60)  # as a weight: does not depend on it
_POSSIBLE = -(1 << 59)  # weights above are none of these, whatever latencies were added to them


class Cells(NamedTuple):
    """What is known of each register (and of `LONGEST_CHAIN` and `START`), shape (cells,), and scratch for summaries.

    `cycle`: of its value; `writer`: timing class that wrote it last; `behind`: scratch; `weights`: scratch, shape
    (cells + 1, cells); `is_entry`: scratch, registers not yet written by the segment; `is_carried`: registers that some
    segment reads before it writes them: only their cycles pass from segment to segment.
    """

    cycle: IntArray
    writer: IntArray
    behind: IntArray
    weights: IntArray
    is_entry: NDArray[np.bool_]
    is_carried: NDArray[np.bool_]


class Summaries(NamedTuple):
    """Per segment and doubling, shape (segments, doublings): `kind`; how often that was `seen`; its `first` word.

    `words`: see below, `used`: (1,) words in use.

    Words: number of conditions, (register, class, whether it wrote the register last) each; number of targets, the cell
    of each, `LONGEST_CHAIN` among them; number of layers, in each the number of targets that have so many terms, the
    first ones, and one term (source, weight) of each; number of writers, (register, class) each. In layers, terms do
    not wait for each other.
    """

    kind: NDArray[np.int8]
    seen: IntArray
    first: IntArray
    words: IntArray
    used: IntArray


@compiled
def early_by(code: StaticCode, cells: Cells, row: int, column: int) -> int:
    """Return by how many cycles an operand may come later than the start of the instruction."""
    use = code.read_use[row, column]
    if use == MERGED:
        return code.latency[row] - code.merge[row]  # type: ignore[no-any-return]
    if use != ACCUMULATOR or code.accumulate[row] < 0:
        return 0
    is_like = cells.writer[code.reads[row, column]] == code.class_id[row]
    return code.latency[row] - code.accumulate[row] if is_like else 0


@compiled
def summarise(
    code: StaticCode, cells: Cells, summaries: Summaries, segment: int, doubling: int, first: int, length: int
) -> None:
    """Work out the weights of a segment repeated 2**doubling times, under the conditions that hold now."""
    largest = 3 + 3 * MAX_READS * length + 2 * _LARGEST_TARGETS + 2 * CELLS
    if summaries.used[0] + largest > summaries.words.size:
        summaries.kind[segment, doubling] = TOO_LARGE
        return
    for cell in range(CELLS):
        cells.behind[cell] = cells.writer[cell]
        cells.is_entry[cell] = True
        for source in range(CELLS):
            cells.weights[cell, source] = 0 if source == cell else _NEVER
    words = summaries.words
    begin = summaries.used[0]
    at = begin + 1
    for _ in range(1 << doubling):
        for row in range(first, first + length):
            at = _add_conditions(code, cells, row, words, at)
            _follow(code, cells, row)
    words[begin] = (at - begin - 1) // 3
    draft = at + _LARGEST_TARGETS
    _emit_targets(cells, words, draft)
    at = _lay(words, draft, at)
    summaries.used[0] = _emit_writers(cells, words, at)
    summaries.first[segment, doubling] = begin
    summaries.kind[segment, doubling] = KNOWN
    for cell in range(CELLS):
        cells.writer[cell] = cells.behind[cell]


@compiled
def _add_conditions(code: StaticCode, cells: Cells, row: int, words: IntArray, at: int) -> int:
    """Append whether accumulators that come from in front of the segment are forwarded."""
    for column in range(code.read_count[row]):
        register = code.reads[row, column]
        is_accumulator = code.read_use[row, column] == ACCUMULATOR and code.accumulate[row] >= 0
        if is_accumulator and cells.is_entry[register]:
            words[at] = register
            words[at + 1] = code.class_id[row]
            words[at + 2] = 1 if cells.writer[register] == code.class_id[row] else 0
            at += 3
    return at


@compiled
def _follow(code: StaticCode, cells: Cells, row: int) -> None:
    """Carry the weights over one instruction."""
    start = cells.weights[CELLS]
    for source in range(CELLS):
        start[source] = 0 if source == START else _NEVER
    for column in range(code.read_count[row]):
        if code.read_use[row, column] == STORE_DATA:
            continue
        early = early_by(code, cells, row, column)
        operand = cells.weights[code.reads[row, column]]
        for source in range(CELLS):
            start[source] = max(start[source], operand[source] - early)
    for column in range(code.write_count[row]):
        register = code.writes[row, column]
        cells.writer[register] = code.class_id[row]
        cells.is_entry[register] = False
        latency = code.write_latency[row, column]
        result = cells.weights[register]
        longest = cells.weights[LONGEST_CHAIN]
        for source in range(CELLS):
            result[source] = start[source] + latency
            longest[source] = max(longest[source], result[source])


@compiled
def _emit_targets(cells: Cells, words: IntArray, begin: int) -> None:
    """Write the number of targets, and for each its cell, the number of its terms and these."""
    at = begin
    words[begin] = 0
    at += 1
    for cell in range(REGISTER_COUNT):
        if not cells.is_entry[cell] and cells.is_carried[cell]:
            words[begin] += 1
            at = _emit_terms(cells, cell, words, at)
            for source in range(CELLS):  # what the longest chain takes from this cell needs no terms of its own
                if cells.weights[LONGEST_CHAIN, source] <= cells.weights[cell, source]:
                    cells.weights[LONGEST_CHAIN, source] = _NEVER
    words[begin] += 1
    cells.weights[LONGEST_CHAIN, LONGEST_CHAIN] = _NEVER
    _emit_terms(cells, LONGEST_CHAIN, words, at)


@compiled
def _lay(words: IntArray, draft: int, at: int) -> int:
    """Append the targets written to `draft`, those with most terms first, and their terms in layers."""
    targets = words[draft]
    words[at] = targets
    first = at + 1
    at = first
    for terms in range(CELLS, -1, -1):
        entry = draft + 1
        for _ in range(targets):
            if words[entry + 1] == terms:
                words[at] = entry
                at += 1
            entry += 2 + 2 * words[entry + 1]
    layers = words[words[first] + 1]
    words[at] = layers
    at += 1
    for layer in range(layers):
        begin = at
        at += 1
        for target in range(first, first + targets):
            if words[words[target] + 1] > layer:
                words[at] = words[words[target] + 2 + 2 * layer]
                words[at + 1] = words[words[target] + 3 + 2 * layer]
                at += 2
        words[begin] = (at - begin - 1) // 2
    for target in range(first, first + targets):
        words[target] = words[words[target]]
    return at


@compiled
def _emit_terms(cells: Cells, cell: int, words: IntArray, at: int) -> int:
    """Append the terms of a cell; as no cycle is negative, some hide that of the start."""
    weights = cells.weights[cell]
    terms = at + 1
    words[at] = cell
    words[terms] = 0
    at += 2
    for source in range(START):
        if weights[source] > _POSSIBLE:
            words[terms] += 1
            words[at] = source
            words[at + 1] = weights[source]
            at += 2
            if weights[source] >= weights[START]:
                weights[START] = _NEVER
    if weights[START] > _POSSIBLE:
        words[terms] += 1
        words[at] = START
        words[at + 1] = weights[START]
        at += 2
    return at


@compiled
def _emit_writers(cells: Cells, words: IntArray, at: int) -> int:
    begin = at
    words[begin] = 0
    at += 1
    for register in range(REGISTER_COUNT):
        if not cells.is_entry[register] and cells.is_carried[register]:
            words[begin] += 1
            words[at] = register
            words[at + 1] = cells.writer[register]
            at += 2
    return at
