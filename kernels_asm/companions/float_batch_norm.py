"""`float_batch_norm`: the conventional pass behind a convolution, in float32, and the packed sign bits of its output.

Contract: ``y = x * scale[channel]``, then ``y + bias[channel]``, then ``y + shortcut`` if there is one, then the
activation (`kernels_asm.activation`), each operation rounded to the nearest float32 (ties to even) on its own; none is
fused, so NumPy's float32 arithmetic is the oracle, bit for bit. The bit is ``y < 0``, or ``y < threshold[channel]``
where there are thresholds. An integer input is first converted to float32, rounded the same way (exact up to 2^24).
Subnormal numbers count (FPCR.FZ is 0). A NaN comes out where NumPy has one; which of the NaNs is not defined, its bit
is 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels_asm.activation import Activation
from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.channel_groups import Walk
from kernels_asm.errors import InputError

SOURCE = channel_groups.SOURCES / "float_batch_norm.S"

FLOAT_BATCH_NORM = ArgumentBlock(
    "float_batch_norm",
    "kernels_asm/companions/float_batch_norm.py",
    (
        Field("input", "const void *", "feature map of one of INPUT_TYPES, pixel by pixel, channels contiguous"),
        Field("parameters", "const float *", "for each group of 16 channels: 16 of each, see FloatParameters"),
        Field("shortcut", "const float *", "feature map to add, of the same shape; unused without one"),
        Field("output", "float *", "result, of the same shape"),
        *channel_groups.OUTPUT_FIELDS,
    ),
)


INPUT_TYPES = ("float32", "int32", "int16", "int8")

_CODES = {Activation.NONE: 0, Activation.RELU: 1, Activation.PRELU: 2, Activation.RPRELU: 3}
_PARAMETERS_OF = {
    Activation.NONE: (),
    Activation.RELU: (),
    Activation.PRELU: ("slope",),
    Activation.RPRELU: ("before", "slope", "after"),
}

Floats = NDArray[np.float32]


def parameters_of(activation: Activation) -> tuple[str, ...]:
    """Return the names of the numbers that an activation has for each channel, in the order of their use."""
    return _PARAMETERS_OF[activation]


@dataclass(frozen=True, slots=True, eq=False)
class FloatParameters:
    """The numbers of each channel, float32 of shape (channels,); None for those that there are not.

    Raises InputError if the activation lacks a number or does not have it, or shapes differ.
    """

    scale: Floats
    bias: Floats
    activation: Activation = Activation.NONE
    slope: Floats | None = None
    before: Floats | None = None
    after: Floats | None = None
    threshold: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("slope", "before", "after"):
            if (getattr(self, name) is not None) != (name in parameters_of(self.activation)):
                wanted = " and ".join(parameters_of(self.activation)) or "none of its own"
                raise InputError(f"activation {self.activation}: its numbers are {wanted}: give them and no others")
        for name, values in self.in_order().items():
            channel_groups.check_shape(name, values, self.scale.shape)

    def in_order(self) -> dict[str, Floats]:
        """Return those that there are by name, in the order of their use."""
        names = ("scale", "bias", *parameters_of(self.activation), "threshold")
        present = {name: getattr(self, name) for name in names}
        return {name: values.astype(np.float32) for name, values in present.items() if values is not None}

    def pack(self) -> Floats:
        """Return them as the kernel reads them: (groups, how many, 16), filled with zeros."""
        grouped = [channel_groups.in_groups(values) for values in self.in_order().values()]
        return np.ascontiguousarray(np.stack(grouped, axis=1), np.float32)


def symbols(
    bits: BitMap,
    dtype: np.dtype[np.generic],
    has_shortcut: bool,
    pixels_at_once: int = 2,
    input_skip: int = 0,
    *,
    activation: Activation = Activation.NONE,
    has_thresholds: bool = False,
) -> dict[str, int]:
    """Return the assembler symbols for a packed output.

    `pixels_at_once`, `input_skip`: as of `channel_groups.pixels_symbols`. Raises InputError for another input type or
    number of pixels.
    """
    if dtype.name not in INPUT_TYPES:
        raise InputError(f"float_batch_norm of {dtype.name}: give one of {', '.join(INPUT_TYPES)}")
    return {
        "INPUT_INTEGER": dtype.itemsize * 8 if dtype.kind == "i" else 0,
        "ADD_SHORTCUT": int(has_shortcut),
        "ACTIVATION": _CODES[activation],
        "THRESHOLDS": int(has_thresholds),
        **channel_groups.pixels_symbols(pixels_at_once, input_skip),
        **Walk.by_pixels(bits).symbols(),
    }


def argument_values(bits: BitMap) -> dict[str, int]:
    """Return every field but the pointers, for the packed output."""
    return Walk.by_pixels(bits).argument_values(bits)


def oracle(
    values: NDArray[np.number], parameters: FloatParameters, shortcut: Floats | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return output, float32, and bits for a map; all of shape (height, width, channels)."""
    named = parameters.in_order()
    with np.errstate(all="ignore"):  # infinities and NaNs are part of the contract
        y = values.astype(np.float32) * named["scale"] + named["bias"]
        if shortcut is not None:
            y = y + shortcut.astype(np.float32)
        y = _activate(y, parameters.activation, named)
        return y, y < named.get("threshold", np.float32(0))


def _activate(y: Floats, activation: Activation, named: dict[str, Floats]) -> Floats:
    match activation:
        case Activation.NONE:
            return y
        case Activation.RELU:
            return np.where(np.isnan(y) | (y > 0), y, np.float32(0))
        case Activation.PRELU:
            return np.where(y < 0, y * named["slope"], y)
        case Activation.RPRELU:
            y = y + named["before"]
            return np.where(y < 0, y * named["slope"], y) + named["after"]
