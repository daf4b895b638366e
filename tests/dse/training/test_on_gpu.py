"""Training on an NVIDIA GPU: the same arithmetic as on the processor, and as repeatable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dse.errors import TrainingError
from dse.networks import FeatureMaps, build_network
from dse.nn.model import BinaryModel
from dse.training.checkpoint import Checkpoint
from dse.training.device import Device
from dse.training.distillation import Loss
from dse.training.evaluation import evaluate
from dse.training.gradients import READ_EVERY, gradients_of, plain_gradients, repeatable
from dse.training.loop import train
from dse.training.weights import weights_digest
from kernels_asm import Arithmetic, Overflow
from tests.dse.training.small_training import FUNCTIONS, NETWORK, RECIPES, SMALL, small_training

pytestmark = pytest.mark.gpu

ARITHMETICS = (
    Arithmetic(32),
    Arithmetic(32, clip=7),
    Arithmetic(8, Overflow.SATURATE),
    Arithmetic(8, Overflow.WRAP, 15),
    Arithmetic(8, Overflow.RUNNING),
)
IMAGES, LABELS = torch.tensor(SMALL.train.images[:128]), torch.tensor(SMALL.train.labels[:128])
LOSS = Loss(RECIPES["adam"], None)


def model_of(arithmetic: Arithmetic, maps: FeatureMaps) -> BinaryModel:
    torch.manual_seed(3)
    network = build_network("tiny", 0.5, maps=maps)
    model = BinaryModel(network, [arithmetic.layer_function(layer.shape) for layer in network.binary_layers])
    model.fit_pixels(SMALL.train.images)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.train()


@pytest.mark.parametrize("maps", FeatureMaps)
@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_gradients_point_where_those_of_the_processor_do(arithmetic: Arithmetic, maps: FeatureMaps) -> None:
    """Loosely, as the first layer is rounded to bfloat16 and a sign may turn; a wrong pass is far off."""
    plain, moved = model_of(arithmetic, maps), model_of(arithmetic, maps).to("cuda")
    expected = gradients_of(plain, LOSS, Device.CPU)(IMAGES, LABELS)
    compute = gradients_of(moved, LOSS, Device.CUDA)
    for _ in range(3):  # captured, and started again
        found = compute(IMAGES.to("cuda"), LABELS.to("cuda"))
        assert found.item() == pytest.approx(expected.item(), rel=0.01)
        for (name, one), other in zip(plain.named_parameters(), moved.named_parameters(), strict=True):
            assert one.grad is not None, name
            assert other[1].grad is not None, name
            gradient = other[1].grad.cpu()
            similarity = torch.nn.functional.cosine_similarity(gradient.flatten(), one.grad.flatten(), dim=0)
            assert similarity > 0.9, name
            assert 0.6 < gradient.norm() / one.grad.norm() < 1.6, name


def test_a_captured_step_leaves_what_a_plain_one_leaves() -> None:
    plain, captured = (model_of(Arithmetic(32), FeatureMaps.FLOAT32).to("cuda") for _ in range(2))
    compute, compute_plainly = gradients_of(captured, LOSS, Device.CUDA), plain_gradients(plain, LOSS, Device.CUDA)
    with repeatable(Device.CUDA):
        for start in (0, 64, 0):
            images, labels = IMAGES[start : start + 64].to("cuda"), LABELS[start : start + 64].to("cuda")
            assert torch.equal(compute_plainly(images, labels), compute(images, labels))
            for one, other in zip(plain.parameters(), captured.parameters(), strict=True):
                assert torch.equal(one.grad, other.grad)  # type: ignore[arg-type]
            for one, other in zip(plain.buffers(), captured.buffers(), strict=True):
                assert torch.equal(one, other)


@pytest.mark.parametrize("maps", FeatureMaps)
@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_binary_layers_are_exact_in_evaluation(arithmetic: Arithmetic, maps: FeatureMaps) -> None:
    plain = model_of(arithmetic, maps).eval()
    _, records = plain.record(IMAGES)
    moved = plain.to("cuda")
    for block, record in zip(moved.binary_blocks, records, strict=True):
        outputs = block.integer_convolution(record.signs.to("cuda"), record.weights.to("cuda"))
        assert torch.equal(outputs.to(torch.int32).cpu(), record.outputs)


@pytest.mark.parametrize("name", RECIPES)
def test_same_seed_same_weights_judged_on_the_processor(name: str) -> None:
    first, again = (small_training(name, device=Device.CUDA) for _ in range(2))
    assert weights_digest(first) == weights_digest(again)
    assert all(tensor.device.type == "cpu" for tensor in first.state_dict.values())
    assert evaluate(first.model(), SMALL.validation) == first.accuracy
    assert evaluate(first.model(), SMALL.test) == first.test_accuracy
    assert first.history == again.history


def test_training_learns() -> None:
    trained = train(NETWORK, FUNCTIONS, SMALL, replace(RECIPES["adam"], epochs=20), 1, device=Device.CUDA)
    assert trained.accuracy > 0.4  # chance is 0.1
    assert trained.history[-1].loss < 0.8 * trained.history[0].loss


@pytest.mark.parametrize("name", ["adam", "sgd", "insert-arithmetic"])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(name: str, tmp_path: Path) -> None:
    def stop(progress: object) -> None:
        if getattr(progress, "step", 0) == 7:
            raise KeyboardInterrupt

    kept = Checkpoint(tmp_path / "kept.safetensors", {})
    with pytest.raises(KeyboardInterrupt):
        small_training(name, device=Device.CUDA, progress=stop, checkpoint=kept)
    gone_on = small_training(name, device=Device.CUDA, checkpoint=kept)
    assert weights_digest(gone_on) == weights_digest(small_training(name, device=Device.CUDA))


def test_a_loss_that_is_not_finite_names_its_step_though_it_is_read_later() -> None:
    recipe = replace(RECIPES["sgd"], learning_rate=1e30)
    with pytest.raises(TrainingError, match=r"training diverged: .* at step [234] of"):
        train(NETWORK, FUNCTIONS, SMALL, recipe, 1, device=Device.CUDA)
    assert READ_EVERY[Device.CUDA] > 4
