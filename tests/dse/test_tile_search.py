"""The inner search: the fastest kernel of each layer, found once and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dse.cache import EvaluationCache
from dse.latency import EmulatedTimer
from dse.layer_tasks import ConvolutionTask, FusedTask, plain_kernels
from dse.layer_work import Convolution, FusedConvolution
from dse.normalisation_pass import NormalisationPass
from dse.tile_candidates import good_tiles, tile_family
from dse.tile_search import FEW, FIRST, LATENCY, TileSearch
from isa_models import load_core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType, Overflow, TreeTile
from kernels_asm.fused import FusedVariant
from kernels_asm.tiles import parse_tile

A53, A72 = load_core("cortex-a53"), load_core("cortex-a72")
FAMILY = tile_family(A72)
SHAPE = ConvShape(14, 14, 64, 64)
NARROW = Arithmetic(8, clip=31, output=OutputType.INT8)
PLAIN = ConvolutionTask(SHAPE, NARROW)
FUSED = FusedTask(SHAPE, 8, adds=True, to_bits=False)
PASS = NormalisationPass(14, 14, 64, OutputType.INT8)


class FakeTimer:
    """A thousand cycles a kernel, less `gains` for each text that its variant holds; `misses` of them are stalls."""

    def __init__(self, misses: int = 100, **gains: int) -> None:
        self.timed: list[str] = []
        self.batches: list[list[str]] = []
        self.gains = {text.replace("_", "."): cycles for text, cycles in gains.items()}
        self.misses = misses

    def key(self, work):
        return {"work": str(work)}

    @property
    def prepared(self):
        return [text for batch in self.batches for text in batch]

    def prepare(self, works):
        self.batches += [list(map(str, works))]

    def time(self, work):
        self.timed.append(str(work))
        cycles = 1000 - sum(gain for text, gain in self.gains.items() if text in str(work))
        return {"cycles": cycles, "bound": "port F0", "stalls": {"L2 miss": self.misses}}


@pytest.fixture
def search_with(tmp_path):
    """Return a search over the stand-in's cycles, all with one cache."""

    def make(timer: FakeTimer, first: int = FIRST) -> TileSearch:
        return TileSearch(timer, EvaluationCache(tmp_path), FAMILY, first)

    return make


def test_the_fastest_of_the_likely_best_wins(search_with):
    timer = FakeTimer(tree4x8r2=100)
    solution = search_with(timer).solve(PLAIN)
    legal = [kernel.variant.tile for kernel in plain_kernels(PLAIN, FAMILY)]
    assert solution.legal == len(legal) > FEW
    first = [str(KernelVariant(PLAIN.as_timed.arithmetic, tile)) for tile in good_tiles(legal, SHAPE)[:FIRST]]
    assert list(solution.tried)[:FIRST] == first
    assert "tree4x8r2" in str(solution.kernel)
    assert solution.timed.cycles == 900 == min(solution.tried.values())


def test_what_is_timed_is_prepared_together_before(search_with):
    timer = FakeTimer()
    search = search_with(timer)
    search.solve(PLAIN)
    search.time(PASS)
    assert timer.prepared == timer.timed
    assert len(timer.timed) > FIRST


def test_what_tasks_try_next_is_prepared_together(search_with):
    timer = FakeTimer(u2=100)
    unclipped = ConvolutionTask(SHAPE, Arithmetic(8, output=OutputType.INT16))
    search_with(timer).solve_all([PLAIN, unclipped, PLAIN, FUSED])
    start, relatives, unrolled, prefetching, own_clips = timer.batches
    assert len(start) == len(set(start)) == 3 * FIRST
    for batch in (start, relatives, prefetching):
        assert all(any(kind in text for text in batch) for kind in ("clip127-int8", "clipnone-int16", "fused"))
    assert all(".u" in text for text in unrolled)
    assert all("pf" in text for text in prefetching)
    assert not any("pf" in text or ".u" in text for text in [*start, *relatives])
    assert [text for text in own_clips if "clip31" in text] == own_clips != []
    assert sorted(timer.prepared) == sorted(timer.timed)


