"""What holds of every network as a module, with its own repairs and with every other."""

from __future__ import annotations

import pytest
import torch

from dse.networks import Network, Repairs, Residual, default_repairs
from kernels_asm import Arithmetic, Overflow
from tests.sample_networks import EVERYTHING, INPUTS, NETWORKS, images_for, model_of, narrow, one_change

torch.set_num_threads(1)  # tests run side by side

CLIPPED = Arithmetic(8, Overflow.SATURATE, clip=31)
TINY = [*one_change(default_repairs("tiny")), *map(Repairs.parse, EVERYTHING)]


def everything(name: str) -> list[Repairs]:
    return [Repairs.parse(text, default_repairs(name)) for text in EVERYTHING]


def check_agreement(network: Network, arithmetic: Arithmetic) -> None:
    """Check that the plain pass, the recorded one and one with convolutions put in place agree to the last bit."""
    model = model_of(network, arithmetic)
    images = images_for(network, 3)
    with torch.inference_mode():
        plain = model(images)
    recorded, records = model.record(images)
    replayed = model.forward_with(images, lambda number, signs, weights: records[number].outputs)
    assert torch.isfinite(plain).all()
    assert torch.equal(plain, recorded)
    assert torch.equal(plain, replayed)
    assert len(records) == len(network.binary_layers)
    for number, record in enumerate(records):
        shape = network.binary_layers[number].shape
        assert record.signs.shape == (3, shape.channels_in, shape.height, shape.width)
        assert record.outputs.shape == (3, shape.channels_out, shape.out_height, shape.out_width)
        assert set(record.signs.unique().tolist()) <= {-1, 1} == set(record.weights.unique().tolist())
        assert record.outputs.abs().max() <= min(31, shape.window)


def check_gradients(network: Network) -> None:
    """Check that the loss's gradient reaches every parameter."""
    model = model_of(network).train()
    logits = model(images_for(network, 8))
    torch.nn.functional.cross_entropy(logits, torch.arange(8) % 5).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


@pytest.mark.parametrize("input_shape", INPUTS, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_puts_out_the_size_that_is_described(name, input_shape):
    network = narrow(name, input_shape)
    model = model_of(network)
    sizes = {}
    for layer_name, module in model.layers.items():
        module.register_forward_hook(lambda _module, _inputs, output, key=layer_name: sizes.update({key: output.shape}))
    logits = model(images_for(network, 2))
    assert logits.shape == (2, 5)
    for layer in network.layers[:-1]:
        assert sizes[layer.name] == (2, layer.out_channels, layer.out_height, layer.out_width)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_as_many_as_described(name):
    for repairs in (default_repairs(name), *everything(name)):
        network = narrow(name, (3, 32, 32), repairs)
        found = sum(parameter.numel() for parameter in model_of(network).parameters())
        assert found == network.float_parameters + sum(layer.weights for layer in network.binary_layers)


@pytest.mark.parametrize("input_shape", INPUTS, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_all_ways_to_run_agree(name, input_shape):
    check_agreement(narrow(name, input_shape), CLIPPED)


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
@pytest.mark.parametrize("name", NETWORKS)
def test_all_ways_to_run_agree_with_many_repairs_at_once(name, number):
    check_agreement(narrow(name, repairs=everything(name)[number]), CLIPPED)


@pytest.mark.parametrize("repairs", TINY, ids=str)
def test_all_ways_to_run_tiny_agree_with_every_repair(repairs):
    check_agreement(narrow("tiny", repairs=repairs), CLIPPED)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "vgg-small"])
@pytest.mark.parametrize("residual", [Residual.NONE, Residual.SINGLE])
def test_all_ways_to_run_agree_with_every_residual(name, residual):
    check_agreement(narrow(name, repairs=Repairs(residual=residual)), CLIPPED)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_parameter(name):
    check_gradients(narrow(name, (3, 32, 32)))


@pytest.mark.parametrize("number", range(len(EVERYTHING)))
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_parameter_with_many_repairs_at_once(name, number):
    check_gradients(narrow(name, repairs=everything(name)[number]))


@pytest.mark.parametrize("repairs", TINY, ids=str)
def test_gradients_reach_every_parameter_of_tiny_with_every_repair(repairs):
    check_gradients(narrow("tiny", repairs=repairs))


@pytest.mark.parametrize("name", NETWORKS)
def test_training_mode_uses_the_statistics_of_the_batch_and_changes_the_running_ones(name):
    network = narrow(name)
    model = model_of(network)
    images = images_for(network, 8)
    with torch.no_grad():
        judged = model(images)
        assert torch.equal(model(images), judged)
        before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        trained = model.train()(images)
    assert not torch.equal(judged, trained)
    changed = {key for key, tensor in model.state_dict().items() if not torch.equal(tensor, before[key])}
    assert changed == {key for key in before if key.rpartition(".")[2] in
                       ("running_mean", "running_var", "num_batches_tracked")}  # fmt: skip


def test_a_shortcut_around_two_starts_where_the_first_of_them_does():
    """Without the sums, what leaves the second block is what entered the first, as batch norms are cleared."""
    model = model_of(narrow("tiny", repairs=Repairs(residual=Residual.SINGLE)))
    entered, left = [], []
    first, second, *_ = model.binary_blocks
    first.register_forward_hook(lambda _module, inputs, _output: entered.append(inputs[0]))
    second.register_forward_hook(lambda _module, _inputs, output: left.append(output))
    with torch.no_grad():
        for block in (first, second):
            block.norm.weight.zero_()
            block.norm.bias.zero_()
        model(images_for(model.network, 2))
    assert torch.equal(entered[0], left[0])


def test_progress_sharpens_estimators_and_is_no_part_of_the_state():
    network = narrow("tiny", repairs=Repairs.parse("estimator=ede"))
    gradients = []
    for share in (0.0, 1.0):
        model = model_of(network)
        model.set_progress(share)
        torch.manual_seed(1)
        model(images_for(network, 4)).sum().backward()
        gradients.append(model.layers["stem"].conv.weight.grad)
        assert not any("progress" in key for key in model.state_dict())
    assert not torch.allclose(*gradients)
