"""The options of a command that works on one convolution layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kernels_asm import ConvShape

DEFAULT_LAYER = "28x28x128x128"
DEFAULT_KERNEL = "3x3"
DEFAULT_PADDING_VALUE = "one"

MOST_PRODUCTS = 1 << 32
"""Products of a layer that commands emulate: about a minute of work."""
MOST_ELEMENTS = 1 << 28
"""Elements of each array that the oracle makes of a layer: a gigabyte of the largest type."""

_SIZES_HELP = "Sizes of the layer, HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT."
Layer = Annotated[str, typer.Option("--layer", help=_SIZES_HELP, metavar="HxWxCINxCOUT")]
OptionalLayer = Annotated[str | None, typer.Option("--layer", help=_SIZES_HELP, metavar="HxWxCINxCOUT")]
Window = Annotated[str, typer.Option("--kernel", help="Size of the layer's window: 3x3, or 3 for both.", metavar="KxK")]
Stride = Annotated[int, typer.Option("--stride", min=1, help="Pixels from one window to the next.")]
Padding = Annotated[
    int, typer.Option("--padding", min=0, help="Pixels added on every side of the input, of +1 by default.")
]
PaddingChoice = Annotated[
    str,
    typer.Option("--padding-value", help="What added pixels hold; zero only for fused variants.", metavar="one|zero"),
]


def emulable_layer(
    sizes: str, kernel: str, stride: int, padding: int, padding_value: str = DEFAULT_PADDING_VALUE
) -> ConvShape:
    """Return the layer of these options, for a command that runs it.

    Raises kernels_asm.InputError if they are malformed, UsageError for a layer too large to be emulated.
    """
    from kernels_asm import ConvShape

    shape = ConvShape.parse(sizes, kernel, stride, padding, padding_value)
    check_emulable(shape)
    return shape


def check_emulable(shape: ConvShape) -> None:
    """Raise UsageError for a layer too large to be emulated."""
    from dse.errors import UsageError

    elements = max(
        shape.out_pixels * shape.window,
        shape.out_pixels * shape.channels_out,
        shape.channels_out * shape.window,
        shape.padded_height * shape.padded_width * shape.channels_in,
    )
    if shape.products > MOST_PRODUCTS or elements > MOST_ELEMENTS:
        raise UsageError(
            f"layer {shape} has {shape.products:,} binary products, too much to be emulated "
            f"(at most {MOST_PRODUCTS:,}, and {MOST_ELEMENTS:,} elements of an array): give a smaller layer"
        )
