"""A fused variant: the convolution by summing trees whose tiles go through an output transform while they are in L1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.arithmetic import Arithmetic, OutputType
from kernels_asm.assembler import SOURCES, Callee, KernelImage, KernelSource, assemble
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.errors import InputError
from kernels_asm.fused_arguments import SCRATCH_TYPE_BYTES, fused_argument_values, fused_block
from kernels_asm.oracle import dot_products
from kernels_asm.packing import pack_bits, padded_channels_out
from kernels_asm.shape import ConvShape
from kernels_asm.tiles import listed_tiles
from kernels_asm.transforms import Array, Parameters, Transform, all_transforms, parse_transform
from kernels_asm.tree_tile import LoopOrder, Schedule, TreeTile
from kernels_asm.variant import LIKE_A_TREE
from kernels_asm.variant import PARTS as KERNEL_PARTS
from kernels_asm.variant_text import VariantPart, read_parts, write_parts

_PLACED = ("input", "shortcut", "output", "bits")
"""Pointers of a transform that move from tile to tile."""


@dataclass(frozen=True, slots=True)
class FusedVariant:
    """Accumulators of so many bits, exact; what becomes of the dot products; the tile.

    Raises InputError for a tile that does not compute all channels of its pixels before the next pixels, or cannot add
    up in such accumulators.
    """

    accumulator: int
    transform: Transform
    tile: TreeTile

    def __post_init__(self) -> None:
        self.tile.check_arithmetic(self.arithmetic)
        if self.tile.order is not LoopOrder.PIXELS:
            raise InputError(
                f"fused variant {self}: a transform needs all channels of a tile: give loop order {LoopOrder.PIXELS}"
            )

    def __str__(self) -> str:
        return write_parts(PARTS, {"accumulator": self.accumulator, "transform": self.transform, "tile": self.tile})

    @classmethod
    def parse(cls, text: str) -> "FusedVariant":
        """Read what `str` writes, such as "acc8-int8+shortcut.by2-tree4x14r1c3.ooo.pixels".

        Raises InputError that names the part that is wrong.
        """
        return cls(**read_parts(PARTS, text))

    @property
    def arithmetic(self) -> Arithmetic:
        """How dot products are summed: exactly, to int16."""
        return Arithmetic(self.accumulator, output=OutputType.INT16)

    @property
    def arguments(self) -> ArgumentBlock:
        """The argument block, the transform's within."""
        return fused_block(self.transform.arguments)

    def check(self, shape: ConvShape) -> None:
        """Raise InputError, with the reason, if this variant cannot compute the layer."""
        self.tile.registers(self.arithmetic, shape)
        self.callee(shape)

    def callee(self, shape: ConvShape) -> Callee:
        """Return the transform as a function for a row of a tile."""
        skipped = padded_channels_out(shape.channels_out, self.tile.channels) - shape.channels_out
        in_order = self.tile.schedule is Schedule.IN_ORDER
        return self.transform.callee(self._row(shape), skipped * SCRATCH_TYPE_BYTES, in_order)

    def parameters(self, shape: ConvShape) -> dict[str, int]:
        """Return the assembler symbols; raises InputError as `check`."""
        fields = self.transform.arguments.offsets
        return {
            **self.tile.parameters(self.arithmetic, shape),
            "FUSED": 1,
            "BORDERS": int(shape.pads_zeros),
            "BORDER_BYTES": 8 if self._scratch_pixel_bytes(shape) % 32 else 32,
            "CALLEE_FIELDS": len(fields),
            **{f"CALLEE_{name.upper()}": fields.get(name, -1) for name in _PLACED},
        }

    def argument_values(self, shape: ConvShape, bits: BitMap) -> dict[str, int]:
        """Return every field of the argument block but the pointers, for such a packed output."""
        element = self.transform.element
        values = self.transform.values(self._row(shape))
        return fused_argument_values(shape, self.tile, bits, element.itemsize if element else 0, values)

    def scratch_bytes(self, shape: ConvShape) -> int:
        """Return the bytes of the scratch tile."""
        return self.tile.rows * self.tile.pixels * self._scratch_pixel_bytes(shape)

    def instruction_budget(self, shape: ConvShape) -> int:
        """Return about twice the instructions that a correct kernel needs, so that a runaway one ends soon."""
        tiled_pixels = shape.out_height * -(-shape.out_width // self.tile.pixels) * self.tile.pixels
        transform = tiled_pixels * (8 * shape.channels_out + 1_000)
        borders = tiled_pixels * (2 * shape.channels_out + 32) if shape.pads_zeros else 0
        return self.tile.instruction_budget(shape) + transform + 2 * borders

    def _scratch_pixel_bytes(self, shape: ConvShape) -> int:
        return padded_channels_out(shape.channels_out, self.tile.channels) * SCRATCH_TYPE_BYTES

    def _row(self, shape: ConvShape) -> BitMap:
        return BitMap(1, self.tile.pixels, shape.channels_out)


def assemble_fused(variant: FusedVariant, shape: ConvShape) -> KernelImage:
    """Return the image of the variant for the layer.

    Raises InputError if the variant cannot compute the layer, AssemblyError if the assembler refuses a source.
    """
    kernel = fused_kernel(variant, shape)
    return assemble(kernel.source, kernel.parameters, kernel.arguments, callee=kernel.callee)


def fused_kernel(variant: FusedVariant, shape: ConvShape) -> KernelSource:
    """Return what the image of the variant for the layer is made of; raises InputError as `assemble_fused`."""
    source = SOURCES / variant.tile.source
    return KernelSource(source, variant.parameters(shape), variant.arguments, variant.callee(shape))


def fused_digest(variant: FusedVariant, shape: ConvShape) -> str:
    """Return the digest of the image that `assemble_fused` would return, without assembling it."""
    return fused_kernel(variant, shape).digest()


def fused_bit_map(shape: ConvShape, border: int = 0) -> BitMap:
    """Return the packed output of a layer, with so many pixels of border for the next one."""
    return BitMap(shape.out_height, shape.out_width, shape.channels_out, border)


def fused_conv(
    shape: ConvShape,
    transform: Transform,
    operands: tuple[NDArray[np.integer], NDArray[np.integer]],
    parameters: Parameters,
    shortcut: Array | None = None,
) -> tuple[NDArray[np.uint8], Array | None]:
    """Return what a fused variant must put out: packed bits without border, and the output map if there is one.

    Args:
        shape: The layer.
        transform: What becomes of the dot products.
        operands: Activations and weights as of `oracle.dot_products`.
        parameters: Of the transform, each of shape (channels out,).
        shortcut: What is added, of the output's shape.

    """
    dot = dot_products(*operands, shape).astype(np.int16)
    is_one, output = transform.oracle(dot, parameters, shortcut)
    return pack_bits(np.where(is_one, -1, 1)), output


_EXAMPLE = TreeTile(4, 14, 1, 3)


def _read_transform(text: str) -> Transform:
    """Return the transform; raises ValueError where there is none, so that the error can tell the nearest."""
    try:
        return parse_transform(text)
    except InputError:
        raise ValueError(text) from None


def _read_tree(text: str) -> TreeTile:
    if not LIKE_A_TREE.fullmatch(text):
        raise ValueError(text)
    return TreeTile.parse(text)


def _listed_trees() -> tuple[str, ...]:
    """Return the trees that stand for all, the one that messages name first."""
    trees = (str(tile) for tile in listed_tiles() if isinstance(tile, TreeTile) and tile != _EXAMPLE)
    return str(_EXAMPLE), *trees


PARTS: tuple[VariantPart, ...] = (
    KERNEL_PARTS[0],
    VariantPart(
        "transform",
        "what becomes of the dot products: sign bits of a batch norm, with the map that it is of or without",
        "bits, int8 or float, +shortcut to add a map to these two, then .by1, .by2 or, but for float, .slabs",
        tuple(str(transform) for transform in all_transforms()),
        "",
        _read_transform,
        str,
    ),
    VariantPart(
        "tile",
        "output channels x output pixels computed at once, and how: see kernels_asm/tree_tile.py",
        f"a tree such as {_EXAMPLE}",
        _listed_trees(),
        "",
        _read_tree,
        str,
    ),
)
"""The parameters of a fused variant, in the order of its text."""
