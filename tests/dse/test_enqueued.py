from __future__ import annotations

from pathlib import Path

import pytest

from dse.design import Design, NetworkChoice, Sums, uniform_design
from dse.enqueued import enqueued_designs
from dse.errors import UsageError
from dse.legality import Legality
from dse.networks import FeatureMaps, Repairs
from dse.space import SearchSpace
from kernels_asm import Overflow
from kernels_asm.activation import Activation
from tests.sample_kernels import FAMILY, tiny_network

SPACE = SearchSpace()
CONVENTIONAL = uniform_design(1.0, 32, Overflow.EXACT, None)
LEGALITY = Legality(tiny_network, FAMILY)


def read(*entries: str) -> tuple[Design, ...]:
    return enqueued_designs(entries, CONVENTIONAL, SPACE, LEGALITY.reason)


def test_text_changes_the_conventional_design() -> None:
    assert read("accumulator=8 clip=31") == (uniform_design(1.0, 8, Overflow.EXACT, 31),)
    assert read("width=0.5,clip=none,accumulator=16,overflow=wrap") == (uniform_design(0.5, 16, Overflow.WRAP, None),)
    assert read("accumulator=8 maps=int8") == (uniform_design(1.0, 8, Overflow.EXACT, None, FeatureMaps.INT8),)


def test_values_of_layers_stand_with_slashes() -> None:
    space = SearchSpace(
        depth_multipliers=(1.0, 2.0),
        input_sizes=(0, 20),
        repairs=("", "activation=prelu,residual=double"),
        layer_counts=(4, 8),
    )
    narrow, wide = Sums(8, Overflow.EXACT, 31), Sums(16, Overflow.EXACT, None)
    (found,) = enqueued_designs(["clip=31/none*2/31 accumulator=8/16*2/8"], CONVENTIONAL, space, LEGALITY.reason)
    assert found == Design(NetworkChoice(), (narrow, wide, wide, narrow))
    (found,) = enqueued_designs(
        ["depth=2 input_size=20 repairs=activation=prelu;residual=double"], CONVENTIONAL, space, LEGALITY.reason
    )
    assert found.network == NetworkChoice(1.0, FeatureMaps.FLOAT32, 2.0, 20, Repairs(activation=Activation.PRELU))
    for wrong in (
        "clip=31/7",
        "clip=31*x/7",
        "depth=3",
        "input_size=21",
        "repairs=activation=relu",
        "clip=31/7 accumulator=8/16/8/8",
    ):
        with pytest.raises(UsageError, match="outside the study's ranges"):
            enqueued_designs([wrong], CONVENTIONAL, space, LEGALITY.reason)


def test_file_has_one_design_a_line(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("# known\n\naccumulator=8 clip=31  # narrow\nwidth=2\naccumulator=8 clip=31\n")
    assert [str(design) for design in read(str(path), "width=2")] == [
        "width 1, 8-bit exact, clip 31",
        "width 2, 32-bit exact, no clip",
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("accumulater=8", "accumulater is unknown; did you mean accumulator?"),
        ("accumulator=8 clip", "'clip' is no FIELD=VALUE"),
        ("clip=7 clip=3", "clip is given twice"),
        ("clip=20", "outside the study's ranges, which are widths 0.5, 0.75"),
        ("clip=many", "outside the study's ranges"),
        ("accumulator=8 overflow=saturate clip=63", "not worth evaluating: block4: every output is 63"),
        ("overflow=wrap", "outside the study's ranges"),
        ("missing.txt", "designs missing.txt: cannot be read (No such file"),
    ],
)
def test_wrong_designs_are_one_line(entry: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        read(entry)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_line_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("width=2\n\nwidht=2\n")
    with pytest.raises(UsageError, match=r"known\.txt:3: widht is unknown; did you mean width"):
        read(str(path))
