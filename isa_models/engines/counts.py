"""What an engine counts while it runs over a trace."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.stalls import reason_count

IntArray = NDArray[np.int64]

TIMELINE_COLUMNS = ("dispatch", "issue", "complete", "retire")


class Counts(NamedTuple):
    """What a run of an engine counted.

    `mispredictions`: (1,); `port_busy`: (ports,) cycles, summed over the lanes of a unit that has several; `stalls`:
    (rows, reasons) cycles by which each instruction moved the end, by reason; `timeline`: (instructions, 4), from
    instruction `first` of the trace on.
    """

    mispredictions: IntArray
    port_busy: IntArray
    stalls: IntArray
    timeline: IntArray
    first: int


class Charges(NamedTuple):
    """What one segment added to `Counts.stalls`: `row`, `reason` and `cycles` of `used[0]` charges."""

    row: IntArray
    reason: IntArray
    cycles: IntArray
    used: IntArray


def new_counts(row_count: int, port_count: int, timeline: tuple[int, int]) -> Counts:
    """Return counts of zero for `row_count` instructions; `timeline`: first and last + 1 instruction to record."""
    first, last = timeline
    return Counts(
        mispredictions=np.zeros(1, dtype=np.int64),
        port_busy=np.zeros(port_count, dtype=np.int64),
        stalls=np.zeros((row_count, reason_count(port_count)), dtype=np.int64),
        timeline=np.zeros((last - first, len(TIMELINE_COLUMNS)), dtype=np.int64),
        first=first,
    )


def new_charges(longest: int) -> Charges:
    """Return room for the charges of a segment of at most `longest` instructions."""
    row, reason, cycles = (np.zeros(longest, dtype=np.int64) for _ in range(3))
    return Charges(row, reason, cycles, np.zeros(1, dtype=np.int64))


@compiled
def move_end(counts: Counts, charges: Charges, row: int, reason: int, cycles: int) -> None:
    """Charge `cycles` by which an instruction moved the end of the run to it and to `reason`."""
    if cycles > 0:
        counts.stalls[row, reason] += cycles
        at = charges.used[0]
        charges.row[at] = row
        charges.reason[at] = reason
        charges.cycles[at] = cycles
        charges.used[0] = at + 1


@compiled
def record(counts: Counts, number: int, entered: int, issue: int, complete: int, retired: int) -> None:
    """Note the stages of instruction `number` of the trace if it lies in the window of the timeline."""
    at = number - counts.first
    if 0 <= at < counts.timeline.shape[0]:
        counts.timeline[at, 0] = entered
        counts.timeline[at, 1] = issue
        counts.timeline[at, 2] = complete
        counts.timeline[at, 3] = retired
