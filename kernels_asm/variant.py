"""A variant of the convolution kernel: an arithmetic and a tile."""

from dataclasses import dataclass

from kernels_asm.arithmetic import Arithmetic
from kernels_asm.shape import ConvShape
from kernels_asm.tile import Tile


@dataclass(frozen=True, slots=True)
class KernelVariant:
    """One instance of the direct-convolution kernel."""

    arithmetic: Arithmetic
    tile: Tile

    def __str__(self) -> str:
        a = self.arithmetic
        clip = "none" if a.clip is None else a.clip
        return f"acc{a.accumulator}-{a.overflow}-clip{clip}-{a.output}-{self.tile}"

    def check(self, shape: ConvShape) -> None:
        """Raise InputError, with the reason, if this variant cannot compute the layer."""
        self.arithmetic.check_window(shape.window)
        self.tile.registers(self.arithmetic, shape)

    def parameters(self, shape: ConvShape) -> dict[str, int]:
        """Return the assembler symbols that make this variant for the layer; raises InputError as `check`."""
        self.check(shape)
        return self.tile.parameters(self.arithmetic, shape)
