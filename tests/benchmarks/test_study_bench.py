"""The study benchmark's stand-in, counts and page."""

from dataclasses import replace

import pytest

from benchmarks.study_accuracy import fidelity, stand_in_accuracy
from benchmarks.study_plot import plot
from benchmarks.study_results import StudyResults, page
from benchmarks.study_resume import STORAGES, Resume, fill, measure
from benchmarks.study_samplers import BASELINE, Run, result, run_sampler
from benchmarks.study_space import SPACE, Truth
from benchmarks.study_throughput import Throughput, in_random_order
from benchmarks.study_trainings import Trainings
from dse.design import Design, uniform_design
from dse.networks import FeatureMaps, build_network
from dse.spec import SamplerKind
from kernels_asm import EndValue, Overflow, RunningSums

NETWORK = build_network("tiny")
EXACT = EndValue(288, 1000, -288, 288)


def made_up_truth() -> Truth:
    """Return a truth over part of the space in which width costs time and clips cost accuracy."""
    designs = [design for design in SPACE.designs() if design.sums[0].overflow is Overflow.EXACT][::7]
    values = {
        design: (
            design.network.width_multiplier + design.sums[0].accumulator / 100,
            design.network.width_multiplier - 1 / (design.sums[0].clip or 200),
        )
        for design in designs
    }
    return Truth(values, (designs[0],))


def test_fidelity_is_a_correlation_with_the_exact_sums():
    assert fidelity(288, EXACT) == pytest.approx(1)
    clipped = [fidelity(288, EndValue(288, 1000, -clip, clip)) for clip in (63, 15, 3)]
    assert 1 > clipped[0] > 0.99 > clipped[1] > clipped[2] > 0.7
    assert fidelity(288, RunningSums(-15, 15)) == pytest.approx(clipped[1])
    assert fidelity(288, EndValue(0, 1, 5, 5)) == 0


def test_designs_that_compute_the_same_have_one_accuracy():
    def accuracy(design: Design) -> float:
        functions = design.layer_functions(layer.shape for layer in NETWORK.binary_layers)
        return stand_in_accuracy(design.network.width_multiplier, design.network.maps, NETWORK.binary_layers, functions)

    wide, narrow = uniform_design(1.0, 32, Overflow.EXACT, 31), uniform_design(1.0, 16, Overflow.EXACT, 31)
    assert accuracy(wide) == accuracy(narrow)
    assert accuracy(wide) != accuracy(uniform_design(1.0, 32, Overflow.EXACT, 31, FeatureMaps.INT8))
    assert accuracy(wide) > accuracy(uniform_design(1.0, 32, Overflow.EXACT, 3)) + 0.02


def test_shares_span_the_true_front():
    truth = made_up_truth()
    ends = [next(design for design, value in truth.values.items() if value == truth.front[end]) for end in (0, -1)]
    fastest, best = map(truth.share, ends)
    assert fastest[0] == best[1] == 1
    assert 0 < fastest[1] < 0.1
    assert 0 < best[0] < 0.1
    assert sorted(truth.front) == list(truth.front)
    assert sorted(accuracy for _, accuracy in truth.front) == [accuracy for _, accuracy in truth.front]


@pytest.mark.parametrize("kind", [SamplerKind.RANDOM, SamplerKind.NSGA2])
def test_a_run_stops_once_it_has_enough(kind):
    truth = made_up_truth()
    run = run_sampler(kind, truth, 0, len(truth.values))
    assert run == run_sampler(kind, truth, 0, len(truth.values))
    assert list(run.shares) == sorted(run.shares)
    assert run.shares[-1] >= 0.99 > run.shares[-2]
    assert len(run_sampler(kind, truth, 0, 3).shares) == 3


def test_a_design_that_another_stands_for_is_timed_only_unless_everything_is_evaluated():
    truth = made_up_truth()
    stands = next(design for design in truth.values if design not in truth.first)
    standing = replace(truth, instead={design: stands for design in truth.values if design != stands})
    run = run_sampler(SamplerKind.GRID, standing, 0, len(truth.values))
    assert len(run.shares) == len(truth.first) + 1  # what a study begins with, and the one that stands for the rest
    assert run.timed == len(truth.values) - len(run.shares)
    whole = run_sampler(SamplerKind.GRID, standing, 0, len(truth.values), screens=False)
    assert whole == run_sampler(SamplerKind.GRID, truth, 0, len(truth.values))


