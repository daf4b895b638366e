"""The compiled step: the same numbers as the plain one, for every arithmetic, without compiling again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from dse.networks import FeatureMaps, Repairs, build_network
from dse.nn.arithmetic import apply_end_value, end_value, end_value_tensor
from dse.nn.model import BinaryModel
from dse.training import fast_step
from dse.training.fast_step import FastStep
from kernels_asm import Arithmetic, EndValue, Overflow, RunningSums

torch.set_num_threads(1)  # tests run side by side

NETWORK = build_network("tiny", 0.25)
ARITHMETICS = (
    Arithmetic(32),
    Arithmetic(32, clip=7),
    Arithmetic(8, Overflow.SATURATE),
    Arithmetic(8, Overflow.WRAP, 15),
    Arithmetic(8, Overflow.SATURATE, 3),
)


def ends(arithmetic: Arithmetic) -> tuple[EndValue, ...]:
    return tuple(arithmetic.end_value(layer.shape.window) for layer in NETWORK.binary_layers)


@pytest.mark.parametrize("window", [288, 576, 1152, 27])
@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_an_end_value_in_a_tensor_is_the_end_value(arithmetic: Arithmetic, window: int) -> None:
    end = arithmetic.end_value(window)
    dots = torch.arange(-window, window + 1, 2, dtype=torch.float32, requires_grad=True)
    plain = torch.arange(-window, window + 1, 2, dtype=torch.float32, requires_grad=True)
    found, expected = end_value(dots, end_value_tensor(end), window), end_value(plain, end, window)
    assert torch.equal(found, expected)
    assert np.array_equal(found.detach().numpy(), end.apply(dots.detach().numpy().astype(np.int64)))
    found.sum().backward()
    expected.sum().backward()
    inside = (plain.detach() >= end.lo) & (plain.detach() <= end.hi)
    assert torch.equal(dots.grad, inside.float())
    assert torch.equal(plain.grad, inside.float())


def test_bfloat16_holds_every_even_number_to_512_and_every_whole_one_to_256() -> None:
    even, whole = torch.arange(-512, 513, 2.0), torch.arange(-256, 257.0)
    assert torch.equal(even.bfloat16().float(), even)
    assert torch.equal(whole.bfloat16().float(), whole)
    assert torch.tensor(514.0).bfloat16().float() != 514  # the bound is the best that there is


@pytest.fixture(scope="module")
def compiled(require_tool: Callable[..., str]) -> FastStep:
    if not fast_step.can_compile():
        require_tool("g++")
    return FastStep(NETWORK)


def batch() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(3)
    images = torch.randint(0, 256, (16, *NETWORK.input_shape), generator=random, dtype=torch.uint8)
    return images, torch.randint(0, 10, (16,), generator=random)


@pytest.mark.parametrize("arithmetic", ARITHMETICS, ids=str)
def test_the_compiled_loss_is_the_plain_one(compiled: FastStep, arithmetic: Arithmetic) -> None:
    torch.manual_seed(7)
    plain = BinaryModel(NETWORK, ends(arithmetic)).train()
    compiled.load(plain.state_dict())
    compiled.set_functions(ends(arithmetic))
    compiled.model.train()
    images, labels = batch()
    with torch.no_grad():
        expected = functional.cross_entropy(plain(images), labels)
    # the stem rounds to bfloat16 in training, which turns a sign here and there
    assert compiled.loss(images, labels).item() == pytest.approx(expected.item(), rel=0.05)


def test_one_graph_serves_every_arithmetic(compiled: FastStep) -> None:
    images, labels = batch()
    compiled.model.train()
    compiled.loss(images, labels)
    with torch.compiler.set_stance("fail_on_recompile"):
        losses = set()
        for arithmetic in ARITHMETICS:
            compiled.set_functions(ends(arithmetic))
            losses.add(compiled.loss(images, labels).item())
    assert len(losses) >= 3


@pytest.mark.parametrize(
    ("name", "repairs"),
    [
        ("tiny", "estimator=reste,activation=rprelu"),
        ("tiny", "estimator=sign-swish,learned-threshold=yes,weight-scale=yes"),
        ("tiny", "estimator=ede,normalisation=before,residual=single"),
        ("tiny", "estimator=tanh,activation=prelu,residual=none"),
        ("resnet-20", ""),
    ],
)
def test_networks_with_repairs_are_one_graph(name: str, repairs: str) -> None:
    network = build_network(name, 0.25, repairs=Repairs.parse(repairs) if repairs else None)
    model = BinaryModel(network, fast_step.exact_functions(network)).train()
    for block, end in zip(model.binary_blocks, fast_step.exact_functions(network), strict=True):
        block.function = end_value_tensor(end)
    # captured whole, forward and backward, and run by PyTorch's own operations: nothing is turned into machine code
    captured = torch.compile(fast_step._loss, backend="aot_eager", fullgraph=True, dynamic=False, recompile_limit=64)
    loss = captured(model, *batch(), bfloat16=True)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(block.weights.latent.grad is not None for block in model.binary_blocks)


def test_one_graph_serves_every_scale_of_int8_maps() -> None:
    network = build_network("tiny", 0.5, maps=FeatureMaps.INT8)
    model = BinaryModel(network, fast_step.exact_functions(network)).train()
    captured = torch.compile(fast_step._loss, backend="aot_eager", fullgraph=True, dynamic=False, recompile_limit=64)
    captured(model, *batch())
    losses = set()
    with torch.compiler.set_stance("fail_on_recompile"):
        for clip in (15, 7, 3):
            model.scale_maps(
                [Arithmetic(16, clip=clip).end_value(layer.shape.window) for layer in network.binary_layers]
            )
            losses.add(captured(model, *batch()).item())
    assert len(losses) == 3


def test_running_sums_are_trained_without_compiling(compiled: FastStep) -> None:
    functions = tuple(Arithmetic(8, Overflow.RUNNING).layer_function(layer.shape) for layer in NETWORK.binary_layers)
    ordered = (RunningSums(-100, 100), *functions[1:])
    compiled.set_functions(ordered)
    assert compiled._loss is fast_step._loss
    assert compiled.model.functions == ordered
    images, labels = batch()
    assert torch.isfinite(compiled.loss(images, labels))
    compiled.set_functions(ends(ARITHMETICS[0]))
    assert compiled._loss is compiled._compiled


def test_without_a_compiler_the_step_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not fast_step.can_compile()
    assert fast_step.step_name() == "eager float32"
    step = FastStep(NETWORK)
    step.set_functions(ends(ARITHMETICS[1]))
    plain = BinaryModel(NETWORK, ends(ARITHMETICS[1])).train()
    plain.load_state_dict(step.state())
    images, labels = batch()
    step.model.train()
    assert step.loss(images, labels).item() == pytest.approx(
        functional.cross_entropy(plain(images), labels).item(), rel=1e-5
    )


def test_the_tensor_form_is_what_evaluation_applies() -> None:
    end = Arithmetic(8, Overflow.WRAP).end_value(576)
    dots = torch.arange(-576, 577, 2.0)
    assert torch.equal(end_value(dots, end_value_tensor(end), 576), apply_end_value(dots, end))
