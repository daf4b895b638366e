from __future__ import annotations

from pathlib import Path

import pytest

from dse.design import Design
from dse.enqueued import enqueued_designs
from dse.errors import UsageError
from dse.legality import Legality
from dse.networks import FeatureMaps, build_network
from dse.space import SearchSpace
from kernels_asm import LaneTile, Overflow, TreeTile

SPACE = SearchSpace((LaneTile(2, 2), LaneTile(16, 8), TreeTile(4, 7)))
CONVENTIONAL = Design(1.0, 32, Overflow.EXACT, None, LaneTile(2, 2))
LEGALITY = Legality(lambda width, maps: build_network("tiny", width, maps=maps))


def read(*entries: str) -> tuple[Design, ...]:
    return enqueued_designs(entries, CONVENTIONAL, SPACE, LEGALITY.reason)


def test_text_changes_the_conventional_design() -> None:
    assert read("accumulator=8 clip=31") == (Design(1.0, 8, Overflow.EXACT, 31, LaneTile(2, 2)),)
    assert read("width=0.5,clip=none,accumulator=16,overflow=wrap") == (
        Design(0.5, 16, Overflow.WRAP, None, LaneTile(2, 2)),
    )
    assert read("accumulator=8 maps=int8") == (Design(1.0, 8, Overflow.EXACT, None, LaneTile(2, 2), FeatureMaps.INT8),)


def test_what_is_left_out_gives_way_to_what_no_kernel_has() -> None:
    # Only trees run sums, so that the conventional design's tile cannot stay.
    assert read("accumulator=8 overflow=running clip=31") == (Design(1.0, 8, Overflow.RUNNING, 31, TreeTile(4, 7)),)


def test_file_has_one_design_a_line(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    path.write_text("# known\n\naccumulator=8 clip=31  # narrow\nwidth=2\naccumulator=8 clip=31\n")
    assert [str(design) for design in read(str(path), "width=2")] == [
        "width 1, 8-bit exact, clip 31, tile 2x2",
        "width 2, 32-bit exact, no clip, tile 2x2",
    ]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("accumulater=8", "accumulater is unknown; did you mean accumulator?"),
        ("accumulator=8 clip", "'clip' is no FIELD=VALUE"),
        ("clip=7 clip=3", "clip is given twice"),
        ("clip=20", "outside the study's ranges, which are widths 0.5, 0.75"),
        ("clip=many", "outside the study's ranges"),
        ("accumulator=32 tile=16x8", "no kernel computes it: block1: "),
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
