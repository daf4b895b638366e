"""Numbers of lowered rows by the text of instructions, each of which is lowered once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from isa_models.program import Instruction, Program

RowT = TypeVar("RowT", bound=Hashable)


class RowNumbers(Generic[RowT]):
    """What a core's lowering has met.

    Args:
        lower: Returns the row of an instruction.
        add: Puts a row into the lowering's tables and returns its number.

    """

    def __init__(self, lower: Callable[[Instruction], RowT], add: Callable[[RowT], int]) -> None:
        self._lower = lower
        self._add = add
        self._numbers: dict[tuple[str, str], int] = {}
        self._known: dict[RowT, int] = {}

    def of(self, program: Program, places: Sequence[int]) -> NDArray[np.int64]:
        """Return the numbers of the rows of these instructions of a program; what no engine tells apart shares one.

        Raises what `lower` raises.
        """
        return np.array([self._number(program, place) for place in places], np.int64)

    def _number(self, program: Program, place: int) -> int:
        key = program.texts[place]
        number = self._numbers.get(key)
        if number is None:
            row = self._lower(program.instruction(place))
            if row not in self._known:
                self._known[row] = self._add(row)
            number = self._numbers[key] = self._known[row]
        return number
