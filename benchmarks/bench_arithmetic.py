"""What the arithmetics cost in training: forward and backward of binary layers, against the plain convolution.

python -m benchmarks.bench_arithmetic

A row is an arithmetic, a column a layer; a batch has 64 images. The plain convolution, "exact" without a clip, is that
of the signs of activations and weights, with the gradients of both; its row has CPU milliseconds, the others have
ratios to it, the median of rounds in which all arithmetics take turns on one thread. A star marks running sums that
depend on the order; without one, that layer has the end value of another arithmetic. The aim for end values is 2.5.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor

from dse.networks import build_network
from dse.nn import arithmetic as nn
from kernels_asm import Arithmetic, ConvShape, LayerFunction, Overflow, RunningSums

BATCH = 64
ROUNDS = 15
PLAIN = Arithmetic(32)
ARITHMETICS = (
    PLAIN,
    Arithmetic(32, clip=15),
    Arithmetic(8, Overflow.SATURATE),
    Arithmetic(8, Overflow.SATURATE, clip=31),
    Arithmetic(8, Overflow.WRAP),
    Arithmetic(8, Overflow.WRAP, clip=31),
    Arithmetic(16, Overflow.WRAP),
    Arithmetic(8, Overflow.RUNNING),
    Arithmetic(8, Overflow.RUNNING, clip=31),
    Arithmetic(8, Overflow.RUNNING, clip=3),
)


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    tiny = (layer.shape for layer in build_network("tiny").binary_layers)
    shapes = (*dict.fromkeys(tiny), ConvShape(14, 14, 256, 256))
    columns = [_column(shape) for shape in shapes]
    print(
        f"{'':24}"
        + "".join(f"{f'{s.height}x{s.width}x{s.channels_in}x{s.channels_out} s{s.stride}':>19}" for s in shapes)
    )
    for row, arithmetic in enumerate(ARITHMETICS):
        clip = "" if arithmetic.clip is None else f" clip {arithmetic.clip}"
        name = f"{arithmetic.accumulator}-bit {arithmetic.overflow}{clip}"
        print(f"{name:24}" + "".join(f"{column[row]:>19}" for column in columns))


def _column(shape: ConvShape) -> list[str]:
    """Return the cell of each arithmetic for a layer."""
    torch.manual_seed(0)
    x = torch.randn(BATCH, shape.channels_in, shape.height, shape.width).to(memory_format=torch.channels_last)
    weight = torch.randn(shape.channels_out, shape.channels_in, shape.kernel_height, shape.kernel_width)
    weight = weight.to(memory_format=torch.channels_last)
    functions = [arithmetic.layer_function(shape) for arithmetic in ARITHMETICS]
    rounds = [[_seconds(x, weight, shape, function) for function in functions] for _ in range(ROUNDS + 1)]
    compared = rounds[1:]  # the first compiles
    cells = [f"{1e3 * statistics.median(times[0] for times in compared):.1f} ms"]
    for row, function in enumerate(functions[1:], start=1):
        ratio = statistics.median(times[row] / times[0] for times in compared)
        cells.append(f"{ratio:.2f}{'*' if isinstance(function, RunningSums) else ' '}")
    return cells


def _seconds(x: Tensor, weight: Tensor, shape: ConvShape, function: LayerFunction) -> float:
    """Return the CPU time of one forward and backward pass."""
    x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
    ring = nn.padding_ring(shape)
    start = time.process_time()
    outputs = nn.layer_outputs(nn.sign(x), nn.weight_sign(weight), ring, shape, function)
    outputs.backward(torch.ones_like(outputs))  # type: ignore[no-untyped-call]
    return time.process_time() - start


if __name__ == "__main__":
    main()
