"""What the conformance tests of the convolution draw their cases from."""

import numpy as np

from kernels_asm import ConvShape, OutputType, Overflow
from kernels_asm.arithmetic import OVERFLOWS_OF

POLICIES = [(width, overflow) for width, overflows in OVERFLOWS_OF.items() for overflow in overflows]
CLIPS = {
    OutputType.INT8: (1, 31, 127),
    OutputType.INT16: (None, 40, 300),
    OutputType.INT32: (None, 7, 32767),
}


def policy_name(policy: tuple[int, Overflow]) -> str:
    return f"{policy[0]}-{policy[1]}"


def signs(rng: np.random.Generator, size: tuple[int, ...], share_of_minus: float) -> np.ndarray:
    return np.where(rng.random(size) < share_of_minus, -1, 1).astype(np.int8)


def data(shape: ConvShape, seed: int, activations: float = 0.5, weights: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Return random activations and weights with the given shares of -1."""
    rng = np.random.default_rng(seed)
    filters = (shape.channels_out, shape.kernel_height, shape.kernel_width, shape.channels_in)
    inputs = (shape.height, shape.width, shape.channels_in)
    return signs(rng, inputs, activations), signs(rng, filters, weights)
