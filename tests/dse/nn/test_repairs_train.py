"""Every repair trains: a few steps move every parameter, and the weights come back from a file as they were."""

from __future__ import annotations

import pytest
import torch

from dse.data import Dataset, load_dataset
from dse.errors import UsageError
from dse.networks import Network, Repairs, build_network, default_repairs
from dse.nn.model import BinaryModel
from dse.training.loop import train
from dse.training.recipe import Recipe
from dse.training.trained import TrainedNetwork
from dse.training.weights import WeightsError, load_weights, parse_weights, save_weights, weights_bytes
from kernels_asm import Arithmetic
from tests.sample_networks import EVERYTHING, NETWORKS, one_change

torch.set_num_threads(1)  # tests run side by side

FULL = load_dataset()
SMALL = Dataset("small", FULL.class_names, FULL.train[:96], FULL.validation[:50], FULL.test[:50])
ARITHMETIC = Arithmetic(8, clip=63)
SEED = 4
TINY = [*one_change(Repairs()), *map(Repairs.parse, EVERYTHING)]


def trained(network: Network) -> TrainedNetwork:
    ends = [ARITHMETIC.end_value(layer.shape.window) for layer in network.binary_layers]
    return train(network, ends, SMALL, Recipe(epochs=1, batch_size=32), seed=SEED)


def check_moves(network: Network) -> None:
    """Check that every parameter differs from what it was before the training."""
    result = trained(network)
    torch.manual_seed(SEED)
    fresh = BinaryModel(network, result.functions)
    count = 0
    for name, parameter in fresh.named_parameters():
        assert torch.isfinite(result.state_dict[name]).all(), name
        assert not torch.equal(result.state_dict[name], parameter), name
        count += 1
    assert count >= 3 * len(network.binary_layers) + 5  # stem, classifier; latent weights, factor and bias


@pytest.mark.parametrize("repairs", TINY, ids=str)
def test_every_repair_of_tiny_trains(repairs):
    check_moves(build_network("tiny", 0.25, repairs=repairs))


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_trains(name):
    check_moves(build_network(name, 0.125))


@pytest.mark.parametrize("text", EVERYTHING)
@pytest.mark.parametrize("name", ["tiny", "vgg-small", "quicknet-small"])
def test_weights_come_back_with_their_repairs(name, text, tmp_path):
    result = trained(build_network(name, 0.125, repairs=Repairs.parse(text, default_repairs(name))))
    save_weights(tmp_path / "weights", result)
    loaded = load_weights(tmp_path / "weights")
    assert loaded.network == result.network
    assert loaded.network.repairs == Repairs.parse(text, default_repairs(name))
    images = torch.tensor(SMALL.test.images)
    with torch.inference_mode():
        assert torch.equal(loaded.model()(images), result.model()(images))


def test_damaged_repairs_are_told_with_the_file():
    content = weights_bytes(trained(build_network("tiny", 0.25)))
    assert content.count(b"approx-sign") >= 1
    with pytest.raises(WeightsError, match=r"here: its description is damaged \(.*approx-sigh"):
        parse_weights(content.replace(b"approx-sign", b"approx-sigh"), "here")


def test_repairs_that_a_network_cannot_have_are_refused():
    with pytest.raises(UsageError, match="vgg-small has no shortcuts"):
        build_network("vgg-small", repairs=Repairs())
