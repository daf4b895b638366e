"""Rows of numbers, added one by one, of which any choice is taken at once as arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = tuple[Any, ...]
"""Of numbers and tuples of numbers, of the same types and lengths in all rows of a table."""


class RowTable:
    """Rows of `width` elements, numbered in the order in which they are added."""

    def __init__(self, width: int) -> None:
        self._count = 0
        self._new: list[Row] = []
        self._columns: list[NDArray[Any]] = [np.zeros(0, np.int64)] * width

    def add(self, row: Row) -> int:
        """Return the number of a new row."""
        self._new.append(row)
        self._count += 1
        return self._count - 1

    def columns(self, numbers: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Return for each element of a row the array of those of the rows with these numbers: int64, or bool."""
        if self._new:
            added = [_array(column) for column in zip(*self._new, strict=True)]
            is_first = self._count == len(self._new)
            both = [added] if is_first else [self._columns, added]
            self._columns = [np.concatenate(parts) for parts in zip(*both, strict=True)]
            self._new.clear()
        return [column[numbers] for column in self._columns]


def spread(first: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers first[0], first[0] + 1 and so on, `counts[0]` of them, then those from first[1] on."""
    ends = np.cumsum(counts)
    places: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(first - (ends - counts), counts)
    return places


def _array(column: Sequence[Any]) -> NDArray[Any]:
    return np.array(column, np.bool_ if isinstance(column[0], bool) else np.int64)
