"""Hand-written AArch64 kernels for binary convolution, their arithmetic contract, oracle, packing and assembler."""

from kernels_asm.arithmetic import Arithmetic, EndValue, OutputType, Overflow
from kernels_asm.errors import AssemblyError, InputError, KernelError
from kernels_asm.shape import ConvShape
from kernels_asm.variant import KernelVariant, Tile, all_tiles, legal_tiles

__all__ = [
    "Arithmetic",
    "AssemblyError",
    "ConvShape",
    "EndValue",
    "InputError",
    "KernelError",
    "KernelVariant",
    "OutputType",
    "Overflow",
    "Tile",
    "all_tiles",
    "legal_tiles",
]