def test_tasks_that_are_solved_together_have_the_solutions_of_each_alone(tmp_path):
    def search_in(name: str) -> TileSearch:
        return TileSearch(FakeTimer(tree4x8r2=100, u3=50, by1=20), EvaluationCache(tmp_path / name), FAMILY)

    tasks = [PLAIN, replace(PLAIN, arithmetic=replace(NARROW, clip=3)), FUSED, PLAIN]
    together, alone = search_in("together").solve_all(tasks), [search_in("alone").solve(task) for task in tasks[:3]]
    assert together[:3] == alone
    assert together[3] == replace(together[0], timed=replace(together[0].timed, timings=0))
    assert [one.timed.timings for one in search_in("together").solve_all(tasks)] == [0, 0, 0, 0]


def test_what_is_known_is_not_prepared(search_with):
    timer = FakeTimer()
    search = search_with(timer)
    found = search.solve(PLAIN)
    search.time(PASS)
    for again in (search, search_with(timer)):
        timer.batches.clear()
        again.solve_all([PLAIN, PLAIN])
        again.time_all([PASS, PASS])
        assert not timer.prepared
    other_clip = replace(PLAIN, arithmetic=replace(NARROW, clip=3))
    search.solve(other_clip)
    assert timer.prepared == [str(other_clip.like(found.kernel.variant))]


def test_kernels_are_assembled_together(search_with, tmp_path, monkeypatch):
    monkeypatch.setenv("BNN_DSE_CACHE", str(tmp_path / "kernels"))
    shape = ConvShape(7, 7, 16, 16)
    works = [*(Convolution(shape, KernelVariant(NARROW, TreeTile(4, 4, rows))) for rows in (1, 2)), PASS]
    timer = EmulatedTimer(A72)
    timer.prepare(works)
    monkeypatch.setattr("kernels_asm.assembler.assembled", lambda *_: pytest.fail("assembled alone"))
    assert all(timer.time(work)["cycles"] > 0 for work in works)


def test_where_few_tiles_are_legal_all_are_tried(search_with):
    tiny = ConvolutionTask(
        ConvShape(1, 1, 128, 4, 1, 1, padding=0), Arithmetic(8, Overflow.RUNNING, 31, OutputType.INT8)
    )
    legal = [str(kernel.variant.tile) for kernel in plain_kernels(tiny, FAMILY)]
    assert 1 < len(legal) <= FEW
    tried = search_with(FakeTimer(), first=1).solve(tiny).tried
    assert {text.rpartition("int8-")[2] for text in tried} >= set(legal)


def test_another_number_of_tiles_can_be_tried(search_with):
    assert len(search_with(FakeTimer(), first=2).solve(PLAIN).tried) < len(search_with(FakeTimer()).solve(PLAIN).tried)


@pytest.mark.parametrize("text", ["channels", "u3"])
def test_variations_of_the_fastest_trees_are_tried(search_with, text):
    assert text in str(search_with(FakeTimer(**{text: 50})).solve(PLAIN).kernel.variant.tile)


def test_of_the_fastest_trees_those_that_are_far_behind_are_not_varied(search_with):
    plain = good_tiles([kernel.variant.tile for kernel in plain_kernels(PLAIN, FAMILY)], SHAPE)
    best, second = map(str, plain[:2])
    for behind, count in ((5, 2), (70, 1)):
        shape = replace(SHAPE, channels_out=64 + 16 * count)  # another search
        gains = {best.split(".")[0]: 100 + behind, second.split(".")[0]: 100}
        tried = search_with(FakeTimer(misses=0, **gains)).solve(replace(PLAIN, shape=shape)).tried
        assert len([text for text in tried if ".u" in text]) == count


