"""`threshold_bits_slabs`: what `threshold_bits` computes, with limits that stay in registers.

It goes through 64 channels of all pixels of a row before the next 64: for maps in L1, such as the tile of a fused
convolution.
"""

from dataclasses import replace

from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.threshold_bits import THRESHOLD_BITS
from kernels_asm.errors import InputError

SOURCE = channel_groups.SOURCES / "threshold_bits_slabs.S"

THRESHOLD_BITS_SLABS = replace(
    THRESHOLD_BITS, function="threshold_bits_slabs", origin="kernels_asm/companions/threshold_bits_slabs.py"
)


def symbols(bits: BitMap) -> dict[str, int]:
    """Return the assembler symbols, of which there are none; raises InputError for channels that are no whole slabs."""
    if bits.channels != 64 and bits.channels % 128:
        raise InputError(f"thresholds in slabs of {bits.channels} channels: give 64 or a multiple of 128")
    return {}
