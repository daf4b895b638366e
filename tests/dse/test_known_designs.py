from __future__ import annotations

import pytest

from dse.design import NetworkChoice
from dse.errors import UsageError
from dse.known_designs import CONVENTIONAL, IN_BYTES, NARROW, known_designs
from dse.legality import Legality
from dse.networks import Network, build_network
from tests.sample_kernels import FAMILY


def test_a_study_begins_with_the_flows_that_its_results_are_compared_with(fake_study):
    assert known_designs(fake_study.legality) == (CONVENTIONAL, NARROW, IN_BYTES)


def test_a_network_that_cannot_keep_maps_in_bytes_begins_without_them():
    def network_of(choice: NetworkChoice) -> Network:
        return build_network("quicknet-small", choice.width_multiplier, (3, 32, 32), maps=choice.maps)

    legality = Legality(network_of, FAMILY)
    assert "no kernel has int8 maps with ReLU" in (legality.reason(IN_BYTES) or "")
    assert known_designs(legality) == (CONVENTIONAL, NARROW)


def test_no_kernel_is_an_error_that_names_the_design():
    def refuse(_choice: NetworkChoice) -> Network:
        raise UsageError("no such network")

    with pytest.raises(UsageError, match="width 1, 32-bit exact, no clip, which has no kernel: no such network"):
        known_designs(Legality(refuse, FAMILY))
