"""Hand-written AArch64 kernels for binary convolution, their arithmetic contract, oracle, packing and assembler."""

from kernels_asm.arithmetic import Arithmetic, EndValue, LayerFunction, OutputType, Overflow, RunningSums
from kernels_asm.errors import AssemblyError, InputError, KernelError
from kernels_asm.lane_tile import LaneTile
from kernels_asm.shape import ConvShape, PaddingValue
from kernels_asm.tile import Tile
from kernels_asm.tiles import all_tiles, legal_tiles, parse_tile
from kernels_asm.tree_tile import LoopOrder, Schedule, TreeTile
from kernels_asm.variant import KernelVariant

__all__ = [
    "Arithmetic",
    "AssemblyError",
    "ConvShape",
    "EndValue",
    "InputError",
    "KernelError",
    "KernelVariant",
    "LaneTile",
    "LayerFunction",
    "LoopOrder",
    "OutputType",
    "Overflow",
    "PaddingValue",
    "RunningSums",
    "Schedule",
    "Tile",
    "TreeTile",
    "all_tiles",
    "legal_tiles",
    "parse_tile",
]
