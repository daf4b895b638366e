// Bits of dot products by one comparison a channel: void threshold_bits(const struct threshold_bits_arguments *).
//
//   for each pixel, for each group of 16 channels (the contract: kernels_asm/threshold.py):
//       bit = (input <= limit[channel]) xor flip[channel]
//
// Parameters: those of channel_groups.inc.
//
// Registers, besides those of channel_groups.inc:
//   x1, x15   next input             x8, x14   limits of the next group, of the first
//   x9, x11   next flips, the first
//   v0 to v3  dot products of a group of the first and the second pixel; then all ones where a bit is 1
//   v24, v25  limits of a group

#include "arguments.inc"

.altmacro

.equ FLIPS, 1

#include "channel_groups.inc"
#include "last_channels.inc"

.equ GROUP_BYTES, 32

.macro START_PIXEL
    mov   x8,  x14
    mov   x9,  x11
    .if pixels == 2
    ldr   x13, [x0, #ARG_CHANNELS]
    add   x15, x1,  x13, lsl #1
    SKIP_INPUT 15
    .endif
.endm

.macro END_SECOND
    mov   x1,  x15
.endm

#define LOW  %(2 * pixel)
#define HIGH %(2 * pixel + 1)

.macro LOAD low, high, from, offset
    ldp   q\low, q\high, [x\from, #\offset]
.endm
.macro LOAD_VALUES
    LOAD  LOW, HIGH, POINTER(1), %(GROUP_BYTES * group)
.endm
.macro LOAD_LAST_VALUES
    LOAD_LAST_HALFWORDS LOW, HIGH, POINTER(1)
.endm

.macro COMPARE low, high
    cmge  v\low\().8h, v24.8h, v\low\().8h
    cmge  v\high\().8h, v25.8h, v\high\().8h
.endm
.macro COMPARE_VALUES
    COMPARE LOW, HIGH
.endm

.macro JOIN signs, low, high
    uzp1  v\signs\().16b, v\low\().16b, v\high\().16b
.endm
.macro JOIN_VALUES
    JOIN  SIGNS_OF_GROUP, LOW, HIGH
.endm

.macro ADVANCE pointer, bytes
    add   x\pointer, x\pointer, #\bytes
.endm
.macro ADVANCE_POINTERS
    ADVANCE POINTER(1), %(GROUP_BYTES * group)
.endm

.macro BITS_OF_VALUES
    FOR_PIXELS COMPARE_VALUES
    FOR_PIXELS JOIN_VALUES
    FOR_PIXELS WEIGH
.endm

.macro THRESHOLD
    ldp   q24, q25, [x8], #GROUP_BYTES
    FOR_PIXELS LOAD_VALUES
    BITS_OF_VALUES
.endm

.macro GROUPS count
    FOR_GROUPS \count, THRESHOLD
    FOR_PIXELS ADVANCE_POINTERS
.endm

.macro LAST index
    .set  group, \index
    ldp   q24, q25, [x8], #GROUP_BYTES
    FOR_PIXELS LOAD_LAST_VALUES
    BITS_OF_VALUES
.endm

.text
.globl threshold_bits
.type  threshold_bits, %function
.p2align 4
threshold_bits:
    START_PIXELS
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x14, [x0, #ARG_PARAMETERS]
    ldr   x11, [x0, #ARG_FLIPS]
    PIXELS
    END_PIXELS
    ret
.size threshold_bits, . - threshold_bits
