"""A variant of the convolution kernel: an arithmetic and a tile."""

import re
from dataclasses import dataclass

from kernels_asm.arithmetic import ACCUMULATORS, LARGEST_CLIP, Arithmetic, OutputType, Overflow
from kernels_asm.errors import InputError
from kernels_asm.lane_tile import LaneTile
from kernels_asm.shape import ConvShape
from kernels_asm.tile import DOT_PRODUCT, UDOT_SUFFIX, Tile
from kernels_asm.tiles import listed_tiles, parse_tile
from kernels_asm.tree_tile import LoopOrder, Schedule, TreeTile
from kernels_asm.variant_text import VariantPart, read_parts, write_parts

EXAMPLE = str(LaneTile(8, 3))
"""Name of a tile in messages."""

LIKE_A_TREE = re.compile(rf"tree.*\.({'|'.join(Schedule)})\.({'|'.join(LoopOrder)})(\..*)?")
"""Texts that are read as a tree, and whose errors tell what is wrong with its numbers."""

_LIKE_A_TILE = re.compile(rf"[0-9]+x[0-9]+(\.udot)?|{LIKE_A_TREE.pattern}")


@dataclass(frozen=True, slots=True)
class KernelVariant:
    """One instance of the direct-convolution kernel; raises InputError if no layer can be computed so."""

    arithmetic: Arithmetic
    tile: Tile

    def __post_init__(self) -> None:
        self.tile.check_arithmetic(self.arithmetic)

    def __str__(self) -> str:
        a = self.arithmetic
        values = {
            "accumulator": a.accumulator,
            "overflow": a.overflow,
            "clip": a.clip,
            "output": a.output,
            "tile": self.tile,
        }
        return write_parts(PARTS, values)

    @classmethod
    def parse(cls, text: str) -> "KernelVariant":
        """Read what `str` writes, such as "acc8-exact-clip31-int8-8x3".

        Raises InputError that names the part that is wrong, or says why no kernel has such a combination.
        """
        values = read_parts(PARTS, text)
        tile = values.pop("tile")
        try:
            return cls(Arithmetic(**values), tile)
        except InputError as error:
            raise InputError(f"variant {text!r}: {error}") from None

    def check(self, shape: ConvShape) -> None:
        """Raise InputError, with the reason, if this variant cannot compute the layer."""
        shape.check_padding(str(self))
        self.arithmetic.check_window(shape.window)
        self.tile.registers(self.arithmetic, shape)

    def parameters(self, shape: ConvShape) -> dict[str, int]:
        """Return the assembler symbols that make this variant for the layer; raises InputError as `check`."""
        self.check(shape)
        return self.tile.parameters(self.arithmetic, shape)


def _numbered(prefix: str, text: str) -> int:
    """Return the number after a prefix; raises ValueError where there is no such number."""
    digits = text.removeprefix(prefix)
    if not (text.startswith(prefix) and digits.isdecimal() and digits.isascii() and digits == str(int(digits))):
        raise ValueError(text)
    return int(digits)


def _read_accumulator(text: str) -> int:
    bits = _numbered("acc", text)
    if bits not in ACCUMULATORS:
        raise ValueError(text)
    return bits


def _read_clip(text: str) -> int | None:
    return None if text == "clipnone" else _numbered("clip", text)


def _read_tile(text: str) -> Tile:
    if not _LIKE_A_TILE.fullmatch(text):
        raise ValueError(text)
    return parse_tile(text)


PARTS = (
    VariantPart(
        "accumulator",
        "bits of an accumulator lane",
        "acc8, acc16 or acc32",
        ("acc8", "acc16", "acc32"),
        "acc",
        _read_accumulator,
        lambda bits: f"acc{bits}",
    ),
    VariantPart(
        "overflow",
        "what an accumulator does when a sum exceeds its width; 32 bits are always exact, and only 8 bits run",
        "exact, saturate, wrap or running",
        tuple(Overflow),
        "",
        Overflow,
        str,
    ),
    VariantPart(
        "clip",
        "outputs are clipped to [-clip, clip]",
        f"clip1 to clip{LARGEST_CLIP}, or clipnone",
        ("clip31", "clipnone"),
        "clip",
        _read_clip,
        lambda clip: "clipnone" if clip is None else f"clip{clip}",
    ),
    VariantPart(
        "output",
        "type of an output element; int8 needs a clip of at most 127",
        "int8, int16 or int32",
        tuple(OutputType),
        "int",
        OutputType,
        str,
    ),
    VariantPart(
        "tile",
        "output channels x output pixels computed at once, and how: see kernels_asm/tiles.py",
        f"CHANNELSxPIXELS with an accumulator an output, or a tree such as {TreeTile(4, 14, 1, 3)}; either with "
        f"{UDOT_SUFFIX}, where the core has {DOT_PRODUCT} and sums have 32 bits",
        (EXAMPLE, *(str(tile) for tile in listed_tiles() if str(tile) != EXAMPLE)),
        "",
        _read_tile,
        str,
    ),
)
"""The parameters of a variant, in the order of its text."""
