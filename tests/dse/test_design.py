from __future__ import annotations

from dataclasses import replace

import pytest

from dse.design import DESIGN_FIELDS, Design, NetworkChoice, Sums, uniform_design
from dse.errors import UsageError
from dse.networks import FeatureMaps, Repairs, build_network
from kernels_asm import Overflow
from kernels_asm.activation import Activation

NARROW, WIDE = Sums(8, Overflow.WRAP, 31), Sums(16, Overflow.EXACT, None)
CHOICE = NetworkChoice(0.5, FeatureMaps.INT8, 2.0, 20, Repairs(activation=Activation.PRELU))
MIXED = Design(CHOICE, (NARROW, WIDE, NARROW))


def test_layers_that_are_alike_have_one_form() -> None:
    assert Design(NetworkChoice(), (WIDE,) * 4) == uniform_design(1.0, 16, Overflow.EXACT, None)
    assert Design(NetworkChoice(), (WIDE,)).layer_sums(3) == (WIDE,) * 3


@pytest.mark.parametrize("design", [MIXED, Design(CHOICE, (WIDE,)), uniform_design(1.0, 8, Overflow.WRAP, 7)], ids=str)
def test_dict_reads_back_and_holds_what_is_not_usual_alone(design: Design) -> None:
    values = design.to_dict()
    assert Design.from_dict(values) == design
    assert list(values) == [name for name in DESIGN_FIELDS if name in values]
    assert ("input_size" in values) is (design.network.input_size is not None)


def test_rows_have_what_layers_differ_in_as_one_text() -> None:
    assert MIXED.flat_dict() == MIXED.to_dict() | {
        "accumulator": "8/16/8",
        "overflow": "wrap/exact/wrap",
        "clip": "31/none/31",
    }
    uniform = uniform_design(1.0, 8, Overflow.WRAP, None)
    assert uniform.flat_dict() == uniform.to_dict()


def test_texts_tell_layers_apart_where_they_differ() -> None:
    assert str(MIXED) == (
        "width 0.5, 8/16/8-bit wrap/exact/wrap, clip 31/none/31, int8 maps, depth 2, 20x20 pixels, activation=prelu"
    )
    assert str(uniform_design(1.0, 8, Overflow.WRAP, None)) == "width 1, 8-bit wrap, no clip"
    alike = Design(NetworkChoice(), (WIDE, replace(WIDE, clip=7)))
    assert (alike.accumulator_text, alike.clip_text) == ("16", "none/7")


def test_each_layer_computes_in_its_own_sums() -> None:
    shapes = [layer.shape for layer in build_network("tiny").binary_layers]
    mixed = Design(NetworkChoice(), (NARROW, WIDE, NARROW, WIDE)).layer_functions(shapes)
    uniform = [Design(NetworkChoice(), (sums,)).layer_functions(shapes) for sums in (NARROW, WIDE)]
    assert mixed == tuple(uniform[number % 2][number] for number in range(4))
    assert mixed[0] != mixed[1]


def test_a_design_of_other_layers_than_the_network_is_refused() -> None:
    with pytest.raises(UsageError, match="design of 3 layers: the network has 4"):
        MIXED.layer_sums(4)
    with pytest.raises(UsageError, match="one layer at least"):
        Design(CHOICE, ())
    with pytest.raises(UsageError, match="malformed"):
        Design.from_dict({**MIXED.to_dict(), "clip": [31, None]})
