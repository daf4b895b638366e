"""`int8_batch_norm_slabs`: what `int8_batch_norm` computes of int16, with parameters that stay in registers.

It goes through 32 channels of all pixels of a row before the next 32: for maps in L1, such as the tile of a fused
convolution.
"""

from dataclasses import replace

from kernels_asm.companions import channel_groups
from kernels_asm.companions.bit_map import BitMap
from kernels_asm.companions.int8_batch_norm import INT8_BATCH_NORM
from kernels_asm.errors import InputError
from kernels_asm.packing import pixel_bytes

SOURCE = channel_groups.SOURCES / "int8_batch_norm_slabs.S"

INT8_BATCH_NORM_SLABS = replace(
    INT8_BATCH_NORM, function="int8_batch_norm_slabs", origin="kernels_asm/companions/int8_batch_norm_slabs.py"
)


def symbols(bits: BitMap, has_shortcut: bool, in_order: bool = False) -> dict[str, int]:
    """Return the assembler symbols for a packed output; raises InputError for channels that leave bits to be filled.

    `in_order`: whether the schedule is for a core that issues in order.
    """
    if pixel_bytes(bits.channels) * 8 != bits.channels:
        raise InputError(f"int8 batch norm in slabs of {bits.channels} channels: give 32, 64 or a multiple of 128")
    return {"ADD_SHORTCUT": int(has_shortcut), "IN_ORDER": int(in_order)}
