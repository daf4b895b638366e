"""Variants of the kernel: which parameters there are, which of them are legal, and the registers they take."""

from collections.abc import Iterator
from dataclasses import dataclass

from kernels_asm.arithmetic import ACCUMULATORS, LARGEST_CLIP, Arithmetic, OutputType, Overflow
from kernels_asm.errors import InputError
from kernels_asm.packing import channel_block, channel_blocks
from kernels_asm.shape import ConvShape
from kernels_asm.variant_text import VariantPart, read_parts, write_parts

VECTOR_REGISTERS = 32
TILE_CHANNELS = (1, 2, 4, 8, 16)
"""Output channels of a tile: powers of two, so that the sums of a tile fill whole registers."""

TILE_PIXELS = range(1, 9)
"""Output pixels of a tile: each needs two general registers, of which there are enough for eight."""

LANE_STEPS = 31
"""Additions of at most 8 that a byte lane takes before it can exceed 255."""

_OVERFLOW_CODES = {Overflow.EXACT: 0, Overflow.SATURATE: 1, Overflow.WRAP: 2}
_MOST_GROUP_CHANNELS = 4
_LEAST_SPARE_REGISTERS = 3  # one for weights and two for products, so that products can overlap


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Output channels times output pixels whose accumulators stay in registers; raises InputError if out of range."""

    channels: int
    pixels: int

    def __post_init__(self) -> None:
        if self.channels not in TILE_CHANNELS:
            raise InputError(f"tile {self}: output channels must be one of {', '.join(map(str, TILE_CHANNELS))}")
        if self.pixels not in TILE_PIXELS:
            raise InputError(f"tile {self}: output pixels must be 1 to {TILE_PIXELS[-1]}")

    def __str__(self) -> str:
        return f"{self.channels}x{self.pixels}"

    @classmethod
    def parse(cls, text: str) -> "Tile":
        """Read "CHANNELSxPIXELS", as `str` writes it; raises InputError for anything else."""
        channels, times, pixels = text.partition("x")
        if not (times and channels.isdecimal() and pixels.isdecimal()):
            raise InputError(f"tile {text!r}: write CHANNELSxPIXELS, such as 4x4")
        return cls(int(channels), int(pixels))


@dataclass(frozen=True, slots=True)
class RegisterPlan:
    """How the 32 vector registers are used: see the register map in asm/binary_conv.S."""

    accumulators: int
    activations: int
    group_channels: int
    group_pixels: int

    @property
    def used(self) -> int:
        """Registers in use at once inside the window loop."""
        return self.accumulators + self.activations + self.group_channels * (1 + self.group_pixels)


@dataclass(frozen=True, slots=True)
class KernelVariant:
    """One instance of the direct-convolution kernel: an arithmetic and a tile."""

    arithmetic: Arithmetic
    tile: Tile

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

    def widens(self, shape: ConvShape) -> bool:
        """Return whether 8-bit lanes must be moved into 16-bit lanes during the window to stay exact."""
        exact_bytes = self.arithmetic.accumulator == 8 and self.arithmetic.overflow is Overflow.EXACT
        return exact_bytes and steps(shape) > LANE_STEPS

    def check(self, shape: ConvShape) -> None:
        """Raise InputError, with the reason, if this variant cannot compute the layer."""
        self.arithmetic.check_window(shape.window)
        self.registers(shape)

    def registers(self, shape: ConvShape) -> RegisterPlan:
        """Return the register plan for the layer; raises InputError if the tile needs more registers than there are."""
        widened = self.widens(shape)
        accumulators = self.tile.channels * self.tile.pixels * (2 if widened else 1)
        spare = VECTOR_REGISTERS - accumulators - self.tile.pixels
        if spare < _LEAST_SPARE_REGISTERS:
            needed = accumulators + self.tile.pixels + _LEAST_SPARE_REGISTERS
            why = " (a window this long needs wide accumulators beside the 8-bit ones)" if widened else ""
            raise InputError(
                f"tile {self.tile} needs {needed} vector registers of {VECTOR_REGISTERS}{why}: give a smaller tile"
            )
        group_channels = 1
        while (
            group_channels * 2 <= min(self.tile.channels, _MOST_GROUP_CHANNELS)
            and group_channels * 2 * (1 + self.tile.pixels) <= spare
        ):
            group_channels *= 2
        group_pixels = min(self.tile.pixels, spare // group_channels - 1)
        return RegisterPlan(accumulators, self.tile.pixels, group_channels, group_pixels)

    def parameters(self, shape: ConvShape) -> dict[str, int]:
        """Return the assembler symbols that make this variant for the layer; raises InputError as `check`."""
        self.check(shape)
        plan = self.registers(shape)
        return {
            "ACC_BITS": self.arithmetic.accumulator,
            "OVERFLOW": _OVERFLOW_CODES[self.arithmetic.overflow],
            "WIDEN": int(self.widens(shape)),
            "CLIP": self.arithmetic.clip or 0,
            "OUT_BITS": self.arithmetic.output.bits,
            "TILE_CHANNELS": self.tile.channels,
            "TILE_PIXELS": self.tile.pixels,
            "BLOCK_BYTES": channel_block(shape.channels_in) // 8,
            "GROUP_CHANNELS": plan.group_channels,
            "GROUP_PIXELS": plan.group_pixels,
        }


def steps(shape: ConvShape) -> int:
    """Return the additions an accumulator lane takes: channel blocks in the window."""
    return shape.kernel_height * shape.kernel_width * channel_blocks(shape.channels_in)


def all_tiles() -> Iterator[Tile]:
    """Yield every tile that some arithmetic and layer can use."""
    for channels in TILE_CHANNELS:
        for pixels in TILE_PIXELS:
            if channels * pixels + pixels + _LEAST_SPARE_REGISTERS <= VECTOR_REGISTERS:
                yield Tile(channels, pixels)


def legal_tiles(arithmetic: Arithmetic, shape: ConvShape) -> tuple[Tile, ...]:
    """Return the tiles with which the arithmetic can compute the layer; raises InputError if no tile could."""
    arithmetic.check_window(shape.window)
    return tuple(tile for tile in all_tiles() if _fits(KernelVariant(arithmetic, tile), shape))


def _fits(variant: KernelVariant, shape: ConvShape) -> bool:
    try:
        variant.registers(shape)
    except InputError:
        return False
    return True


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
    channels, _, pixels = text.partition("x")
    return Tile(_numbered("", channels), _numbered("", pixels))


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
        "what an accumulator does when a sum exceeds its width; 32 bits are always exact",
        "exact, saturate or wrap",
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
        "output channels x output pixels whose accumulators stay in registers",
        f"CHANNELSxPIXELS, {', '.join(map(str, TILE_CHANNELS))} channels and 1 to {TILE_PIXELS[-1]} pixels",
        ("8x3", *(str(tile) for tile in all_tiles() if str(tile) != "8x3")),
        "",
        _read_tile,
        str,
    ),
)
"""The parameters of a variant, in the order of its text."""
