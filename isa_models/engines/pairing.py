"""The issue stage of an in-order core: which instructions go together in one cycle."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.lanes import LANE_COUNT
from isa_models.engines.lowering_in_order import SLOT_ALONE, SLOT_ANY, InOrderCode
from isa_models.engines.packing import pack_cycle, unpack_cycle
from isa_models.engines.stalls import BRANCH, PAIRING

IntArray = NDArray[np.int64]

# Entries of `IssueStage.scalars`.
_CYCLE, _SLOTS, _LANES, _REDIRECT = range(4)


class IssueStage(NamedTuple):
    """`width`: slots a cycle; `scalars`: current cycle, slots and lanes used in it, where fetch resumes."""

    width: int
    scalars: IntArray


def new_issue_stage(width: int) -> IssueStage:
    """Return an issue stage at cycle 0."""
    return IssueStage(width, np.zeros(4, dtype=np.int64))


@compiled
def earliest_issue(stage: IssueStage, timing: InOrderCode, static: int) -> tuple[int, int]:
    """Return the first cycle at which the rules of pairing let an instruction issue, and what set it."""
    scalars = stage.scalars
    cycle = scalars[_CYCLE]
    slots = scalars[_SLOTS]
    has_slot = slots == 0 or (slots < stage.width and timing.slot[static] == SLOT_ANY)
    has_lanes = slots == 0 or scalars[_LANES] + timing.lanes[static] <= LANE_COUNT
    if not (has_slot and has_lanes):
        cycle += 1
    if scalars[_REDIRECT] > cycle:
        return scalars[_REDIRECT], BRANCH
    return cycle, PAIRING


@compiled
def take_slot(stage: IssueStage, timing: InOrderCode, static: int, cycle: int, held: int) -> None:
    """Issue an instruction at `cycle`; `held`: for how many cycles it keeps the stage."""
    scalars = stage.scalars
    if cycle > scalars[_CYCLE]:
        scalars[_CYCLE] = cycle
        scalars[_SLOTS] = 0
        scalars[_LANES] = 0
    scalars[_SLOTS] += 1
    scalars[_LANES] += timing.lanes[static]
    if held > 1 or timing.slot[static] == SLOT_ALONE:
        scalars[_CYCLE] = cycle + held
        scalars[_SLOTS] = 0
        scalars[_LANES] = 0


@compiled
def end_pair(stage: IssueStage) -> None:
    """A taken branch: nothing else issues in its cycle."""
    stage.scalars[_SLOTS] = stage.width


@compiled
def resume_at(stage: IssueStage, cycle: int) -> None:
    """A misprediction: the right instructions are there from `cycle` on."""
    stage.scalars[_REDIRECT] = cycle


@compiled
def current_issue(stage: IssueStage) -> int:
    """Return the cycle before which nothing more can issue."""
    return stage.scalars[_CYCLE]  # type: ignore[no-any-return]


@compiled
def pack_stage(stage: IssueStage, words: IntArray, at: int) -> int:
    """Append the state relative to `current_issue`."""
    words[at] = stage.scalars[_SLOTS]
    words[at + 1] = stage.scalars[_LANES]
    return pack_cycle(words, at + 2, stage.scalars[_REDIRECT], stage.scalars[_CYCLE])


@compiled
def unpack_stage(stage: IssueStage, base: int, words: IntArray, at: int) -> int:
    """Restore what `pack_stage` appended."""
    stage.scalars[_CYCLE] = base
    stage.scalars[_SLOTS] = words[at]
    stage.scalars[_LANES] = words[at + 1]
    stage.scalars[_REDIRECT] = unpack_cycle(words, at + 2, base)
    return at + 3
