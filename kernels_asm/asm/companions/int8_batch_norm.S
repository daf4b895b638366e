// Batch norm in fixed point behind a convolution, and the sign bits of its output:
// void int8_batch_norm(const struct int8_batch_norm_arguments *).
//
//   for each pixel, for each group of 16 channels (the contract: kernels_asm/fixed_point.py):
//       y = saturate to 16 bits(input)
//       y = saturate to 16 bits((2 * y * multiplier[channel] + 2^15) >> 16)
//       y = rounding shift right(y, shift[channel])
//       y = saturate to 16 bits(y + offset[channel]);  y = saturate to 8 bits(y)
//       with ADD_SHORTCUT: y = saturate to 8 bits(y + shortcut)
//       output = y;  bit = y < 0
//
// Parameters, besides those of channel_groups.inc:
//   INPUT_BITS    8, 16, 32: width of an input element
//   ADD_SHORTCUT  1: an int8 map of the output's shape is added
//
// Registers, besides those of channel_groups.inc:
//   x1, x15  next input     x3, x17  next output            x14  parameters
//   x2, x16  next shortcut  x8  parameters of the next group
//   v0, v1, v2, v3     16-bit values of a group of the first and the second pixel; then bytes in v0 and v2
//   v4 to v7           8-bit or 32-bit inputs, then a shortcut
//   v24 to v29         multipliers, shifts and offsets, two registers each

#include "arguments.inc"

.altmacro

#include "channel_groups.inc"
#include "last_channels.inc"

