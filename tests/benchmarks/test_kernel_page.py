"""The page of kernel figures: what is measured for it, and what it says of the figures."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import bench_kernels, kernel_search
from benchmarks.kernel_fused import FusedSearch
from benchmarks.kernel_jobs import run_jobs
from benchmarks.kernel_page import page
from benchmarks.kernel_plot import plot
from benchmarks.kernel_results import BLOCK_LAYERS, CLIPPED, CORES, LAYERS, WIDTHS, collect, is_block, wanted
from benchmarks.kernel_rivals import FloatBatchNormRuns, Int8Search, Reference, ReferenceRuns
from benchmarks.kernel_search import REORDERED, TileSearch, candidates
from benchmarks.kernel_targets import BLOCK_RATIO, PRODUCTS_PER_CYCLE, reached
from dse.cache import EvaluationCache
from dse.emulation import time_layer
from dse.tile_candidates import PREFETCH, covering_pixels
from isa_models import load_core
from kernels_asm import ConvShape, KernelVariant, LoopOrder, Schedule, TreeTile, parse_tile
from kernels_asm.int8_conv import Int8Path

ROOT = Path(__file__).parents[2]
TINY = ConvShape(2, 2, 32, 4, 1, 1, 1, 0)
A53, A72 = load_core("cortex-a53"), load_core("cortex-a72")

CONVOLUTION, INDIRECT, ONE_CHANNEL, INT8 = 2_000_000, 3_000_000, 5_000_000, 20_000_000
FUSED, FLOAT_BEHIND = 2_000_000, 500_000


def made_up(job):
    """A record as the job would measure it, with round figures."""
    match job:
        case TileSearch():
            slower = ["8x2", 2 * CONVOLUTION, "ports F0, F1", 1.0]
            return {"tiles": [slower, ["8x3", CONVOLUTION, "front end", CONVOLUTION / 4]]}
        case ReferenceRuns():
            return {"cycles": INDIRECT if job.reference is Reference.INDIRECT else ONE_CHANNEL}
        case Int8Search():
            return {"cycles": INT8, "tile": "4x6"}
        case FusedSearch():
            return {"cycles": FUSED, "variant": "acc16-int8"}
        case FloatBatchNormRuns():
            return {"cycles": FLOAT_BEHIND, "pixels": 2}
    raise AssertionError(f"an unknown job: {job}")


def results_of(cores, layers):
    records = {(job, name): made_up(job) for job, names in wanted(cores, layers) for name in names}
    return collect(records, cores, layers)


def row_of(text: str, *cells: str) -> list[str]:
    """The cells of the only row of a table that starts with these."""
    found = [line for line in text.splitlines() if line.startswith(f"| {' | '.join(cells)} |")]
    assert len(found) == 1
    return [cell.strip() for cell in found[0].strip("|").split("|")][len(cells) :]


# ---- what is measured ----


def test_everything_is_measured_once_and_for_the_cores_that_share_it() -> None:
    jobs = wanted([load_core(name) for name in CORES], LAYERS)
    assert len({job for job, _ in jobs}) == len(jobs)
    searches = [(job, names) for job, names in jobs if isinstance(job, TileSearch)]
    assert len(searches) == 2 * (len(LAYERS) + (len(WIDTHS) - 1) * len(BLOCK_LAYERS))
    for job, names in searches:
        in_order = ["cortex-a53", "cortex-a55"]
        assert names == (in_order if job.schedule is Schedule.IN_ORDER else [n for n in CORES if n not in in_order])
    for path, names in ((job.path, names) for job, names in jobs if isinstance(job, Int8Search)):
        without_sdot = ["cortex-a53", "cortex-a72"]
        assert names == (without_sdot if path is Int8Path.SMULL else [n for n in CORES if n not in without_sdot])


def test_only_layers_like_their_input_stand_in_a_block() -> None:
    assert [layer for layer in LAYERS if is_block(layer)] == list(BLOCK_LAYERS)


@pytest.mark.parametrize("is_exhaustive", [True, False])
def test_search_times_what_it_says(is_exhaustive) -> None:
    search = TileSearch(TINY, CLIPPED, Schedule.IN_ORDER, is_exhaustive)
    found = candidates(search.measure([A53])[0])
    tiles = [parse_tile(candidate.tile) for candidate in found]
    assert len(set(tiles)) == len(tiles)
    trees = [tile for tile in tiles if isinstance(tile, TreeTile) and not tile.prefetch]
    assert set(search.tiles()) <= set(tiles)
    assert {tile.prefetch for tile in tiles if isinstance(tile, TreeTile)} == {0, *PREFETCH}
    assert {tree.schedule for tree in trees} == {Schedule.IN_ORDER}
    assert {tree.rows for tree in trees} == {1, 2}
    pixels, channels = ([str(tree).split(".")[0] for tree in trees if tree.order is order] for order in LoopOrder)
    assert len(pixels) > REORDERED
    assert set(channels) == set(pixels if is_exhaustive else pixels[:REORDERED])
    assert [candidate.cycles for candidate in found] == sorted(candidate.cycles for candidate in found)
    for candidate, tile in ((found[0], tiles[0]), (found[-1], tiles[-1])):
        simulation = time_layer(TINY, KernelVariant(CLIPPED, tile), A53).simulation
        assert (simulation.cycles, simulation.bound.what) == (candidate.cycles, candidate.bound)


def test_trees_to_prefetch_for_are_those_that_only_wait_for_lines() -> None:
    trees = [TreeTile(4, pixels, 1, 1, Schedule.IN_ORDER) for pixels in (1, 2, 4)]
    shape = ConvShape(4, 4, 128, 16)
    timings = {(tree, A53.name): time_layer(shape, KernelVariant(CLIPPED, tree), A53).simulation for tree in trees}
    waiting = timings[trees[2], A53.name]
    timings[trees[2], A53.name] = replace(waiting, cycles=waiting.cycles + 10**6, stalls={"L2 miss": 10**6})
    best = {}
    for cost in (lambda simulation: simulation.cycles, kernel_search._cycles_without_misses):
        best[cost.__name__] = list(kernel_search._best_trees(timings, [A53], 1, cost))
    assert best == {"<lambda>": [trees[1]], "_cycles_without_misses": [trees[2]]}


def test_a_record_does_not_depend_on_the_cores_beside(monkeypatch) -> None:
    monkeypatch.setattr(kernel_search, "REORDERED", 3)  # the third best tree differs between the two cores
    search = TileSearch(TINY, CLIPPED, Schedule.OUT_OF_ORDER, is_exhaustive=False)
    m1 = load_core("apple-m1")
    together = search.measure([A72, m1])
    assert [search.measure([core])[0] for core in (A72, m1)] == together
    assert {tile for tile, *_ in together[0]["tiles"]} != {tile for tile, *_ in together[1]["tiles"]}


def test_a_narrow_search_has_trees_that_cover_a_row_in_any_number_of_tiles() -> None:
    assert covering_pixels(ConvShape(28, 28, 128, 128)) == {1, 2, 3, 4, 5, 6, 7, 10, 14, 28}
    odd_ones_rounded_up_to_pairs = {2, 4, 6, 8}
    assert (
        covering_pixels(ConvShape(28, 28, 64, 128)) == {1, 2, 3, 4, 5, 6, 7, 10, 14, 28} | odd_ones_rounded_up_to_pairs
    )


def test_stored_records_are_not_measured_again(tmp_path: Path, monkeypatch) -> None:
    cache, lines = EvaluationCache(tmp_path), []
    jobs = [(ReferenceRuns(reference, TINY), ["cortex-a53", "cortex-a72"]) for reference in Reference]
    jobs += [(job, ["cortex-a72"]) for job in (FloatBatchNormRuns(TINY), FusedSearch(TINY, Schedule.OUT_OF_ORDER))]
    first = run_jobs(jobs, cache, 2, lines.append)
    assert lines[0] == "0 records are stored already; 4 jobs to run"
    assert len(first) == 6
    assert all(record["cycles"] > 0 for record in first.values())
    for kind in (ReferenceRuns, FloatBatchNormRuns, FusedSearch):
        monkeypatch.setattr(kind, "measure", lambda self, cores: pytest.fail("measured again"))
    assert run_jobs(jobs, cache, 2, lines.append) == first
    assert lines[-1] == "6 records are stored already; 0 jobs to run"


def test_another_core_asks_for_another_record() -> None:
    slower = load_core("cortex-a72", {"l2.latency": "99"})
    jobs = [job for job, _ in wanted([A72], [ConvShape(2, 2, 32, 32)])]
    assert len(jobs) == len(WIDTHS) + len(Reference) + 3
    for job in jobs:
        assert job.content(A72) == job.content(A72) != job.content(slower)
    assert len({str(job.content(A72)) for job in jobs}) == len(jobs)


# ---- what the page says ----


def test_rows_of_a_layer() -> None:
    layer = BLOCK_LAYERS[1]
    text = page(results_of([A72], [layer]), "the command")
    assert "### cortex-a72: bound 64.0 products a cycle" in text
    assert row_of(text, str(layer)) == [
        "`8x3`", "57.8", "90.3%", "front end, 25%", "38.5 of 2", "1.50", "2.50", "10.0 (4x6)"
    ]  # fmt: skip
    products = f"{layer.products / CONVOLUTION:.1f}"
    target, widths, block = (row for row in text.splitlines() if row.startswith(f"| cortex-a72 | {layer} |"))
    assert target.startswith(f"| cortex-a72 | {layer} | products a cycle | 58 | 57.80 | no |")
    assert widths == f"| cortex-a72 | {layer} |{f' {products} |' * len(WIDTHS)}"
    assert block.endswith("| `acc16-int8` | 2,000,000 | 3,000,000 + 500,000 = 3,500,000 | 1.75 |")


def test_targets_are_all_there_and_judged_unrounded() -> None:
    cores = [load_core(name) for name in CORES]
    found = list(reached(results_of(cores, LAYERS)))
    assert len(found) == len(PRODUCTS_PER_CYCLE) * len(BLOCK_LAYERS) + len(BLOCK_RATIO)
    asked = {(target.core, target.shape, target.what): target for target in found}
    first, second = BLOCK_LAYERS[:2]
    a72 = asked["cortex-a72", second, "products a cycle"]
    assert (a72.asked, a72.reached, a72.is_met) == (58, second.products / CONVOLUTION, False)
    assert a72.arithmetic.startswith("3 operations for 128 products, 1.50 a cycle, make 64.0; 58 leaves 9% ")
    assert asked["cortex-a72", first, "products a cycle"].is_met
    assert asked["cortex-a53", first, "products a cycle"].asked == 35
    block = asked["cortex-a53", first, "block against the float flow"]
    assert (block.asked, block.reached, block.is_met) == (1.7, 1.75, True)


def test_a_page_of_other_layers_has_no_empty_tables() -> None:
    text = page(results_of([A72], [TINY]), "the command")
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == [
        "# How fast the kernels are", "## Best tile of each layer", "### cortex-a72: bound 64.0 products a cycle"
    ]  # fmt: skip


def test_tables_are_set_apart_and_every_row_has_the_columns_of_its_head() -> None:
    cores = [load_core(name) for name in CORES]
    blocks = [
        part.split("\n") for part in re.split(r"\n\n+", page(results_of(cores, LAYERS), "the command").strip("\n"))
    ]
    tables = [block for block in blocks if block[0].startswith("|")]
    assert len(tables) == len(CORES) + 3
    assert all(line.startswith("|") for table in tables for line in table)
    assert all(len({line.count("|") for line in table}) == 1 for table in tables)
    assert not any(line.startswith("|") for block in blocks if block not in tables for line in block)


def test_the_picture_changes_only_with_the_figures(tmp_path: Path) -> None:
    results = results_of([A53, A72], LAYERS)
    for name in ("first", "second"):
        plot(results, tmp_path / name)
    text = (tmp_path / "first").read_text()
    assert text == (tmp_path / "second").read_text()
    for shown in ("cortex-a53", "cortex-a72", *Reference, "ours, best tile", "512→512"):
        assert f">{shown}<" in text


# ---- the command ----


def test_a_selection_is_printed_and_the_whole_is_written(tmp_path: Path, monkeypatch, capsys) -> None:
    places = ["--cache", str(tmp_path / "cache"), "--jobs", "1"]
    monkeypatch.setattr(bench_kernels, "CORES", ("cortex-a53",))
    monkeypatch.setattr(bench_kernels, "LAYERS", (TINY,))
    chosen = ["--core", "cortex-a53", "--layer", str(TINY)]
    assert bench_kernels.main([*places, *chosen]) == 0
    printed = capsys.readouterr().out
    assert "0 records are stored already; 4 jobs to run" in printed
    assert not list(tmp_path.rglob("kernels.md"))
    monkeypatch.chdir(tmp_path)
    for arguments, folder, command in (
        ([], "docs", bench_kernels.COMMAND),
        (
            [*chosen, "--output", "part"],
            "part",
            f"python -m benchmarks.bench_kernels --core=cortex-a53 '--layer={TINY}'",
        ),
    ):
        assert bench_kernels.main([*places, *arguments]) == 0
        assert "4 records are stored already; 0 jobs to run" in capsys.readouterr().out
        written = (tmp_path / folder / "kernels.md").read_text()
        assert written.startswith(f"# How fast the kernels are\n\nMade by `{command}`; do not edit.\n")
        assert row_of(written, str(TINY)) == row_of(printed, str(TINY))
        assert "](kernels/products.svg)" in written
        assert (tmp_path / folder / "kernels" / "products.svg").is_file()


@pytest.mark.parametrize("wrong", [["--core", "cortex-a99"], ["--layer", "28x28"]])
def test_wrong_input_is_one_line(wrong, capsys) -> None:
    assert bench_kernels.main(wrong) == 1
    assert re.fullmatch(r"[^\n]+\n", capsys.readouterr().err)


def test_the_makefile_has_the_command_that_the_page_names() -> None:
    target = bench_kernels.COMMAND.removeprefix("make ")
    assert f"\n{target}: $(READY)\n\t$(BIN)/python -m benchmarks.bench_kernels\n" in (ROOT / "Makefile").read_text()
