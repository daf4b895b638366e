"""The clip benchmark's arithmetic, page and designs."""

import pytest

from benchmarks.accuracy_page import replace_section
from benchmarks.clip_designs import CLIPS, NARROW, insertion
from benchmarks.clip_page import BEGIN, END, ClipResults, clip_row, plot, section
from dse.training.quick_recipe import Parent

ROWS = (clip_row(31, [0.60, 0.62], [0.61, 0.62]), clip_row(3, [0.50, 0.51], [0.61, 0.62]))
RESULTS = ClipResults("cifar10", 360_000, 225_000, 15_000, 2, 0.615, ROWS)


def test_a_row_pairs_seeds():
    row = ROWS[0]
    assert row.loss == pytest.approx(0.005)
    assert row.standard_error == pytest.approx(0.005)  # of losses 0.01 and 0
    with pytest.raises(ValueError, match="two of them"):
        clip_row(31, [0.6], [0.6])


def test_the_section_says_every_row_and_the_best():
    text = section(RESULTS, "make bench-clip", "accuracy/clip.svg")
    assert "| 31 | 61.00% | +0.50 | 0.50 |" in text
    assert "| 3 | 50.50% | +11.00 | 0.00 |" in text
    assert "The best clip, 31, loses 0.50 ± 0.50 points." in text


def test_sections_of_two_benchmarks_live_on_one_page():
    page = replace_section("", "first")
    page = replace_section(page, "clips", (BEGIN, END))
    assert replace_section(page, "clips", (BEGIN, END)) == page
    changed = replace_section(page, "other clips", (BEGIN, END))
    assert "first" in changed
    assert changed.count(BEGIN) == changed.count(END) == 1
    assert "other clips" in changed


def test_the_picture_is_the_same_every_time(tmp_path):
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        plot(RESULTS, picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_every_design_has_int8_outputs_and_goes_on_from_exact_sums():
    assert list(NARROW) == list(CLIPS)
    assert all(arithmetic.clip is not None and arithmetic.clip <= 127 for arithmetic in NARROW.values())
    recipe = insertion(1000, (4, 2))
    assert recipe.parent is Parent.EXACT
    assert recipe.parent_phase is not None
    assert (recipe.parent_phase.images, recipe.design.images) == (4000, 2000)
