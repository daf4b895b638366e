"""The trace as a sequence of segments: runs of neighbouring instructions that occur again and again.

Rows are the executed instructions of a program, numbered without gaps in the order of their addresses.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.trace import Trace

IntArray = NDArray[np.int64]

LONGEST = 256
"""Instructions of a segment at most."""

MOST_BRANCHES = 60
"""Branches in a segment at most, so that one word has a bit for each of them."""

_NOWHERE = -1


class Segments(NamedTuple):
    """Executed segments, shape (m,), and the different ones among them, shape (d,).

    `kind`: number of the different segment; `first`, `length`: its rows; `target`: row to which its last instruction
    jumps, -1 if it does not; `uses`: how often it is executed.
    """

    kind: IntArray
    first: IntArray
    length: IntArray
    target: IntArray
    uses: IntArray


def split(trace: Trace, rows: NDArray[np.intp], branch_before: IntArray) -> Segments:
    """Cut a trace into segments.

    `rows`: indices of the executed instructions, ascending; `branch_before`: shape (rows + 1,), branches in front of
    each row.
    """
    row_of = np.zeros(len(trace.program), dtype=np.int64)
    row_of[rows] = np.arange(rows.size)
    room = trace.first.size + len(trace) // MOST_BRANCHES
    kind = np.empty(room, dtype=np.int64)
    # Zeros take no memory until they are written, so room for the worst case costs nothing.
    first, length = np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.int64)
    target, uses = np.zeros(room, dtype=np.int64), np.zeros(room, dtype=np.int64)
    table = np.zeros(1 << (2 * room).bit_length(), dtype=np.int64)
    pieces, count = _number(trace.first, trace.length, row_of, branch_before, table, kind, first, length, target, uses)
    return Segments(kind[:pieces], first[:count], length[:count], target[:count], uses[:count])


@compiled
def _number(
    run_first: NDArray[np.int32],
    run_length: NDArray[np.int32],
    row_of: IntArray,
    branch_before: IntArray,
    table: IntArray,
    kind: IntArray,
    first: IntArray,
    length: IntArray,
    target: IntArray,
    uses: IntArray,
) -> tuple[int, int]:
    """Fill the arrays of `Segments`; return how many segments are executed, and how many different ones there are."""
    pieces = 0
    count = 0
    last = run_first.size - 1
    number = 0
    for run in range(run_first.size):
        begin = row_of[run_first[run]]
        end = begin + run_length[run]
        has_jump = run < last and run_first[run] + run_length[run] != run_first[run + 1]
        run_target = row_of[run_first[run + 1]] if has_jump else _NOWHERE
        while begin < end:
            size = _piece(branch_before, begin, end)
            goes_to = run_target if begin + size == end else _NOWHERE
            is_repeated = begin == first[number] and size == length[number] and goes_to == target[number]
            if not is_repeated:  # in a loop it is the segment of the previous turn
                number = _find(table, first, length, target, begin, size, goes_to)
            if number < 0:
                number = count
                count += 1
                first[number] = begin
                length[number] = size
                target[number] = goes_to
                _insert(table, first, length, target, number)
            kind[pieces] = number
            uses[number] += 1
            pieces += 1
            begin += size
    return pieces, count


@compiled
def _piece(branch_before: IntArray, begin: int, end: int) -> int:
    """Return how many instructions from `begin` on belong together."""
    size = min(end - begin, LONGEST)
    if branch_before[begin + size] - branch_before[begin] <= MOST_BRANCHES:
        return size
    return MOST_BRANCHES


@compiled
def _slot(table: IntArray, begin: int, size: int, goes_to: int) -> int:
    key = ((begin << 24) + goes_to + 1) * 2 * LONGEST + size
    return (key * 0x9E3779B97F4A7C1 >> 20) & (table.size - 1)


@compiled
def _find(
    table: IntArray,
    first: IntArray,
    length: IntArray,
    target: IntArray,
    begin: int,
    size: int,
    goes_to: int,
) -> int:
    """Return the number of a segment, or -1; entries of the table are numbers plus one."""
    slot = _slot(table, begin, size, goes_to)
    while table[slot] != 0:
        number = table[slot] - 1
        if first[number] == begin and length[number] == size and target[number] == goes_to:
            return number  # type: ignore[no-any-return]
        slot = (slot + 1) & (table.size - 1)
    return -1


@compiled
def _insert(
    table: IntArray,
    first: IntArray,
    length: IntArray,
    target: IntArray,
    number: int,
) -> None:
    slot = _slot(table, first[number], length[number], target[number])
    while table[slot] != 0:
        slot = (slot + 1) & (table.size - 1)
    table[slot] = number + 1
