"""The trainable network: its shapes, and its three ways to run, which must agree to the last bit."""

import numpy as np
import pytest
import torch

from dse.data import load_dataset
from dse.networks import FeatureMaps, Repairs, Residual, build_network
from dse.nn.model import BinaryModel
from dse.nn.precision import Precision
from kernels_asm import Arithmetic, Overflow
from kernels_asm.oracle import binary_conv

torch.set_num_threads(1)  # tests run side by side

ARITHMETICS = [
    Arithmetic(32),
    Arithmetic(32, clip=7),
    Arithmetic(8, Overflow.SATURATE),
    Arithmetic(8, Overflow.WRAP, clip=31),
    Arithmetic(8, Overflow.RUNNING),
]
IMAGES = torch.tensor(load_dataset().test.images[:24])


def make(multiplier=1.0, arithmetic=ARITHMETICS[0], input_shape=(1, 28, 28), classes=10) -> BinaryModel:
    network = build_network("tiny", multiplier, input_shape, classes)
    torch.manual_seed(7)
    model = BinaryModel(network, [arithmetic.layer_function(layer.shape) for layer in network.binary_layers])
    model = model.to(memory_format=torch.channels_last)
    model.train()
    with torch.no_grad():  # running statistics that are not those of a fresh batch norm
        model(torch.randint(0, 256, (16, *input_shape), dtype=torch.uint8))
    return model.eval()


@pytest.mark.parametrize("multiplier", [0.5, 0.75, 1, 1.5, 2])
@pytest.mark.parametrize("input_shape", [(1, 28, 28), (3, 32, 32), (2, 9, 13)])
def test_shapes(multiplier, input_shape):
    model = make(multiplier, input_shape=input_shape, classes=5)
    images = torch.randint(0, 256, (3, *input_shape), dtype=torch.uint8)
    logits, records = model.record(images)
    assert logits.shape == (3, 5)
    for record, layer in zip(records, model.network.binary_layers, strict=True):
        shape = layer.shape
        assert record.signs.shape == (3, shape.channels_in, shape.height, shape.width)
        assert record.weights.shape == (shape.channels_out, shape.channels_in, 3, 3)
        assert record.outputs.shape == (3, shape.channels_out, shape.out_height, shape.out_width)


@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_recorded_layers_follow_the_contract(arithmetic):
    model = make(0.5, arithmetic)
    _, records = model.record(IMAGES)
    for record, layer in zip(records, model.network.binary_layers, strict=True):
        signs, weights = record.signs.numpy(), record.weights.numpy()
        assert set(np.unique(signs)) == set(np.unique(weights)) == {-1, 1}
        filters = weights.transpose(0, 2, 3, 1)
        expected = [binary_conv(image.transpose(1, 2, 0), filters, layer.shape, arithmetic) for image in signs]
        assert np.array_equal(record.outputs.numpy(), np.stack(expected).transpose(0, 3, 1, 2))


@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_forward_record_and_substitute_agree_to_the_last_bit(arithmetic):
    model = make(1.0, arithmetic)
    with torch.inference_mode():
        plain = model(IMAGES)
    recorded, records = model.record(IMAGES)
    replayed = model.forward_with(IMAGES, lambda number, signs, weights: records[number].outputs)
    assert torch.equal(plain, recorded)
    assert torch.equal(plain, replayed)


def test_substitute_is_really_used():
    model = make()
    recorded, records = model.record(IMAGES)
    numbers = []

    def wrong(number, signs, weights):
        numbers.append(number)
        assert torch.equal(weights, records[number].weights)
        outputs = records[number].outputs.clone()
        if number == 3:
            outputs[0] = -outputs[0]
        return outputs

    differs = (model.forward_with(IMAGES, wrong) != recorded).any(dim=1)
    assert numbers == [0, 1, 2, 3]
    assert differs.tolist() == [True] + [False] * (len(IMAGES) - 1)


def test_recording_is_refused_in_training_mode():
    model = make(0.5).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match="eval"):
        model.record(IMAGES)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_pixels_are_standardised_per_channel():
    images = np.random.default_rng(1).integers(0, 200, (50, 3, 8, 8), np.uint8)
    model = make(0.5, input_shape=(3, 8, 8))
    model.fit_pixels(images)
    pixels = model.standardise(torch.tensor(images))
    torch.testing.assert_close(pixels.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(pixels.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_black_images_do_not_divide_by_zero():
    model = make(0.5)
    model.fit_pixels(np.zeros((4, 1, 28, 28), np.uint8))
    assert torch.isfinite(model.standardise(IMAGES)).all()


def test_bytes_count_by_the_sums_of_all_layers_that_keep_a_map():
    network = build_network("tiny", 1.0, repairs=Repairs(residual=Residual.SINGLE), maps=FeatureMaps.INT8)
    exact, clipped = (
        [Arithmetic(16, clip=clip).end_value(layer.shape.window) for layer in network.binary_layers]
        for clip in (None, 7)
    )
    model = BinaryModel(network, exact)
    assert model.feature_scale == 16
    assert network.signs_alone == {"block1", "block3"}
    model.compute_as([clipped[0], exact[1], clipped[2], exact[3]], Precision.BINARY, Precision.BINARY)
    assert model.feature_scale == 16
    model.compute_as([exact[0], clipped[1], *exact[2:]], Precision.BINARY, Precision.BINARY)
    assert model.feature_scale == 4
    assert {int(block.feature_scale) for block in model.binary_blocks} == {4}


def test_functions_must_match_the_layers():
    with pytest.raises(ValueError, match="3 functions for 4"):
        BinaryModel(build_network("tiny"), [Arithmetic(32).end_value(288)] * 3)