def test_a_tree_is_tried_with_the_most_steps_in_a_row(search_with):
    tried = search_with(FakeTimer(misses=0)).solve(PLAIN).tried
    unrolled = [parse_tile(text.rpartition("int8-")[2]) for text in tried if ".u" in text]
    assert unrolled
    for tile in unrolled:
        assert isinstance(tile, TreeTile)
        assert tile.unroll == max(other.unroll for other in replace(tile, unroll=1).unrolled(SHAPE))


def test_variations_are_combined(search_with):
    tile = str(search_with(FakeTimer(channels=50, u3=50, pf512=50)).solve(PLAIN).kernel.variant.tile)
    assert tile.endswith(".channels.u3.pf512")


@pytest.mark.parametrize("text", ["pf256", "channels"])
def test_the_use_of_caches_is_varied_only_where_misses_cost_anything(search_with, text):
    assert not any(text in variant for variant in search_with(FakeTimer(misses=5)).solve(PLAIN).tried)
    again = replace(PLAIN, shape=ConvShape(14, 14, 64, 128))
    assert any(text in variant for variant in search_with(FakeTimer(misses=50)).solve(again).tried)


def test_variants_of_the_same_code_are_timed_once_and_checked_once_where_they_compute_the_same(search_with):
    timer = FakeTimer()
    timer.key = lambda work: {"kernel": str(work.variant.tile), "variant": str(work)}  # type: ignore[method-assign]
    search = search_with(timer)
    first = search.solve(ConvolutionTask(SHAPE, Arithmetic(16, output=OutputType.INT16)))
    timed = len(timer.timed)
    assert timed == len(first.tried)
    same = search.solve(ConvolutionTask(SHAPE, Arithmetic(16, Overflow.WRAP, output=OutputType.INT16)))
    assert (same.kernel.variant.tile, len(timer.timed)) == (first.kernel.variant.tile, timed)
    assert (same.timed.record, same.timed.timings) == (first.timed.record, 0)
    assert same.timed.key != first.timed.key
    other = search.solve(ConvolutionTask(SHAPE, Arithmetic(16, clip=300, output=OutputType.INT16)))
    assert (other.kernel.variant.tile, len(timer.timed)) == (first.kernel.variant.tile, timed + 1)
    assert timer.timed[-1] == str(other.kernel)


def test_tasks_of_the_same_code_share_a_search_with_other_processes_too(search_with):
    def timer_of_code() -> FakeTimer:
        timer = FakeTimer()
        timer.key = lambda work: {"kernel": str(work.variant.tile), "variant": str(work)}  # type: ignore[method-assign]
        return timer

    first = search_with(timer_of_code()).solve(ConvolutionTask(SHAPE, Arithmetic(16, output=OutputType.INT16)))
    other = timer_of_code()
    same = search_with(other).solve(ConvolutionTask(SHAPE, Arithmetic(16, Overflow.WRAP, output=OutputType.INT16)))
    assert other.timed == [str(same.kernel)]
    assert (same.kernel.variant.tile, same.tried) == (first.kernel.variant.tile, first.tried)
    assert same.kernel.variant.arithmetic.overflow is Overflow.WRAP


def test_fused_kernels_of_the_same_code_keep_their_own_accumulator(search_with):
    def timer_of_code() -> FakeTimer:
        timer = FakeTimer(by1=50)
        timer.key = lambda work: {  # type: ignore[method-assign]
            "kernel": [str(work.variant.tile), str(work.variant.transform)],
            "variant": str(work),
        }
        return timer

    first = search_with(timer_of_code()).solve(FUSED)
    same = search_with(timer_of_code()).solve(replace(FUSED, accumulator=16))
    assert same.kernel.variant == replace(first.kernel.variant, accumulator=16)
    assert same.tried == first.tried


def test_lanes_can_win(search_with):
    wide = ConvolutionTask(ConvShape(4, 4, 8192, 8), Arithmetic(32))  # windows too long for trees
    assert isinstance(search_with(FakeTimer()).solve(wide).kernel.variant.tile, LaneTile)


