"""Why a value came when it did, traced back through the values that it was made from.

An instruction that waits for an operand is often late only because the front end let its producers in late. Following
the operands back to an instruction that waited for none finds that reason. Where that instruction is no longer in the
window, the chain of dependences itself is what limits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.lowering import MAX_WRITES, StaticCode
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]


class Causes(NamedTuple):
    """Per register: `reason` that set the start of its chain, and dynamic `number` of the instruction there."""

    reason: IntArray
    number: IntArray


def no_causes() -> Causes:
    """Return causes for registers that nobody has written."""
    return Causes(np.zeros(REGISTER_COUNT, dtype=np.int64), np.full(REGISTER_COUNT, -(1 << 62), dtype=np.int64))


@compiled
def root_of(causes: Causes, reason: int, number: int, window: int) -> tuple[int, int]:
    """Return the reason behind `reason` of instruction `number`, and the instruction where it arose."""
    if reason >= REGISTER_COUNT:
        return reason, number
    origin = causes.number[reason]
    if number - origin < window:
        return causes.reason[reason], origin
    return reason, origin


@compiled
def note_cause(causes: Causes, code: StaticCode, static: int, reason: int, number: int) -> None:
    """Hand the cause of an instruction on to the registers that it writes, except a base that is written back."""
    for column in range(MAX_WRITES):
        register = code.writes[static, column]
        if register < 0:
            break
        if register != code.base[static]:
            causes.reason[register] = reason
            causes.number[register] = number
