"""A trained network classifies exactly alike in PyTorch and on the emulated kernels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from dse.data import Dataset, load_dataset
from dse.design import Design, uniform_design
from dse.errors import UsageError
from dse.networks import Network, Repairs, Residual, build_network, default_repairs
from dse.nn import arithmetic
from dse.nn.blocks import BinaryBlock
from dse.nn.model import BinaryLayerRecord, BinaryModel
from dse.training.loop import train
from dse.training.recipe import Recipe
from dse.verification import verify_model
from kernels_asm import LaneTile, Overflow, RunningSums, Tile, TreeTile
from kernels_asm.any_variant import parse_variant
from tests.sample_kernels import kernels_of
from tests.sample_networks import EVERYTHING, NETWORKS, images_for, model_of

IMAGES = 200
DESIGNS = [
    (uniform_design(0.5, 32, Overflow.EXACT, None), LaneTile(8, 3)),
    (uniform_design(0.5, 16, Overflow.EXACT, None), LaneTile(4, 5)),
    (uniform_design(0.5, 8, Overflow.EXACT, 31), LaneTile(8, 2)),
    (uniform_design(1.0, 8, Overflow.SATURATE, None), LaneTile(2, 7)),
    (uniform_design(1.0, 8, Overflow.WRAP, 7), LaneTile(16, 1)),
    (uniform_design(0.5, 16, Overflow.WRAP, 63), LaneTile(4, 4)),
    (uniform_design(0.5, 8, Overflow.RUNNING, 31), TreeTile(4, 7)),
    (uniform_design(1.0, 8, Overflow.RUNNING, 63), TreeTile(8, 7)),
]
TILE = LaneTile(4, 3)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return load_dataset()


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def trained(design: Design, dataset: Dataset) -> BinaryModel:
    network = build_network("tiny", design.network.width_multiplier, dataset.input_shape, dataset.classes)
    functions = design.layer_functions(layer.shape for layer in network.binary_layers)
    return train(network, functions, _short(dataset), Recipe(epochs=1, train_images=640)).model()


def _short(dataset: Dataset) -> Dataset:
    return replace(dataset, validation=dataset.validation[:100], test=dataset.test[:100])


@pytest.mark.parametrize(("design", "tile"), DESIGNS, ids=str)
def test_every_output_and_class_is_equal(design: Design, tile: Tile, dataset: Dataset) -> None:
    seen: list[int] = []
    model = trained(design, dataset)
    report = verify_model(model, kernels_of(model.network, design, tile), dataset.test.images[:IMAGES], seen.append)
    assert report.identical
    assert (report.images, report.layers, seen[-1]) == (IMAGES, 4, IMAGES)
    shapes = [layer.shape for layer in build_network("tiny", design.network.width_multiplier).binary_layers]
    assert report.outputs == IMAGES * sum(shape.out_pixels * shape.channels_out for shape in shapes)
    assert report.instructions > report.outputs


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_is_equal_on_two_images(name: str) -> None:
    check_two_images(build_network(name, 0.125))


@pytest.mark.parametrize("text", EVERYTHING)
@pytest.mark.parametrize("name", ["tiny", "vgg-small", "quicknet-small"])
def test_many_repairs_at_once_are_equal_on_two_images(name: str, text: str) -> None:
    check_two_images(build_network(name, 0.125, repairs=Repairs.parse(text, default_repairs(name))))


def test_shortcuts_around_two_are_equal_on_two_images() -> None:
    check_two_images(build_network("resnet-20", 0.125, repairs=Repairs(residual=Residual.SINGLE)))


def check_two_images(network: Network) -> None:
    """Check that every output of every binary layer was compared and is equal, and that a wrong one would be told."""
    design = uniform_design(0.125, 8, Overflow.SATURATE, 31)
    model = model_of(network, design.sums[0].arithmetic())
    images = images_for(network, 2).numpy()
    kernels = kernels_of(network, design, TILE)
    report = verify_model(model, kernels, images)
    assert report.identical
    assert (report.images, report.layers) == (2, len(network.binary_layers))
    shapes = [layer.shape for layer in network.binary_layers]
    assert report.outputs == 2 * sum(shape.out_pixels * shape.channels_out for shape in shapes)
    with torch.no_grad():
        model.binary_blocks[-1].function = replace(model.binary_blocks[-1].function, hi=3)
    assert not verify_model(model, kernels, images).identical


def test_another_arithmetic_than_the_trained_one_is_told(dataset: Dataset) -> None:
    design = uniform_design(1.0, 8, Overflow.SATURATE, None)
    model = trained(uniform_design(1.0, 8, Overflow.WRAP, None), dataset)
    report = verify_model(model, kernels_of(model.network, design, TILE), dataset.test.images[:10])
    assert not report.identical
    assert 0 < report.differing_outputs < report.outputs


def test_running_sums_are_verified_where_their_order_matters(dataset: Dataset) -> None:
    """Where sums stop, the outputs of the trained network are not those of one stop at the end."""
    design = uniform_design(2.0, 8, Overflow.RUNNING, None)
    model = trained(design, dataset)
    images = dataset.test.images[:20]
    assert verify_model(model, kernels_of(model.network, design, TreeTile(8, 7)), images).identical
    assert all(isinstance(function, RunningSums) for function in model.functions)
    _, records = model.record(torch.tensor(images))
    found = [_orders(block, record) for block, record in zip(model.binary_blocks, records, strict=True)]
    assert sum(found) > 0


def _orders(block: BinaryBlock, record: BinaryLayerRecord) -> int:
    """Return how many outputs of a layer are not the dot product, stopped once at the end."""
    dot = arithmetic.binary_convolution(record.signs.float(), record.weights.float(), block.ring, block.shape)
    return int((dot.clamp(block.function.lo, block.function.hi) != record.outputs).sum())


def test_one_flipped_weight_is_told(dataset: Dataset) -> None:
    design = uniform_design(0.5, 8, Overflow.EXACT, 63)
    model = trained(design, dataset)
    honest = model.binary_blocks[2].integer_weights()
    flipped = honest.clone()
    flipped[3, 0, 1, 1] *= -1
    model.binary_blocks[2].integer_convolution = _with_weights(model, flipped)  # type: ignore[method-assign]
    report = verify_model(model, kernels_of(model.network, design, TILE), dataset.test.images[:10])
    assert report.differing_outputs > 0


def _with_weights(model: BinaryModel, weights: torch.Tensor):
    original = model.binary_blocks[2].integer_convolution
    return lambda signs, _weights: original(signs, weights)


def test_no_image_is_refused(dataset: Dataset) -> None:
    design, tile = DESIGNS[0]
    network = build_network("tiny", 0.5)
    functions = design.layer_functions(layer.shape for layer in network.binary_layers)
    with pytest.raises(UsageError, match="no images"):
        verify_model(BinaryModel(network, functions), kernels_of(network, design, tile), dataset.test.images[:0])


def test_a_fused_kernel_is_refused_where_maps_are_float32() -> None:
    network = build_network("tiny", 0.125)
    fused = parse_variant("acc16-int8+shortcut.by2-tree4x4r1c3.ooo.pixels")
    with pytest.raises(UsageError, match="no fused kernel has float32 maps"):
        verify_model(model_of(network), [fused] * 4, images_for(network, 1).numpy())
