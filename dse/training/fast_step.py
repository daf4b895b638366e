"""The loss of a batch as one compiled graph that serves every arithmetic of a network.

What each layer's end value is stands in a tensor, not in the code, so that a design needs no compilation of its own.
Where the processor has bfloat16 instructions, the convolutions compute in bfloat16. For binary ones that is exact while
|dot| <= 512: signs are +1 and -1, their products are added in float32, which holds every whole number up to 2^24, and
only the sum is rounded to bfloat16's 8 significant bits, which hold every whole number up to 256 and every even one up
to 512; a dot product has the parity of its K, and K is even where the channels are. Sums at the border, of fewer
products, are even for the same reason, as is what a padding of ones adds to them. Beyond 512, which a K of 576 reaches
at 6 standard deviations and more, a sum is off by at most 1/512 of itself. Only training computes so: a network is
judged in exact float32.
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
from dse.nn.precision import Precision
from kernels_asm import Arithmetic, EndValue, LayerFunction

_COMPILERS = ("g++", "clang++", "c++")
"""What turns the compiled graph into machine code, beside what $CXX names."""

NETWORKS = 64
"""Networks, widths and sizes of batches that one process can compile; PyTorch's own limit is 8."""


def can_compile() -> bool:
    """Return whether there is a C++ compiler, and oneDNN, whose convolutions are exact."""
    named = os.environ.get("CXX")
    has_compiler = any(shutil.which(name) for name in ((named,) if named else _COMPILERS))
    return has_compiler and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


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

    Steps under running sums are not compiled: they are no function of the dot product.

    Args:
        network: What to train; `load` gives it weights.

    """

    def __init__(self, network: Network) -> None:
        exact = exact_functions(network)
        self.model = BinaryModel(network, exact)
        self._ends = [end_value_tensor(end) for end in exact]
        self._compiled: Callable[[BinaryModel, Tensor, Tensor], Tensor] | None = None
        self._loss: Callable[[BinaryModel, Tensor, Tensor], Tensor] = _loss
        if can_compile():
            # without fallback: a graph that breaks is an error here, not a slow run
            compiled = torch.compile(  # type: ignore[call-overload]  # its types lack `recompile_limit`
                _loss, dynamic=False, fullgraph=True, recompile_limit=NETWORKS
            )
            self._compiled = partial(compiled, bfloat16=has_bfloat16())
        self.set_functions(exact)

    def set_functions(self, functions: Sequence[LayerFunction]) -> None:
        """Compute the following steps under these arithmetics, one for each binary layer."""
        ends = [function for function in functions if isinstance(function, EndValue)]
        if self._compiled is None or len(ends) < len(functions):
            self._loss = _loss
            self.model.compute_as(functions, Precision.BINARY, Precision.BINARY)
            return
        self._loss = self._compiled
        self.model.scale_maps(ends)
        for block, tensor, end in zip(self.model.binary_blocks, self._ends, ends, strict=True):
            block.function = tensor.copy_(end_value_tensor(end))

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take parameters and buffers from `state`."""
        self.model.load_state_dict(state)

    def state(self) -> dict[str, Tensor]:
        """Return a copy of parameters and buffers."""
        return {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross entropy of a batch, differentiable."""
        return self._loss(self.model, images, labels)


def exact_functions(network: Network) -> tuple[EndValue, ...]:
    """Return the functions of the network's binary layers in exact arithmetic."""
    return tuple(Arithmetic(32).end_value(layer.shape.window) for layer in network.binary_layers)


def _loss(model: BinaryModel, images: Tensor, labels: Tensor, bfloat16: bool = False) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        logits = model(images)
    return functional.cross_entropy(logits.float(), labels)
