"""Products of matrices of whole numbers, exact: NumPy's fast product in floating point, on one thread."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

_EXACT: Final[Mapping[np.dtype[np.floating], int]] = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}
"""Sums of magnitude up to this are exact."""


def exact_product(rows: NDArray[np.integer], columns: NDArray[np.integer], largest: int) -> NDArray[np.int64]:
    """Return the dot products, int64 (m, k), of rows (m, n) with rows (k, n) of whole numbers.

    `largest`: no sum of any of the products of a row and a row is of larger magnitude; at most 2^53.

    One thread: a layer's product takes a millisecond, behind which the threads of the linear algebra library wait in a
    loop for the next one, for twenty times as long.
    """
    exact = next(dtype for dtype, most in _EXACT.items() if largest <= most)
    with _linear_algebra().limit(limits=1, user_api="blas"):
        product: NDArray[np.floating] = np.matmul(rows.astype(exact), columns.T.astype(exact))
    return product.astype(np.int64)


@cache
def _linear_algebra() -> ThreadpoolController:
    """Return what controls NumPy's library: to find the library takes longer than to multiply."""
    return ThreadpoolController()
