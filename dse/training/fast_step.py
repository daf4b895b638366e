"""The loss of a batch as one compiled graph that serves every arithmetic of a network.

What each layer's end value is stands in a tensor, not in the code, so that a design needs no compilation of its own.
Where the processor has bfloat16 instructions, the convolutions compute in bfloat16, which is exact for them: signs are
+1 and -1, products are added in float32, and of the sums, which are rounded to bfloat16's 8 significant bits, every
whole number up to 256 is held exactly, and so is every even one up to 512. A window of K products has dot products of
the parity of K, and windows of whole channel blocks are even, so |dot| <= 512 is exact. What lies beyond (K > 512 only,
and there 10 standard deviations of a trained layer's sums away) is off by at most 2. Only training computes so: a
network is judged in exact float32.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from dse.networks import Network
from dse.nn.arithmetic import end_value_tensor
from dse.nn.model import BinaryModel
from kernels_asm import Arithmetic, EndValue

_COMPILERS = ("g++", "clang++", "c++")
"""What turns the compiled graph into machine code, beside what $CXX names."""

NETWORKS = 64
"""Networks, widths and sizes of batches that one process can compile; PyTorch's own limit is 8."""


def can_compile() -> bool:
    """Return whether there is a C++ compiler, and oneDNN, whose convolutions are exact."""
    named = os.environ.get("CXX")
    has_compiler = any(shutil.which(name) for name in ((named,) if named else _COMPILERS))
    return has_compiler and torch.backends.mkldnn.is_available()


def has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 in hardware; emulated, it takes longer than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def step_name() -> str:
    """Return how a training step is computed on this machine: results differ in their last bits from one to another."""
    if not can_compile():
        return "eager float32"
    return "compiled bfloat16" if has_bfloat16() else "compiled float32"


class FastStep:
    """A network in training whose arithmetic can change from step to step.

    Args:
        network: What to train; `load` gives it weights.

    """

    def __init__(self, network: Network) -> None:
        exact = tuple(Arithmetic(32).end_value(layer.shape.window) for layer in network.binary_layers)
        model = BinaryModel(network, exact)
        self.model: BinaryModel = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._ends = [end_value_tensor(end) for end in exact]
        for block, end in zip(self.model.binary_blocks, self._ends, strict=True):
            block.end = end
        self._loss: Callable[[BinaryModel, Tensor, Tensor], Tensor] = _loss
        if can_compile():
            # without fallback: a graph that breaks is an error here, not a slow run
            compiled = torch.compile(_loss, dynamic=False, fullgraph=True, recompile_limit=NETWORKS)
            self._loss = partial(compiled, bfloat16=has_bfloat16())

    def set_end_values(self, end_values: Sequence[EndValue]) -> None:
        """Compute the following steps under these end values, one for each binary layer."""
        for tensor, end in zip(self._ends, end_values, strict=True):
            tensor.copy_(end_value_tensor(end))

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take parameters and buffers from `state`."""
        self.model.load_state_dict(state)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of parameters and buffers."""
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross entropy of a batch, differentiable."""
        return self._loss(self.model, images, labels)


def _loss(model: BinaryModel, images: Tensor, labels: Tensor, bfloat16: bool = False) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        logits = model(images)
    return functional.cross_entropy(logits.float(), labels)
