from __future__ import annotations

import random

import optuna
import pytest
from optuna.distributions import IntDistribution

from dse.design import Design, NetworkChoice, Sums, uniform_design
from dse.errors import UsageError
from dse.legality import Legality, legal_space
from dse.networks import FeatureMaps, Repairs, build_network
from dse.space import SearchSpace
from kernels_asm import OutputType, Overflow, RunningSums
from kernels_asm.activation import Activation
from tests.sample_kernels import FAMILY, tiny_network

SPACE = SearchSpace()
LAYERED = SearchSpace(
    (1.0,),
    maps=(FeatureMaps.FLOAT32,),
    depth_multipliers=(1.0, 0.5),
    input_sizes=(0, 20),
    repairs=("", str(Repairs(activation=Activation.PRELU))),
    layer_counts=(4, 2),
)


@pytest.fixture
def legality():
    return Legality(tiny_network, FAMILY)


def test_every_design_comes_once():
    designs = list(SPACE.designs())
    assert len(designs) == len(set(designs)) == 5 * (4 + 3 + 1) * 6 * 2


def test_parameters_and_dict_read_back():
    for design in SPACE.designs():
        assert SPACE.design(SPACE.parameters(design)) == design
        assert Design.from_dict(design.to_dict()) == design


def test_every_parameter_is_asked_always_so_that_samplers_can_model_all_together():
    study = optuna.create_study()
    for accumulator, overflow in ((32, Overflow.EXACT), (16, Overflow.WRAP)):
        study.enqueue_trial({"accumulator": accumulator, "overflow": "wrap"})
        trial = study.ask()
        design = SPACE.suggest(trial)
        assert (design.sums[0].accumulator, design.sums[0].overflow) == (accumulator, overflow)
        assert trial.params.keys() == SPACE.distributions().keys()


def test_ordered_parameters_are_told_by_rank_smallest_first_and_no_clip_last():
    space = SearchSpace((2.0, 0.5, 1.0), clips=(7, 0, 31))
    designs = [uniform_design(width, 32, Overflow.EXACT, clip) for width, clip in ((0.5, 7), (1.0, 31), (2.0, None))]
    ranks = [(parameters["width_rank"], parameters["clip_rank"]) for parameters in map(space.parameters, designs)]
    assert ranks == [(0, 0), (1, 1), (2, 2)]
    for name in ("width_rank", "clip_rank"):
        assert space.distributions()[name] == IntDistribution(0, 2)
    with pytest.raises(ValueError, match="not in tuple"):
        space.parameters(uniform_design(1.5, 32, Overflow.EXACT, None))


def test_space_reads_back():
    for space in (SPACE, LAYERED):
        assert SearchSpace.from_dict(space.to_dict()) == space


def test_each_layer_has_parameters_of_its_own_and_each_depth_its_layers():
    names = list(LAYERED.distributions())
    assert names[:4] == ["width_rank", "accumulator_1", "overflow_1", "clip_rank_1"]
    assert names[-3:] == ["depth_rank", "input_rank", "repairs"]
    assert len(names) == 2 + 3 * 4 + 3
    chance = random.Random(0)  # noqa: S311 - no secret depends on it
    networks = list(LAYERED.networks())
    assert len(networks) == len(set(networks)) == 1 * 1 * 2 * 2 * 2
    for network in networks:
        count = LAYERED.sums_count(network)
        assert count == (2 if network.depth_multiplier == 0.5 else 4)
        design = Design(network, tuple(chance.choice(LAYERED.sums) for _ in range(count)))
        assert design in LAYERED
        assert LAYERED.design(LAYERED.parameters(design)) == design
        assert Design(network, design.layer_sums(count)[:1] + design.layer_sums(count)) not in LAYERED


def test_ranks_are_in_the_order_of_the_designs():
    space = SearchSpace((1.0, 0.5), (32, 8), (Overflow.EXACT,), (7, 0), (FeatureMaps.FLOAT32,), layer_counts=(3,))
    for one in (SPACE, space):
        ranks = list(map(one.rank, one.designs()))
        assert ranks == sorted(ranks)
        assert len(set(ranks)) == len(ranks)
    assert len(ranks) == 2 * 4**3


