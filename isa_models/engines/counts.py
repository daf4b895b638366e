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

    `cycles`: (1,) total; `chain`: (1,) longest dependence chain alone; `results`: (1,) 64-bit results written (out of
    order) or issue slots taken (in order); `mispredictions`: (1,); `port_busy`: (ports,) cycles, summed over the lanes
    of a unit that has several; `instruction_cycles`: (n,) cycles by which each static instruction moved the end;
    `stalls`: (n, reasons) the same by reason; `timeline`: (last - first, 4).
    """

    cycles: IntArray
    chain: IntArray
    results: IntArray
    mispredictions: IntArray
    port_busy: IntArray
    instruction_cycles: IntArray
    stalls: IntArray
    timeline: IntArray


def new_counts(static_count: int, port_count: int, timeline_length: int) -> Counts:
    """Return counts of zero for a program of `static_count` instructions."""

    def zeros(*shape: int) -> IntArray:
        return np.zeros(shape, dtype=np.int64)

    return Counts(
        cycles=zeros(1),
        chain=zeros(1),
        results=zeros(1),
        mispredictions=zeros(1),
        port_busy=zeros(port_count),
        instruction_cycles=zeros(static_count),
        stalls=zeros(static_count, reason_count(port_count)),
        timeline=zeros(timeline_length, len(TIMELINE_COLUMNS)),
    )


@compiled
def move_end(counts: Counts, static: int, reason: int, cycles: int) -> None:
    """Charge `cycles` by which an instruction moved the end of the run to it and to `reason`."""
    if cycles > 0:
        counts.cycles[0] += cycles
        counts.instruction_cycles[static] += cycles
        counts.stalls[static, reason] += cycles


@compiled
def record(counts: Counts, row: int, entered: int, issue: int, complete: int, retired: int) -> None:
    """Note the stages of a dynamic instruction that lies in the window of the timeline."""
    if 0 <= row < counts.timeline.shape[0]:
        counts.timeline[row, 0] = entered
        counts.timeline[row, 1] = issue
        counts.timeline[row, 2] = complete
        counts.timeline[row, 3] = retired
