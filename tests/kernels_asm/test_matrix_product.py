import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_info

from kernels_asm.matrix_product import exact_product


def _random(size: tuple[int, int], most: int, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-most, most, size, endpoint=True)


@given(size=st.tuples(*[st.integers(1, 40)] * 3), bits=st.integers(0, 20), seed=st.integers(0, 2**32 - 1))
def test_product_is_that_of_integers(size: tuple[int, int, int], bits: int, seed: int) -> None:
    m, n, k = size
    rows, columns = _random((m, n), 1 << bits, seed), _random((k, n), 1 << bits, seed + 1)

    assert np.array_equal(exact_product(rows, columns, n << 2 * bits), rows @ columns.T)


@pytest.mark.parametrize("largest", [2**24 - 1, 2**24, 2**24 + 1, 2**53 - 1])
def test_largest_sums_at_the_edges_of_the_floating_point_types_are_exact(largest: int) -> None:
    ones = np.ones((1, 2), np.int64)

    found = exact_product(np.array([[largest - 1, 1], [1 - largest, -1]]), ones, largest)

    assert found.tolist() == [[largest], [-largest]]


def test_product_takes_one_thread_and_gives_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    during: list[list[int]] = []
    multiply = np.matmul
    monkeypatch.setattr(np, "matmul", lambda *matrices: (during.append(threads()), multiply(*matrices))[1])
    before = threads()
    ones = np.ones((1, 1), np.int64)

    exact_product(ones, ones, 1)

    assert during == [[1] * len(before)]
    assert threads() == before