def test_other_transforms_of_a_fused_kernel_are_tried(search_with):
    solution = search_with(FakeTimer(by1=50)).solve(FUSED)
    assert isinstance(solution.kernel, FusedConvolution)
    assert str(solution.kernel.variant).startswith("acc8-int8+shortcut.by1-tree")
    assert {text.split("-")[1] for text in solution.tried} == {
        f"int8+shortcut.{how}" for how in ("slabs", "by1", "by2")
    }


def test_a_task_is_solved_once_for_ever(search_with):
    timer = FakeTimer(tree4x8r2=100)
    search = search_with(timer)
    first = search.solve(PLAIN)
    timed = len(timer.timed)
    # the clip of 31 is timed as 127, then in its own arithmetic
    assert first.timed.timings == timed == len(first.tried) + 1
    assert search.solve(PLAIN).timed.timings == 0
    other = search_with(timer)
    assert (other.solve(PLAIN).kernel, len(timer.timed)) == (first.kernel, timed)


def test_layers_that_differ_in_the_clip_alone_share_a_search(search_with):
    timer = FakeTimer()
    search = search_with(timer)
    search.solve(PLAIN)
    timed = len(timer.timed)
    other = search.solve(ConvolutionTask(SHAPE, replace(NARROW, clip=3)))
    assert len(timer.timed) == timed + 1
    assert isinstance(other.kernel, Convolution)
    assert other.kernel.variant.arithmetic.clip == 3
    unclipped = search.solve(ConvolutionTask(SHAPE, Arithmetic(8, output=OutputType.INT16)))
    assert len(timer.timed) > timed + FIRST
    assert unclipped.kernel.variant.arithmetic.clip is None


def test_of_a_search_the_winner_alone_has_a_record_of_its_own(search_with, tmp_path):
    search = search_with(FakeTimer())
    search.solve(FUSED)
    search.time(PASS)
    assert len(list(tmp_path.rglob(f"{LATENCY}/*/*.json"))) == 2
    assert len(list(tmp_path.rglob("tiles/*/*.json"))) == 1


def test_a_changed_kernel_is_searched_anew(search_with):
    timer = FakeTimer()
    search_with(timer).solve(PLAIN)
    timed = len(timer.timed)
    timer.key = lambda work: {"work": str(work), "kernel": "changed"}  # type: ignore[method-assign]
    search_with(timer).solve(PLAIN)
    assert len(timer.timed) == 2 * timed


@pytest.mark.parametrize("core", [A53, A72], ids=lambda core: core.name)
def test_no_plain_tile_of_a_small_layer_is_faster_and_every_one_is_checked(core, tmp_path):
    """The search against exhaustion, on emulated kernels."""
    timer, shape = EmulatedTimer(core), ConvShape(7, 7, 16, 16)
    task = ConvolutionTask(shape, NARROW)
    solution = TileSearch(timer, EvaluationCache(tmp_path), tile_family(core)).solve(task)
    cycles = {kernel: timer.time(kernel)["cycles"] for kernel in plain_kernels(task, tile_family(core))}
    assert solution.timed.cycles <= min(cycles.values())
    assert len(solution.tried) < len(cycles)


def test_the_value_of_a_clip_takes_no_cycles():
    timer, tile = EmulatedTimer(A72), TreeTile(4, 4, 1, 3)
    cycles = set()
    for clip in (1, 31, 127):
        variant = KernelVariant(replace(NARROW, clip=clip), tile)
        cycles.add(timer.time(Convolution(ConvShape(7, 7, 16, 16), variant))["cycles"])
    assert len(cycles) == 1


def test_kernels_of_equal_cycles_are_told_apart_by_name(search_with):
    kernels = {str(search_with(FakeTimer()).solve(FUSED).kernel) for _ in range(2)}
    assert len(kernels) == 1
    assert isinstance(search_with(FakeTimer()).solve(FUSED).kernel.variant, FusedVariant)
