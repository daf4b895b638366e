from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from dse.candidates import LayeredCandidates
from dse.design import Design, NetworkChoice, Sums
from dse.legality import Legality
from dse.networks import FeatureMaps
from dse.space import SearchSpace
from kernels_asm import Overflow
from tests.sample_kernels import FAMILY, tiny_network

SPACE = SearchSpace((0.5, 1.0), maps=(FeatureMaps.FLOAT32,), depth_multipliers=(1.0, 2.0), layer_counts=(4, 8))
LEGALITY = Legality(tiny_network, FAMILY)
NO_KERNEL = Sums(16, Overflow.RUNNING, None)
CLIPPED = Sums(8, Overflow.EXACT, 31)
WANTED = Design(NetworkChoice(0.5), (CLIPPED, NO_KERNEL, CLIPPED, NO_KERNEL))


def seeded(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret depends on it


def candidates(is_open: Callable[[Design], bool] = lambda _design: True) -> LayeredCandidates:
    return LayeredCandidates(SPACE, LEGALITY, lambda design: LEGALITY.reason(design) is None and is_open(design))


def test_drawn_designs_are_legal_and_of_every_network() -> None:
    chance = seeded(0)
    drawn = [candidates().draw(chance) for _ in range(40)]
    assert all(design in SPACE and LEGALITY.reason(design) is None for design in drawn)
    assert {design.network for design in drawn} == set(SPACE.networks())
    assert len(set(drawn)) == 40


def test_the_nearest_keeps_every_layer_that_is_legal() -> None:
    found = candidates().nearest(WANTED, seeded(0))
    assert found.network == WANTED.network
    assert (found.sums[0], found.sums[2]) == (CLIPPED, CLIPPED)
    assert LEGALITY.reason(found) is None
    changed = {len({sums.accumulator, NO_KERNEL.accumulator}) for sums in (found.sums[1], found.sums[3])}
    assert changed == {1}  # another policy at 16 bits is nearer than other bits as well


def test_tried_designs_give_way_to_others_of_the_network() -> None:
    tried: set[Design] = set()
    for seed in range(30):
        found = candidates(lambda design: design not in tried).nearest(WANTED, seeded(seed))
        assert found not in tried
        assert found.network == WANTED.network
        tried.add(found)


def test_where_chance_finds_none_the_first_open_design_is_taken() -> None:
    last = next(LEGALITY.designs(SPACE))
    only = candidates(last.__eq__)
    assert only.draw(seeded(0)) == last
    assert only.nearest(WANTED, seeded(0)) == last


@pytest.mark.parametrize("depth", [1.0, 2.0])
def test_relatives_differ_in_one_layer(depth: float) -> None:
    design = Design(NetworkChoice(1.0, depth_multiplier=depth), (CLIPPED,))
    layers = int(4 * depth)
    relatives = list(LEGALITY.relatives(SPACE, design))
    apart = [
        sum(one != other for one, other in zip(relative.layer_sums(layers), design.layer_sums(layers), strict=True))
        for relative in relatives
    ]
    assert set(apart) == {0, 1}
    assert apart.count(0) == layers  # the design itself, once a layer
