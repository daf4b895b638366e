"""The trace as a sequence of segments: runs of neighbouring instructions that occur again and again.

Rows are the executed instructions of a program, numbered without gaps in the order of their addresses.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled, compiled_entry
from isa_models.trace import Trace

IntArray = NDArray[np.int64]

LONGEST = 256
"""Instructions of a segment at most."""

MOST_BRANCHES = 60
"""Branches in a segment at most, so that one word has a bit for each of them."""

_NOWHERE = -1
_NONE = -1


class Segments(NamedTuple):
    """Executed segments, shape (m,), and the different ones among them, shape (d,).

    `kind`: number of the different segment; `times`: how often it is executed in a row there; `first`, `length`: its
    rows; `target`: row to which its last instruction jumps, -1 if it does not; `uses`: how often it is executed.
    """

    kind: IntArray
    times: IntArray
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
    kind, times, first, length, target, uses, older = (np.empty(room, dtype=np.int64) for _ in range(7))
    newest = np.full(rows.size, _NONE, dtype=np.int64)
    whole = Segments(kind, times, first, length, target, uses)
    stretches, count = _number(trace.first, trace.length, row_of, branch_before, whole, newest, older)
    return Segments(kind[:stretches], times[:stretches], first[:count], length[:count], target[:count], uses[:count])


@compiled_entry
def _number(
    run_first: NDArray[np.int32],
    run_length: NDArray[np.int32],
    row_of: IntArray,
    branch_before: IntArray,
    segments: Segments,
    newest: IntArray,
    older: IntArray,
) -> tuple[int, int]:
    """Fill `segments`; return how many times another one follows, and how many different ones there are.

    `newest`: for each row, the last segment found that begins there, -1 if none does; `older`: the one found before it.
    """
    stretches = 0
    count = 0
    last = run_first.size - 1
    number = _NONE
    for run in range(run_first.size):
        if stretches > 0 and _is_next_turn(run_first, run_length, segments.length[number], run):
            segments.times[stretches - 1] += 1
            segments.uses[number] += 1
            continue
        begin = row_of[run_first[run]]
        end = begin + run_length[run]
        has_jump = run < last and run_first[run] + run_length[run] != run_first[run + 1]
        run_target = row_of[run_first[run + 1]] if has_jump else _NOWHERE
        while begin < end:
            size = _piece(branch_before, begin, end)
            goes_to = run_target if begin + size == end else _NOWHERE
            number = newest[begin]
            while number >= 0 and not _is(segments, number, begin, size, goes_to):
                number = older[number]
            if number < 0:
                number = count
                count += 1
                segments.first[number] = begin
                segments.length[number] = size
                segments.target[number] = goes_to
                segments.uses[number] = 0
                older[number] = newest[begin]
                newest[begin] = number
            if stretches == 0 or segments.kind[stretches - 1] != number:
                segments.kind[stretches] = number
                segments.times[stretches] = 0
                stretches += 1
            segments.times[stretches - 1] += 1
            segments.uses[number] += 1
            begin += size
    return stretches, count


@compiled
def _is_next_turn(run_first: NDArray[np.int32], run_length: NDArray[np.int32], length: int, run: int) -> bool:
    """Whether a run is the one before again, which was one segment of `length`, and jumps back as that did."""
    if run + 1 >= run_first.size or run_length[run] != length or run_length[run - 1] != length:
        return False
    again: bool = run_first[run] == run_first[run - 1] and run_first[run + 1] == run_first[run]
    return again


@compiled
def _is(segments: Segments, number: int, begin: int, size: int, goes_to: int) -> bool:
    """Whether a segment has these rows and this target."""
    is_same: bool = (
        segments.first[number] == begin and segments.length[number] == size and segments.target[number] == goes_to
    )
    return is_same


@compiled
def _piece(branch_before: IntArray, begin: int, end: int) -> int:
    """Return how many instructions from `begin` on belong together."""
    size = min(end - begin, LONGEST)
    if branch_before[begin + size] - branch_before[begin] <= MOST_BRANCHES:
        return size
    return MOST_BRANCHES