def test_designs_that_an_evaluated_one_stands_for_are_proposed_no_more():
    truth = made_up_truth()
    others = [design for design in truth.values if design not in truth.first]
    standing = replace(truth, stands_for={truth.first[0]: others[:-1]})
    run = run_sampler(SamplerKind.GRID, standing, 0, len(truth.values))
    assert len(run.shares) == 2
    assert run.timed == len(others) - 1
    whole = run_sampler(SamplerKind.GRID, standing, 0, len(truth.values), screens=False)
    assert whole == run_sampler(SamplerKind.GRID, truth, 0, len(truth.values))


def runs(*shares: list[float]) -> list[Run]:
    return [Run(tuple(one)) for one in shares]


def test_medians_count_runs_without_end_as_beyond_the_limit():
    found = result("tpe", runs([0.5, 0.995], [0.5, 0.6, 0.7], [0.5, 0.6, 0.99]), 3)
    assert found.evaluations == (2, None, 3)
    assert found.counted == [2, 3, 4]
    assert found.median == 3
    random = result(BASELINE, runs([0.1] * 11 + [1.0]), 100)
    assert found.meets(30, random) == (True, True)
    assert found.meets(29, random) == (False, True)
    assert result("tpe", runs([0.1] * 3 + [1.0]), 4).meets(40, random) == (True, False)


def sample_results() -> StudyResults:
    tpe = result("tpe", [Run((0.9, 0.995), 4, 1.0), Run((0.5, 0.9, 0.991), 6, 3.0)], 50)
    gp = result("gp", runs([0.9, 0.91]), 2)
    random = result(BASELINE, runs([0.1] * 19 + [1.0], [0.1] * 29 + [1.0]), 50)
    return StudyResults(
        core="cortex-a72",
        designs=50,
        front=7,
        functions=33,
        samplers=(tpe, gp, random),
        trainings=(
            Trainings("grid, the whole space", 60, 100, 30, 50, 15, 5, same_front=True),
            Trainings("tpe, 40 trials, seed 0", 25, 40, 10, 20, 5, 5, same_front=False),
        ),
        throughput=(
            Throughput("default clips", 2, False, 90, 60, 5.0, 4.0),
            Throughput("default clips", 1, True, 90, 90, 1.0, 0.5),
        ),
        additions=21.4e6,
        resumes=(Resume("SQLite", 10_000, 3.5, 3.0, 1.0),),
    )


def test_the_page_says_every_figure_and_whether_targets_are_met():
    text = page(sample_results(), "make bench-study", "study/samplers.svg")
    assert "| tpe | 2 | 2 to 3 | 5 | 2.0 | 0 | 2 | 5.0% | 10% | met | met |" in text
    assert "| gp | over 2 | over 2 to over 2 | 0 | 0.0 | over 0 | 1 | over 4.0% | over 8% | missed | missed |" in text
    assert "| random search | 25 | 20 to 30 | 0 | 0.0 | 2 | 2 | 50.0% | - | missed | - |" in text
    assert "| grid, the whole space | 60 | 100 | 30 | 50 | 15 | 5 | 70% | yes | met |" in text
    assert "| tpe, 40 trials, seed 0 | 25 | 40 | 10 | 20 | 5 | 5 | 75% | **no** | missed |" in text
    assert "| default clips | cold | 2 | 90 | 30 | 22.5 | 18.0 | met |" in text
    assert "| default clips | warm | 1 | 90 | 0 | 180.0 | 90.0 | - |" in text
    assert "counted up by 21 million a second" in text
    assert "| SQLite | 10,000 | 3.0 | 1.0 | 3.5 |" in text


def test_the_picture_is_the_same_every_time(tmp_path):
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        plot(sample_results().samplers, picture)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_designs_are_timed_in_an_order_that_is_random_but_always_the_same():
    designs = tuple(SPACE.designs())
    mixed = in_random_order(designs)
    assert mixed == in_random_order(designs)
    assert mixed != list(designs)
    assert sorted(map(str, mixed)) == sorted(map(str, designs))


@pytest.mark.parametrize("kind", list(STORAGES))
def test_a_study_is_resumed_from_each_storage(kind, tmp_path):
    path = tmp_path / "study"
    fill(STORAGES[kind](path), 12)
    found = measure(kind, path, 12)
    assert (found.storage, found.trials) == (kind, 12)
    assert found.proposal <= found.cpu
