"""Maps that are needed at once never share memory, and those that are not mostly do."""

from __future__ import annotations

from dataclasses import fields

import pytest

from dse.export.memory import place_maps
from dse.export.steps import Binary, FeatureMap, Pack, Step, network_steps
from dse.networks import FeatureMaps, Repairs, Residual, build_network
from tests.sample_networks import NETWORKS

IN_INT8 = ("tiny", "vgg-small", "resnet-20", "birealnet-18")
CASES = [*((name, FeatureMaps.FLOAT32) for name in NETWORKS), *((name, FeatureMaps.INT8) for name in IN_INT8)]


def maps_of(step: Step) -> set[FeatureMap]:
    return {value for field in fields(step) if isinstance(value := getattr(step, field.name), FeatureMap)}


@pytest.mark.parametrize(("name", "maps"), CASES)
def test_maps_that_are_needed_at_once_lie_apart(name: str, maps: FeatureMaps) -> None:
    steps = network_steps(build_network(name, 0.5, (3, 64, 64), maps=maps), 16)
    memory = place_maps(steps)
    used = {feature_map for step in steps for feature_map in maps_of(step)}
    assert set(memory.places) == used
    assert all(memory.sizes[memory.places[feature_map]] >= feature_map.size for feature_map in used)
    assert all(memory.places[feature_map].startswith("int8") == feature_map.in_int8 for feature_map in used)
    spans = {}
    for number, step in enumerate(steps):
        for feature_map in maps_of(step):
            spans.setdefault(feature_map, []).append(number)
    for number in range(len(steps)):
        live = [feature_map for feature_map, at in spans.items() if at[0] <= number <= at[-1]]
        assert len({memory.places[feature_map] for feature_map in live}) == len(live)
    assert len(memory.sizes) <= 6
    assert len(memory.sizes) < len(used) or name == "vgg-small"  # a chain of signs has next to no maps


def test_names_of_maps_differ() -> None:
    for name, maps in CASES:
        steps = network_steps(build_network(name, 0.5, (3, 64, 64), maps=maps), 16)
        used = {feature_map for step in steps for feature_map in maps_of(step)}
        assert len({feature_map.name for feature_map in used}) == len(used)


def test_a_layer_packs_for_the_next_one_unless_something_stands_between() -> None:
    steps = network_steps(build_network("quicknet-small", 0.25, (3, 32, 32)), 16)
    packed = [step.packs for step in steps if isinstance(step, Binary)]
    assert len(packed) == 16
    assert [number for number, layer in enumerate(packed) if layer is None] == [3, 7, 11, 15]
    own = [step.layer.name for step in steps if isinstance(step, Pack)]
    assert own == [f"section{section}_conv1" for section in (1, 2, 3, 4)]


def test_a_batch_norm_in_front_of_the_sign_is_packed_by_a_step_of_its_own() -> None:
    steps = network_steps(build_network("tiny", 0.5, repairs=Repairs.parse("normalisation=before")), 16)
    assert [step.layer.name for step in steps if isinstance(step, Pack)] == ["block1", "block2", "block3", "block4"]


def test_signs_alone_have_no_map() -> None:
    network = build_network("tiny", 0.5, repairs=Repairs(residual=Residual.SINGLE), maps=FeatureMaps.INT8)
    binary = [step for step in network_steps(network, 16) if isinstance(step, Binary)]
    assert [step.output is None for step in binary] == [True, False, True, False]
    assert [step.start for step in binary] == [None, "stem_int8", None, "block2"]
