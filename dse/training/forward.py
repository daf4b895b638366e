"""The forward pass of a training step on its device.

On the processor it is the model itself, in float32. A GPU computes convolutions in bfloat16 and everything else in
float32; why that keeps binary convolutions exact, up to sums that hardly occur, is told in `dse.training.fast_step`.
Where a C compiler is at hand, which the compiler of GPU code needs, the pass is compiled.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import torch
from torch import Tensor
from torch.utils._triton import has_triton

from dse.nn.arithmetic import end_value_tensor
from dse.nn.model import BinaryModel
from dse.nn.precision import Precision
from dse.training.device import Device
from kernels_asm import EndValue, LayerFunction

Forward: TypeAlias = Callable[[Tensor], Tensor]
"""uint8 images (N, C, H, W) -> logits (N, classes), float32, differentiable."""

_C_COMPILERS = ("gcc", "clang", "cc")

_MODE = "reduce-overhead"
"""With CUDA graphs: starting the kernels of a step one by one takes longer than they run."""

READ_EVERY = {Device.CPU: 1, Device.CUDA: 50}
"""Steps after which losses are read: a GPU computes ahead of the program until somebody asks for a result."""


def forward_of(model: BinaryModel, functions: Sequence[LayerFunction], device: Device) -> Forward:
    """Return the forward pass of `model` on `device`, on which it is; it is to compute these functions.

    The functions of the model are left in a form that the compiler takes for data: call `BinaryModel.compute_as` to
    change them, and this anew.
    """
    if device is Device.CPU:
        return model
    if not (_can_compile() and all(isinstance(function, EndValue) for function in functions)):
        return _mixed(model)
    for block, function in zip(model.binary_blocks, functions, strict=True):
        if isinstance(function, EndValue) and Precision.REAL not in (block.features.precision, block.weights.precision):
            block.function = end_value_tensor(function).to(device.value)
    torch.compiler.reset()  # PyTorch compiles few forms of a model in one process; those of earlier stages are done
    return _mixed(torch.compile(model, dynamic=False, mode=_MODE))


def _mixed(model: Forward) -> Forward:
    def forward(images: Tensor) -> Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            return model(images).float()

    return forward


def _can_compile() -> bool:
    return bool(has_triton()) and any(map(shutil.which, _C_COMPILERS))


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
