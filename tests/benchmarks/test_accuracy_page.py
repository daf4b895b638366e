"""The section about the quick run: what its table says, and where it goes on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy_designs import ARITHMETICS, end_values
from benchmarks.accuracy_page import BEGIN, END, replace_section, section, tables
from benchmarks.accuracy_plot import plot
from benchmarks.accuracy_recipes import recipes, truth
from benchmarks.accuracy_results import DatasetResults, RecipeRow
from benchmarks.rank_statistics import agreement
from dse.networks import build_network
from dse.training.quick_recipe import QuickRecipe, space_arithmetics

TRUTH = (0.80, 0.85, 0.90)
NETWORK = build_network()


def results(seeds: int = 2) -> DatasetResults:
    runs = [[0.70, 0.75, 0.80], [0.70, 0.85, 0.80]][:seeds]
    deviation = 0.0123 if seeds > 1 else None
    rows = (
        RecipeRow("from scratch", 5.04, 0.0, agreement(runs, TRUTH), seeds, deviation, (0.7, 0.8, 0.8)),
        RecipeRow("warm", 3.0, 61.2, agreement([[1, 2, 3]], TRUTH), 3, deviation, (0.1, 0.2, 0.3)),
    )
    designs = ("exact clip none", "8-bit saturate clip 31", "8-bit wrap clip 3")
    tau = 0.914 if seeds > 1 else None
    return DatasetResults("fashion", designs, TRUTH, 27.4, deviation, tau, 100_000, 7_000, seeds, rows)


def test_a_row_has_seconds_start_seeds_tau_interval_and_noise() -> None:
    assert "| from scratch | 5.0 | - | 2 | 0.67 | -1.00 to 1.00 | 1.23 |\n" in tables([results()])
    assert "| warm | 3.0 | 61 | 3 | 1.00 | 1.00 to 1.00 | 1.23 |\n" in tables([results()])


def test_the_truth_says_how_long_it_took_and_what_judged_it() -> None:
    text = tables([results()])
    assert "Truth: 100,000 training images looked at, 27 s a design, judged on 7,000 held-out images, 2 seeds" in text
    assert "80.0% to 90.0%, 3 pairs more than a point apart. One long training" in text
    assert "with a tau of 0.91.\n" in text


def test_noise_of_one_seed_is_not_known() -> None:
    text = tables([results(seeds=1)])
    assert "1 seed;" in text
    assert "more than a point apart.\n" in text
    assert text.count("| - |") >= 2


def test_the_section_names_its_command_and_how_steps_are_computed() -> None:
    text = section([results()], "eager float32", "make it", "p.svg")
    assert "Made by `make it`" in text
    assert "computed as\neager float32, on one thread" in text
    assert "(p.svg)" in text


def test_a_page_keeps_what_is_outside_the_marks() -> None:
    page = f"# Page\n\n{BEGIN}\nold\n{END}\n\n## Other\n"
    assert replace_section(page, "new") == f"# Page\n\n{BEGIN}\nnew\n{END}\n\n## Other\n"
    assert replace_section("# Page\n", "new") == f"# Page\n\n{BEGIN}\nnew\n{END}\n"
    assert replace_section("", "new").startswith("# ")


def test_replacing_twice_changes_nothing() -> None:
    once = replace_section("# Page\n\ntext\n", "new")
    assert replace_section(once, "new") == once


def test_the_picture_is_the_same_each_time(tmp_path: Path) -> None:
    plot([results(), results(1)], tmp_path / "a.svg")
    plot([results(), results(1)], tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "tau 1.00" in (tmp_path / "a.svg").read_text()


def test_the_designs_are_twenty_functions_and_hold_the_whole_space() -> None:
    designs = {end_values(arithmetic, NETWORK) for arithmetic in ARITHMETICS.values()}
    assert len(ARITHMETICS) == len(designs) == 20
    assert set(space_arithmetics(NETWORK)) < designs


def test_recipes_differ_and_the_last_is_the_default() -> None:
    rows = [named.recipe.digest for named in recipes()]
    assert len(set(rows)) == len(rows)
    assert recipes()[-1].recipe == QuickRecipe()


@pytest.mark.parametrize("images", [10_000, 45_000])
def test_the_truth_looks_at_all_images_more_than_once(images: int) -> None:
    assert truth(images, is_colour=True).recipe.design.images >= max(90_000, 2 * images)
    assert truth(images, is_colour=True).recipe.train_images is None
