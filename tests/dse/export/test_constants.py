"""Arrays in C read back as what they were."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dse.export.constants import Constants, identifier


def text_of(array: np.ndarray) -> str:
    constants = Constants()
    constants.add("numbers", array)
    return "".join(constants.definitions())


def test_floats_read_back_bit_for_bit() -> None:
    bits = np.random.default_rng(1).integers(0, 2**32, 2000, np.uint32).view(np.float32)
    special = np.array([0, -0.0, 1, 1e-45, 3.4028235e38, 0.1, -1 / 3], np.float32)
    array = np.concatenate([bits[np.isfinite(bits)], special])
    read = [np.float32(number) for number in re.findall(r"([-+\d.e]+)f[,\s]", text_of(array))]
    np.testing.assert_array_equal(np.array(read, np.float32).view(np.uint32), array.view(np.uint32))


def test_bytes_are_words_filled_with_zeros() -> None:
    constants = Constants()
    expression = constants.add("layer_weights", np.arange(1, 11, dtype=np.uint8).reshape(2, 5), "const uint8_t *")
    assert expression == "(const uint8_t *)layer_weights"
    assert constants.header() == "extern _Alignas(64) const uint64_t layer_weights[2];\n"
    assert " 0x0807060504030201, 0x0000000000000a09," in "".join(constants.definitions())


def test_lines_stay_short() -> None:
    lines = text_of(np.arange(-500, 500, dtype=np.int16)).splitlines()
    assert max(map(len, lines)) <= 120
    assert sum(line.count(",") for line in lines) == 1000


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="nan among the numbers"):
        text_of(np.array([1, np.nan], np.float32))


def test_a_name_is_given_once() -> None:
    constants = Constants()
    constants.add("weights", np.zeros(1, np.float32))
    with pytest.raises(AssertionError, match="weights is given twice"):
        constants.add("weights", np.zeros(1, np.float32))


def test_names_of_layers_become_identifiers() -> None:
    assert [identifier(name) for name in ("stage1_block1a", "conv-1.b", "2nd")] == [
        "stage1_block1a",
        "conv_1_b",
        "_2nd",
    ]