@pytest.mark.parametrize(
    "design",
    [
        uniform_design(3.0, 8, Overflow.EXACT, 7),
        uniform_design(1.0, 32, Overflow.WRAP, None),
        uniform_design(1.0, 8, Overflow.EXACT, 20),
        Design(NetworkChoice(1.0), (Sums(8, Overflow.EXACT, 7), Sums(8, Overflow.EXACT, 15))),
        Design(NetworkChoice(1.0, depth_multiplier=2.0), (Sums(8, Overflow.EXACT, 7),)),
    ],
    ids=str,
)
def test_what_the_space_does_not_hold_is_not_in_it(design):
    assert uniform_design(1.0, 8, Overflow.EXACT, 7) in SPACE
    assert design not in SPACE


@pytest.mark.parametrize("change", [{"overflows": ["round"]}, {"clips": None}, {"maps": ["int4"]}])
def test_malformed_space_is_one_line(change):
    with pytest.raises(UsageError, match="malformed"):
        SearchSpace.from_dict({**SPACE.to_dict(), **change})


@pytest.mark.parametrize(
    ("accumulator", "clip", "output"),
    [
        (8, 127, OutputType.INT8),
        (32, 1, OutputType.INT8),
        (32, 128, OutputType.INT32),
        (16, None, OutputType.INT16),
        (8, None, OutputType.INT16),
        (32, None, OutputType.INT32),
    ],
)
def test_output_is_the_narrowest_type_that_holds_the_values(accumulator, clip, output):
    assert uniform_design(1.0, accumulator, Overflow.EXACT, clip).sums[0].arithmetic().output is output


@pytest.mark.parametrize("field", ["maps", "clip", "accumulator", "overflow"])
def test_malformed_design_is_one_line(field):
    values = next(SPACE.designs()).to_dict()
    with pytest.raises(UsageError, match="malformed"):
        Design.from_dict({**values, field: "nonsense"})
    del values[field]
    with pytest.raises(UsageError, match=field):
        Design.from_dict(values)


def test_an_illegal_design_has_a_reason_that_names_the_layer(legality):
    reason = legality.reason(uniform_design(1.0, 16, Overflow.RUNNING, 31)) or ""
    assert reason.startswith("block1: ")
    assert "running sums are bytes" in reason
    assert legality.reason(uniform_design(1.0, 8, Overflow.RUNNING, 31)) is None


def test_a_layer_without_a_kernel_is_named(legality, monkeypatch):
    monkeypatch.setattr("dse.legality.has_kernel", lambda *_: False)
    reason = legality.reason(uniform_design(1.0, 8, Overflow.EXACT, 31))
    assert reason == "block1: no kernel can do convolution 14x14x32x32 k3x3 s1 p1, 8-bit exact, clip 31, int8"


def test_running_sums_are_searched_at_8_bits(legality):
    space = legal_space(legality, (1.0,))
    assert space.overflows == tuple(Overflow)
    legal = [design for design in space.designs() if legality.reason(design) is None]
    assert {design.sums[0].accumulator for design in legal if design.sums[0].overflow is Overflow.RUNNING} == {8}


def test_running_sums_share_the_function_of_exact_sums_where_the_order_does_not_matter():
    shapes = [layer.shape for layer in build_network("tiny").binary_layers]
    running = uniform_design(1.0, 8, Overflow.RUNNING, 31).layer_functions(shapes)
    exact = uniform_design(1.0, 32, Overflow.EXACT, 31).layer_functions(shapes)
    assert running[:3] == exact[:3]
    assert running[3] == RunningSums(-31, 31)


def test_constant_layer_is_not_worth_training(legality):
    # Sums over block4's 576 products saturate at 255 ones, where the dot product is still 66.
    saturating = uniform_design(1.0, 8, Overflow.SATURATE, 63)
    assert "block4: every output is 63" in (legality.reason(saturating) or "")
    assert legality.reason(uniform_design(1.0, 8, Overflow.SATURATE, None)) is None
