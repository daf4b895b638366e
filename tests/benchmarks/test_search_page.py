"""The page of the search for tiles: what it is measured on, and what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import bench_search
from benchmarks.bench_search import page
from benchmarks.search_outcome import RecordedTimer, outcome
from benchmarks.search_tiles import LAYERS, SUMS, TileTimings
from dse.latency import EmulatedTimer
from dse.layer_tasks import plain_kernels
from dse.layer_work import Convolution
from dse.tile_candidates import good_tiles, tile_family
from dse.tile_search import FIRST
from isa_models import load_core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, OutputType, TreeTile

ROOT = Path(__file__).parents[2]
A72 = load_core("cortex-a72")
JOB = TileTimings(ConvShape(14, 14, 64, 64), SUMS[0])


def made_up(job: TileTimings, fastest: int) -> dict[str, int]:
    """Return cycles of all plain tiles: a thousand, but for the one that comes so far in the order of the search."""
    kernels = {kernel.variant.tile: str(kernel.variant) for kernel in plain_kernels(job.task, tile_family(A72))}
    best = good_tiles(kernels, job.shape)[fastest]
    return {text: 900 if tile == best else 1000 for tile, text in kernels.items()}


def test_a_job_times_all_plain_tiles_and_the_fastest_trees_unrolled(tmp_path, monkeypatch):
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path))
    job = TileTimings(ConvShape(4, 4, 16, 8), Arithmetic(8, clip=127, output=OutputType.INT8))
    (record,) = job.measure([A72])
    cycles = record["cycles"]
    plain = list(plain_kernels(job.task, tile_family(A72)))
    assert set(map(str, (kernel.variant for kernel in plain))) <= set(cycles)
    unrolled = [text for text in cycles if ".u" in text]
    assert unrolled
    one = KernelVariant.parse(unrolled[0])
    assert cycles[unrolled[0]] == EmulatedTimer(A72).time(Convolution(job.shape, one))["cycles"]
    found = outcome(job, A72.name, record)
    assert found.legal == len(plain)
    assert found.tried < len(cycles)
    assert 0 <= found.found < 0.2


@pytest.mark.parametrize(("fastest", "behind"), [(0, 0.0), (FIRST - 1, 0.0), (FIRST, 1000 / 900 - 1)])
def test_a_search_is_behind_where_the_fastest_is_not_among_its_first(fastest, behind):
    found = outcome(JOB, A72.name, {"cycles": made_up(JOB, fastest)})
    assert (found.first, found.found) == (pytest.approx(behind), pytest.approx(behind))


def test_a_kernel_that_was_never_timed_costs_what_it_varies():
    tree = KernelVariant(SUMS[0], TreeTile(4, 14, 1, 3))
    longer = KernelVariant(SUMS[0], TreeTile(4, 14, 1, 3, unroll=3))
    with_dots = KernelVariant(SUMS[-1], TreeTile(4, 14, 1, 3, udot=True))
    longer_with_dots = KernelVariant(SUMS[-1], TreeTile(4, 14, 1, 3, udot=True, unroll=3))
    timer = RecordedTimer({str(tree): 700, str(with_dots): 600})
    assert timer.time(Convolution(JOB.shape, longer))["cycles"] == 700
    assert timer.time(Convolution(JOB.shape, longer_with_dots))["cycles"] == 600
    other = KernelVariant(SUMS[0], TreeTile(4, 7, 1, 3))
    with pytest.raises(AssertionError, match="was not timed"):
        timer.time(Convolution(JOB.shape, other))


def test_page_counts_and_names_the_worst():
    outcomes = [outcome(JOB, A72.name, {"cycles": made_up(JOB, fastest)}) for fastest in (0, FIRST)]
    text = page(outcomes, "make bench-search")
    assert re.search(r"^\| cortex-a72 \| 2 \| \d+ \| [\d.]+ \| 1 \| 5\.56, 11\.1 \| 1 \| 5\.56, 11\.1 \|$", text, re.M)
    assert f"| cortex-a72 | {JOB.task} | 11.1 |" in text


def test_the_page_in_the_project_is_of_all_layers_sums_and_cores():
    text = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    assert f"Made by `{bench_search.COMMAND}`" in text
    assert f"| all | {len(LAYERS) * len(SUMS) * len(bench_search.CORES)} |" in text
