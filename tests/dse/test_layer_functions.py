import json

import pytest

from dse.layer_functions import function_values, parse_function
from kernels_asm import EndValue, RunningSums

FUNCTIONS = [EndValue(288, 577, -15, 15), RunningSums(-15, 15), RunningSums(-256, 254)]


@pytest.mark.parametrize("function", FUNCTIONS, ids=str)
def test_functions_read_back_from_json(function):
    assert parse_function(json.loads(json.dumps(function_values(function)))) == function


def test_kinds_are_told_apart():
    assert len({tuple(function_values(function)) for function in FUNCTIONS}) == 3


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["end value", 1, 2, 3],
        ["running sums", 1],
        ["running sums", 1, 2, 3],
        ["median", 1, 2],
        ["running sums", "1", 2],
    ],
)
def test_anything_else_is_refused(values):
    with pytest.raises(ValueError, match=r"is no layer function|fields of|values to unpack"):
        parse_function(values)
