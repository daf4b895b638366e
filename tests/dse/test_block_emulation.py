"""Networks with int8 maps: what PyTorch computes is what fused and separate kernels put out."""

import numpy as np
import pytest
import torch

from dse.data import load_dataset
from dse.design import Design, uniform_design
from dse.errors import UsageError
from dse.networks import FeatureMaps, Repairs, Residual, build_network
from dse.nn.model import BinaryModel
from dse.training.loop import train
from dse.training.recipe import Recipe
from dse.verification import verify_model
from kernels_asm import KernelVariant, Overflow, TreeTile
from tests.sample_kernels import kernels_of

torch.set_num_threads(1)  # tests run side by side

EXACT = uniform_design(0.5, 16, Overflow.EXACT, None)
TREE = TreeTile(4, 4, 1, 3)
CLIPPED = uniform_design(0.5, 16, Overflow.EXACT, 15)
WRAPPING = uniform_design(0.5, 8, Overflow.WRAP, None)


def make(name: str, design: Design, multiplier: float, repairs: Repairs | None = None, size: int = 28) -> BinaryModel:
    network = build_network(name, multiplier, (1, size, size), 10, repairs, FeatureMaps.INT8)
    torch.manual_seed(3)
    model = BinaryModel(network, design.layer_functions(layer.shape for layer in network.binary_layers))
    model.train()
    with torch.no_grad():  # statistics that are not those of a fresh batch norm
        for _ in range(20):
            model(torch.randint(0, 256, (8, 1, size, size), dtype=torch.uint8))
    return model.eval()


def images(count: int, size: int = 28) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, 1, size, size), np.uint8)


@pytest.mark.parametrize(
    ("name", "design", "multiplier", "repairs"),
    [
        ("tiny", EXACT, 1.0, None),  # fused, in slabs and by pixels
        ("tiny", EXACT, 0.75, None),  # 24 channels: by pixels
        ("tiny", CLIPPED, 0.5, None),  # separate
        ("tiny", WRAPPING, 0.5, None),
        ("tiny", EXACT, 1.0, Repairs(residual=Residual.SINGLE)),  # every other layer puts out bits alone
        ("tiny", EXACT, 0.5, Repairs(residual=Residual.NONE)),
        ("vgg-small", EXACT, 0.125, None),  # pooled sums, then thresholds
        ("resnet-20", EXACT, 0.5, None),
    ],
)
def test_every_block_and_class_equals_the_kernels(name, design, multiplier, repairs):
    model = make(name, design, multiplier, repairs)
    report = verify_model(model, kernels_of(model.network, design, TREE), images(2))
    assert report.identical
    assert report.layers == len(model.network.binary_layers)
    assert report.outputs == 2 * sum(layer.outputs for layer in model.network.binary_layers)


def test_a_network_trained_with_int8_maps_learns_and_equals_its_kernels():
    dataset = load_dataset()
    network = build_network("tiny", 0.5, maps=FeatureMaps.INT8)
    functions = EXACT.layer_functions(layer.shape for layer in network.binary_layers)
    trained = train(network, functions, dataset, Recipe(epochs=1, train_images=3000))
    assert trained.test_accuracy > 0.5
    report = verify_model(trained.model(), kernels_of(network, EXACT, TREE), dataset.test.images[:10])
    assert report.identical


def test_maps_hold_whole_bytes_and_signs_alone_are_signs():
    model = make("tiny", EXACT, 0.5, Repairs(residual=Residual.SINGLE))
    maps = {}

    def keep(block, x, start):
        maps[block.layer.name] = block(x, start)
        return maps[block.layer.name]

    with torch.no_grad():
        model.run_blocks(torch.from_numpy(images(4)), keep)
    assert model.network.signs_alone == {"block1", "block3"}
    for name, features in maps.items():
        if name in model.network.signs_alone:
            assert set(features.unique().tolist()) == {-1.0, 1.0}
        else:
            scaled = features * model.feature_scale
            assert torch.equal(scaled, scaled.round().clamp(-128, 127))
            assert len(scaled.unique()) > 10


def test_a_kernel_that_differs_is_counted(monkeypatch):
    model = make("tiny", EXACT, 0.5)
    monkeypatch.setattr("dse.block_emulation._weights", lambda block: np.ones_like(_ones_of(block)))
    report = verify_model(model, kernels_of(model.network, EXACT, TREE), images(1))
    assert report.differing_outputs > 0
    assert not report.identical


def _ones_of(block) -> np.ndarray:
    return np.ascontiguousarray(block.integer_weights().permute(0, 2, 3, 1).numpy())


def test_only_exact_sums_without_a_clip_are_fused():
    plain = build_network("tiny", maps=FeatureMaps.INT8)
    bits = build_network("tiny", repairs=Repairs(residual=Residual.SINGLE), maps=FeatureMaps.INT8)
    assert str(kernels_of(plain, EXACT, TREE)[0]) == f"acc16-int8+shortcut.slabs-{TREE}"
    assert str(kernels_of(bits, EXACT, TREE)[0]) == f"acc16-bits.by2-{TREE}"
    for design in (CLIPPED, WRAPPING):
        assert all(isinstance(variant, KernelVariant) for variant in kernels_of(plain, design, TREE))
    in_float = build_network("tiny")
    assert all(isinstance(variant, KernelVariant) for variant in kernels_of(in_float, EXACT, TREE))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("tiny", "activation=prelu", "layer block1: no kernel has int8 maps with activation prelu: give float32 maps"),
        ("tiny", "learned-threshold=yes", "with learned thresholds"),
        ("tiny", "normalisation=before", "with normalisation before the convolution"),
        ("tiny", "weight-scale=yes", "with scaled weights"),
        ("quicknet-small", "", "with ReLU in front of the batch norm"),
    ],
)
def test_what_no_kernel_computes_is_refused(name, options, message):
    with pytest.raises(UsageError, match=message):
        build_network(name, 0.25, (3, 32, 32), 10, Repairs.parse(options), FeatureMaps.INT8)
