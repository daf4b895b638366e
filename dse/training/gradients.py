"""The loss of a batch and its gradients, on the device that a training takes.

On the processor all is computed in float32. A GPU computes convolutions in bfloat16 and everything else in float32; why
that keeps binary convolutions exact, up to sums that hardly occur, is told in `dse.training.fast_step`. There the
kernels of a step are captured once as a CUDA graph and started together, as one by one they take longer to start than
to run. PyTorch's compiler is not used for them: the gradients that its 2.11 computed on an H200 pointed elsewhere than
those of the plain pass (cosine 0.5 to 0.9 in the first layers, 0.97 and more without it), and networks learned less.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

from dse.nn.model import BinaryModel
from dse.training.device import Device
from dse.training.distillation import Loss
from kernels_asm import EndValue

Gradients: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(uint8 images (N, C, H, W), labels (N,)) -> their mean loss; the parameters have its gradients then."""

READ_EVERY = {Device.CPU: 1, Device.CUDA: 50}
"""Steps after which losses are read: a GPU computes ahead of the program until somebody asks for a result."""

_WARM_UP_STEPS = 3
"""Before a capture, as PyTorch asks for: libraries choose their algorithms and allocate in them."""


def gradients_of(model: BinaryModel, loss: Loss, device: Device) -> Gradients:
    """Return what computes loss and gradients of batches, all of one size, by `model` as it is set now."""
    step = plain_gradients(model, loss, device)
    captures = device is Device.CUDA and all(isinstance(function, EndValue) for function in model.functions)
    return _Graph(model, step) if captures else step  # running sums are computed on the processor


def plain_gradients(model: BinaryModel, loss: Loss, device: Device) -> Gradients:
    """Return the same, whose operations are started one by one."""
    forward = model if device is Device.CPU else _mixed(model)

    def differentiate(images: Tensor, labels: Tensor) -> Tensor:
        model.zero_grad(set_to_none=True)
        value = loss(forward(images), images, labels)
        value.backward()  # type: ignore[no-untyped-call]
        return value.detach()

    return differentiate


def _mixed(model: BinaryModel) -> Callable[[Tensor], Tensor]:
    def forward(images: Tensor) -> Tensor:
        # without a cache of weights in bfloat16, which a graph would read on in its later starts
        with torch.autocast("cuda", torch.bfloat16, cache_enabled=False):
            logits: Tensor = model(images)
        return logits.float()

    return forward


@dataclass(frozen=True, eq=False)
class _Captured:
    """A CUDA graph, and where it reads and writes."""

    graph: torch.cuda.CUDAGraph
    images: Tensor
    labels: Tensor
    value: Tensor


class _Graph:
    """A model's `plain_gradients` as one CUDA graph, captured with the first batch."""

    def __init__(self, model: BinaryModel, step: Gradients) -> None:
        self._model, self._step = model, step
        self._captured: _Captured | None = None

    def __call__(self, images: Tensor, labels: Tensor) -> Tensor:
        if self._captured is None:
            self._captured = self._capture(images.clone(), labels.clone())
        captured = self._captured
        captured.images.copy_(images)
        captured.labels.copy_(labels)
        captured.graph.replay()
        return captured.value.clone()

    def _capture(self, images: Tensor, labels: Tensor) -> _Captured:
        """Record a step; what warming up changes, the statistics of batch norm, is put back."""
        gc.collect()  # a graph of an earlier training that is freed during the capture would spoil it
        before = {name: buffer.clone() for name, buffer in self._model.named_buffers()}
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP_STEPS):
                self._step(images, labels)
        torch.cuda.current_stream().wait_stream(aside)
        self._model.zero_grad(set_to_none=True)  # so that the graph has gradients of its own, written anew each time
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            value = self._step(images, labels)
        for name, buffer in self._model.named_buffers():
            buffer.copy_(before[name])
        return _Captured(graph, images, labels, value)


@contextmanager
def repeatable(device: Device) -> Iterator[None]:
    """Let the same seed give the same result on a GPU: its library may choose only among algorithms that do so."""
    if device is Device.CPU:
        yield
        return
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        yield
    finally:
        torch.backends.cudnn.deterministic = before
