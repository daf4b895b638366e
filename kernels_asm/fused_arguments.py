"""The argument block of the convolution by summing trees with its output transform fused."""

from collections.abc import Mapping

from kernels_asm.arguments import ArgumentBlock, Field
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.packing import padded_channels_out
from kernels_asm.shape import ConvShape
from kernels_asm.tree_arguments import BINARY_CONV_TREE, tree_argument_values
from kernels_asm.tree_tile import TreeTile

SCRATCH_TYPE_BYTES = 2
"""Bytes of a dot product in the scratch tile."""

_PREFIX = "transform_"

_MEANINGS = {
    "output": "scratch tile of int16: rows, pixels and all channels of a tile",
    "last_shift_out": "output pixels by which it moves back",
    "out_pitch": "bytes of a pixel of the scratch tile",
    "out_line": "bytes of a row of the scratch tile",
}

_PLACES = tuple(
    Field(f"{name}_{step}", "int64_t", f"bytes from one {what} of {map_name} to the next")
    for name, map_name in (("shortcut", "the shortcut"), ("map", "the output map"), ("bits", "the packed map"))
    for step, what in (("line", "row"), ("pixel", "pixel"))
)


def fused_block(transform: ArgumentBlock) -> ArgumentBlock:
    """Return the block: the convolution's, then what places a tile, then the transform's, its names prefixed."""
    own = [Field(f.name, f.c_type, _MEANINGS.get(f.name, f.meaning)) for f in BINARY_CONV_TREE.fields]
    borders = (
        Field("corrections", "const int16_t *", "what padding of +1 adds, by border and channel; unused without any"),
        Field("border_rows", "const uint32_t *", "offset of the corrections of each output row"),
        Field("border_columns", "const uint32_t *", "offset of the corrections of each output column"),
    )
    called = [Field(_PREFIX + f.name, f.c_type, f.meaning) for f in transform.fields]
    called[0] = Field(called[0].name, called[0].c_type, "null: the kernel points its own copy to the scratch tile")
    return ArgumentBlock(
        BINARY_CONV_TREE.function, "kernels_asm/fused_arguments.py", (*own, *borders, *_PLACES, *called)
    )


def transform_field(name: str) -> str:
    """Return the name that a field of the transform's block has in the whole block."""
    return _PREFIX + name


def fused_argument_values(
    shape: ConvShape, tile: TreeTile, bits: BitMap, element_bytes: int, transform_values: Mapping[str, int]
) -> dict[str, int]:
    """Return every field but the pointers.

    Args:
        shape: The layer.
        tile: The tile.
        bits: The packed output.
        element_bytes: Of an element of the shortcut and of the output map.
        transform_values: Fields of the transform's block, for a row of a tile.

    """
    scratch_pixel = padded_channels_out(shape.channels_out, tile.channels) * SCRATCH_TYPE_BYTES
    map_pixel = shape.channels_out * element_bytes
    convolution = tree_argument_values(shape, tile.channels, tile.pixels, SCRATCH_TYPE_BYTES)
    return {
        **convolution,
        "last_shift_out": convolution["tile_columns"] * tile.pixels - shape.out_width,
        "out_line": tile.pixels * scratch_pixel,
        "shortcut_line": shape.out_width * map_pixel,
        "shortcut_pixel": map_pixel,
        "map_line": shape.out_width * map_pixel,
        "map_pixel": map_pixel,
        "bits_line": bits.row_bytes,
        "bits_pixel": bits.shape[2],
        **{transform_field(name): value for name, value in transform_values.items()},
        transform_field("bits_start"): bits.start,
    }
