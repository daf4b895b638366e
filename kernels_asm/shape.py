"""The shape of one binary convolution layer."""

from dataclasses import dataclass, fields
from enum import StrEnum

from kernels_asm.errors import InputError

_LARGEST_SIZE = 65536
"""Largest number that is read from a text: beyond any network, and small enough to fail before memory does."""


class PaddingValue(StrEnum):
    """What the added pixels hold in every channel."""

    ONE = "one"
    ZERO = "zero"


@dataclass(frozen=True, slots=True)
class ConvShape:
    """A two-dimensional binary convolution over one image, square stride and padding.

    `height`, `width` and `channels_in` describe the input feature map, `padding` is the number of pixels added on
    every side; added pixels hold `padding_value` in every channel. All sizes are counts, at least 1 (padding: at least
    0).

    Raises InputError if a size is out of range or the kernel is larger than the padded input.
    """

    height: int
    width: int
    channels_in: int
    channels_out: int
    kernel_height: int = 3
    kernel_width: int = 3
    stride: int = 1
    padding: int = 1
    padding_value: PaddingValue = PaddingValue.ONE

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name == "padding_value":
                continue
            least = 0 if field.name == "padding" else 1
            value = getattr(self, field.name)
            if value < least:
                raise InputError(f"layer shape: {field.name} is {value}: give at least {least}")
        if self.kernel_height > self.padded_height or self.kernel_width > self.padded_width:
            raise InputError(
                f"layer shape: kernel {self.kernel_height}x{self.kernel_width} is larger than the padded input "
                f"{self.padded_height}x{self.padded_width}: give a smaller kernel or more padding"
            )

    def __str__(self) -> str:
        zeros = " of zeros" if self.padding_value is PaddingValue.ZERO else ""
        return (
            f"{self.height}x{self.width}x{self.channels_in}x{self.channels_out} "
            f"k{self.kernel_height}x{self.kernel_width} s{self.stride} p{self.padding}{zeros}"
        )

    @classmethod
    def parse(
        cls, sizes: str, kernel: str = "3x3", stride: int = 1, padding: int = 1, padding_value: str = "one"
    ) -> "ConvShape":
        """Read "HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT", "3x3" or "3" for the kernel, "one" or "zero" for padding.

        Raises InputError for another form, and as the constructor.
        """
        numbers = _numbers(sizes)
        if len(numbers) != 4:
            raise InputError(f"layer {sizes!r}: write HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT, such as 28x28x128x128")
        window = _numbers(kernel)
        if len(window) not in (1, 2):
            raise InputError(f"kernel {kernel!r}: write HEIGHTxWIDTH or one number for both, such as 3x3 or 3")
        for name, size in (("stride", stride), ("padding", padding)):
            if size > _LARGEST_SIZE:
                raise InputError(f"layer shape: {name} is {size}: give at most {_LARGEST_SIZE}")
        height, width, channels_in, channels_out = numbers
        value = _padding_value(padding_value)
        return cls(height, width, channels_in, channels_out, window[0], window[-1], stride, padding, value)

    @property
    def pads_zeros(self) -> bool:
        """Whether there are added pixels, and they hold 0, which is neither of the two values of a bit."""
        return self.padding > 0 and self.padding_value is PaddingValue.ZERO

    def check_padding(self, kernel: str) -> None:
        """Raise InputError if added pixels hold 0, for a kernel, which messages call so, that pads with +1."""
        if self.pads_zeros:
            raise InputError(f"layer {self}: {kernel} pads with +1: give that padding, or a fused variant")

    @property
    def padded_height(self) -> int:
        """Rows of the input with its padding."""
        return self.height + 2 * self.padding

    @property
    def padded_width(self) -> int:
        """Columns of the input with its padding."""
        return self.width + 2 * self.padding

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return (self.padded_height - self.kernel_height) // self.stride + 1

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return (self.padded_width - self.kernel_width) // self.stride + 1

    @property
    def out_pixels(self) -> int:
        """Output pixels, rows times columns."""
        return self.out_height * self.out_width

    @property
    def window(self) -> int:
        """Binary products summed into one output, K = kernel height x kernel width x input channels."""
        return self.kernel_height * self.kernel_width * self.channels_in

    @property
    def products(self) -> int:
        """Binary products of the whole layer, padding included, for one image."""
        return self.out_pixels * self.channels_out * self.window


def _padding_value(text: str) -> PaddingValue:
    try:
        return PaddingValue(text)
    except ValueError:
        raise InputError(f"padding value {text!r}: write {' or '.join(PaddingValue)}") from None


def _numbers(text: str) -> tuple[int, ...]:
    """Return the numbers between the x of "28x28", none if there is anything else; raises InputError for huge ones."""
    parts = text.lower().split("x")
    if not all(part.isascii() and part.isdecimal() for part in parts):
        return ()
    if max(map(len, parts)) > len(str(_LARGEST_SIZE)) or max(map(int, parts)) > _LARGEST_SIZE:
        raise InputError(f"layer shape {text!r}: a size is beyond {_LARGEST_SIZE}: give a smaller one")
    return tuple(map(int, parts))