.macro START_PIXEL
    mov   x8,  x14
    .if pixels == 2
    ldr   x13, [x0, #ARG_CHANNELS]
    add   x15, x1,  x13, lsl #(INPUT_BITS / 16)  // 1, 2 or 4 bytes each
    SKIP_INPUT 15
    add   x16, x2,  x13
    add   x17, x3,  x13
    .endif
.endm

.macro END_SECOND
    mov   x1,  x15
    mov   x2,  x16
    mov   x3,  x17
.endm

#define LOW   %(2 * pixel)
#define HIGH  %(2 * pixel + 1)

// ---- input: v[low], v[high] = 16 values of 16 bits ----

// v[low], v[high] = v4 to v7, saturated to 16 bits
.macro NARROW_WORDS low, high
    sqxtn  v\low\().4h, v4.4s
    sqxtn  v\high\().4h, v6.4s
    sqxtn2 v\low\().8h, v5.4s
    sqxtn2 v\high\().8h, v7.4s
.endm

.if INPUT_BITS == 8
    .equ GROUP_BYTES, 16
    .macro WIDEN_BYTES low, high
        sshll  v\low\().8h, v4.8b, #0
        sshll2 v\high\().8h, v4.16b, #0
    .endm
    .macro LOAD_INPUT low, high, from, offset
        ldr   q4, [x\from, #\offset]
        WIDEN_BYTES \low, \high
    .endm
    .macro LOAD_LAST_INPUT
        LOAD_LAST_BYTES 4, POINTER(1)
        WIDEN_BYTES LOW, HIGH
    .endm
.elseif INPUT_BITS == 16
    .equ GROUP_BYTES, 32
    .macro LOAD_INPUT low, high, from, offset
        ldp   q\low, q\high, [x\from, #\offset]
    .endm
    .macro LOAD_LAST_INPUT
        LOAD_LAST_HALFWORDS LOW, HIGH, POINTER(1)
    .endm
.else
    .equ GROUP_BYTES, 64
    .macro LOAD_INPUT low, high, from, offset
        ldp   q4, q5, [x\from, #\offset]
        ldp   q6, q7, [x\from, #(\offset + 32)]
        NARROW_WORDS \low, \high
    .endm
    .macro LOAD_LAST_INPUT
        LOAD_LAST_WORDS 4, 5, 6, 7, POINTER(1)
        NARROW_WORDS LOW, HIGH
    .endm
.endif

// ---- stages, each for one pixel ----

.macro LOAD_VALUES
    LOAD_INPUT LOW, HIGH, POINTER(1), %(GROUP_BYTES * group)
.endm

// Half a stage each: `half` is 0 for the low and 1 for the high register of a pixel.
#define HALF %(2 * pixel + half)

.macro MULTIPLY_BY value, multiplier
    sqrdmulh v\value\().8h, v\value\().8h, v\multiplier\().8h
.endm
.macro MULTIPLY
    MULTIPLY_BY HALF, %(24 + half)
.endm

// The shifts are negative: SRSHL then goes right.
.macro SHIFT_BY value, shift
    srshl v\value\().8h, v\value\().8h, v\shift\().8h
.endm
.macro SHIFT
    SHIFT_BY HALF, %(26 + half)
.endm

.macro ADD_TO value, offset
    sqadd v\value\().8h, v\value\().8h, v\offset\().8h
.endm
.macro ADD_OFFSET
    ADD_TO HALF, %(28 + half)
.endm

.macro NARROW_TO bytes, value
    .if half == 0
    sqxtn  v\bytes\().8b, v\value\().8h
    .else
    sqxtn2 v\bytes\().16b, v\value\().8h
    .endif
.endm
.macro NARROW
    NARROW_TO LOW, HALF
.endm

.macro NOTHING
.endm

.macro LOAD_SHORTCUT reg, from, offset
    ldr   q\reg, [x\from, #\offset]
.endm
.macro LOAD_SHORTCUTS
    LOAD_SHORTCUT %(4 + pixel), POINTER(2), %(16 * group)
.endm
.macro LOAD_LAST_SHORTCUTS
    LOAD_LAST_BYTES %(4 + pixel), POINTER(2)
.endm
.macro ADD_BYTES value, shortcut
    sqadd v\value\().16b, v\value\().16b, v\shortcut\().16b
.endm
.macro ADD_SHORTCUT_TO_VALUES
    ADD_BYTES LOW, %(4 + pixel)
.endm

.macro COMPARE signs, value
    cmlt  v\signs\().16b, v\value\().16b, #0
.endm
.macro COMPARE_VALUES
    COMPARE SIGNS_OF_GROUP, LOW
.endm

.macro STORE value, to, offset
    str   q\value, [x\to, #\offset]
.endm
.macro STORE_VALUES
    STORE LOW, POINTER(3), %(16 * group)
.endm
.macro STORE_LAST_VALUES
    STORE_LAST_BYTES LOW, POINTER(3)
.endm

.macro ADVANCE pointer, bytes
    add   x\pointer, x\pointer, #\bytes
.endm
.macro ADVANCE_POINTERS
    ADVANCE POINTER(1), %(GROUP_BYTES * group)
    .if ADD_SHORTCUT
    ADVANCE POINTER(2), %(16 * group)
    .endif
    ADVANCE POINTER(3), %(16 * group)
.endm

// ---- groups ----

// The second pixel goes through the stages one behind the first: a Cortex-A72 multiplies and shifts on different ports,
// which both have work this way, and no result is used by the next instruction.
.macro STAGE of_second, of_first
    .set  half, 0
    .rept 2
        .if pixels == 2
        .set  pixel, 1
        \of_second
        .set  pixel, 0
        .endif
        \of_first
        .set  half, half + 1
    .endr
.endm

// The parameters of a group are 16 multipliers, 16 shifts, 16 offsets of 16 bits each.
.macro SCALE
    ldp   q24, q25, [x8]
    STAGE NOTHING, MULTIPLY
    ldp   q26, q27, [x8, #32]
    STAGE MULTIPLY, SHIFT
    ldp   q28, q29, [x8, #64]
    add   x8,  x8,  #96
    STAGE SHIFT, ADD_OFFSET
    STAGE ADD_OFFSET, NARROW
    STAGE NARROW, NOTHING
.endm

.macro NORMALISE
    FOR_PIXELS LOAD_VALUES
    SCALE
    .if ADD_SHORTCUT
    FOR_PIXELS LOAD_SHORTCUTS
    FOR_PIXELS ADD_SHORTCUT_TO_VALUES
    .endif
    FOR_PIXELS COMPARE_VALUES
    FOR_PIXELS STORE_VALUES
    FOR_PIXELS WEIGH
.endm

.macro GROUPS count
    FOR_GROUPS \count, NORMALISE
    FOR_PIXELS ADVANCE_POINTERS
.endm

.macro LAST index
    .set  group, \index
    FOR_PIXELS LOAD_LAST_INPUT
    SCALE
    .if ADD_SHORTCUT
    FOR_PIXELS LOAD_LAST_SHORTCUTS
    FOR_PIXELS ADD_SHORTCUT_TO_VALUES
    .endif
    FOR_PIXELS COMPARE_VALUES
    FOR_PIXELS WEIGH
    FOR_PIXELS STORE_LAST_VALUES
.endm

.text
.globl int8_batch_norm
.type  int8_batch_norm, %function
.p2align 4
int8_batch_norm:
    START_PIXELS
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x2,  [x0, #ARG_SHORTCUT]
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x14, [x0, #ARG_PARAMETERS]
    PIXELS
    END_PIXELS
    ret
.size int8_batch_norm, . - int8_batch_norm
