// Batch norm in fixed point behind a convolution, and sign bits: void int8_batch_norm(const struct int8_batch_norm_arguments *).
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
//   INPUT_BITS    16, 32  width of an input element
//   ADD_SHORTCUT  1: an int8 map of the output's shape is added
//
// Two groups are under way at a time, stage by stage, as each stage waits for the one before it.
// Registers, besides those of channel_groups.inc:
//   x1  next input    x2  next shortcut    x3  next output    x8  parameters of the next group    x14  parameters
//   v0, v1, v2, v3     two groups of 16-bit values, then bytes in v0 and v2, each group's first register
//   v4 to v7           32-bit inputs; multipliers, shifts, offsets of the two groups
//   v24, v25           shortcuts

#include "arguments.inc"

.altmacro

#include "channel_groups.inc"
#include "last_channels.inc"

.equ VALUES,     0
.equ OPERANDS,   4
.equ SHORTCUTS, 24

// Parameters of a group: 16 multipliers, 16 shifts, 16 offsets of 16 bits each. A shift is negative: SRSHL then goes right.
.equ GROUP_MULTIPLIERS, 0
.equ GROUP_SHIFTS,     32
.equ GROUP_OFFSETS,    64
.equ GROUP_PARAMETERS, 96

.macro START_PIXEL
    mov   x8, x14
.endm

#define LOW   %(VALUES + 2 * pair)
#define HIGH  %(VALUES + 2 * pair + 1)

.macro FOR_PAIR count, stage
    .set  pair, 0
    .rept \count
        \stage
        .set  pair, pair + 1
    .endr
.endm

// ---- input: v[low], v[high] = 16 values of 16 bits ----

// v[low], v[high] = v4 to v7, saturated to 16 bits
.macro NARROW_WORDS low, high
    sqxtn  v\low\().4h, v4.4s
    sqxtn  v\high\().4h, v6.4s
    sqxtn2 v\low\().8h, v5.4s
    sqxtn2 v\high\().8h, v7.4s
.endm

.if INPUT_BITS == 16
.equ GROUP_BYTES, 32
.macro LOAD_INPUT low, high, offset
    ldp   q\low, q\high, [x1, #\offset]
.endm
.macro LOAD_LAST_INPUT
    LOAD_LAST_HALFWORDS 0, 1, x1
.endm
.else
.equ GROUP_BYTES, 64
.macro LOAD_INPUT low, high, offset
    ldp   q4, q5, [x1, #\offset]
    ldp   q6, q7, [x1, #(\offset + 32)]
    NARROW_WORDS \low, \high
.endm
.macro LOAD_LAST_INPUT
    LOAD_LAST_WORDS 4, 5, 6, 7, x1
    NARROW_WORDS 0, 1
.endm
.endif
.macro LOAD_INPUT_OF_PAIR
    LOAD_INPUT LOW, HIGH, %(pair * GROUP_BYTES)
.endm

// ---- stages, each for the groups of a pair ----

.macro LOAD_OPERAND low, high, offset
    ldp   q\low, q\high, [x8, #\offset]
.endm
.macro LOAD_MULTIPLIERS
    LOAD_OPERAND %(OPERANDS + 2 * pair), %(OPERANDS + 2 * pair + 1), %(GROUP_MULTIPLIERS + pair * GROUP_PARAMETERS)
.endm
.macro LOAD_SHIFTS
    LOAD_OPERAND %(OPERANDS + 2 * pair), %(OPERANDS + 2 * pair + 1), %(GROUP_SHIFTS + pair * GROUP_PARAMETERS)
.endm
.macro LOAD_OFFSETS
    LOAD_OPERAND %(OPERANDS + 2 * pair), %(OPERANDS + 2 * pair + 1), %(GROUP_OFFSETS + pair * GROUP_PARAMETERS)
.endm

.macro MULTIPLY value, operand
    sqrdmulh v\value\().8h, v\value\().8h, v\operand\().8h
.endm
.macro MULTIPLY_OF_PAIR
    MULTIPLY LOW, %(OPERANDS + 2 * pair)
    MULTIPLY HIGH, %(OPERANDS + 2 * pair + 1)
.endm

.macro SHIFT value, operand
    srshl v\value\().8h, v\value\().8h, v\operand\().8h
.endm
.macro SHIFT_OF_PAIR
    SHIFT LOW, %(OPERANDS + 2 * pair)
    SHIFT HIGH, %(OPERANDS + 2 * pair + 1)
.endm

.macro ADD_HALFWORDS value, operand
    sqadd v\value\().8h, v\value\().8h, v\operand\().8h
.endm
.macro ADD_OFFSETS_OF_PAIR
    ADD_HALFWORDS LOW, %(OPERANDS + 2 * pair)
    ADD_HALFWORDS HIGH, %(OPERANDS + 2 * pair + 1)
.endm

.macro NARROW_LOW value
    sqxtn v\value\().8b, v\value\().8h
.endm
.macro NARROW_LOW_OF_PAIR
    NARROW_LOW LOW
.endm
.macro NARROW_HIGH value, high
    sqxtn2 v\value\().16b, v\high\().8h
.endm
.macro NARROW_HIGH_OF_PAIR
    NARROW_HIGH LOW, HIGH
.endm

.macro NORMALISE count
    FOR_PAIR \count, LOAD_MULTIPLIERS
    FOR_PAIR \count, MULTIPLY_OF_PAIR
    FOR_PAIR \count, LOAD_SHIFTS
    FOR_PAIR \count, SHIFT_OF_PAIR
    FOR_PAIR \count, LOAD_OFFSETS
    FOR_PAIR \count, ADD_OFFSETS_OF_PAIR
    FOR_PAIR \count, NARROW_LOW_OF_PAIR
    FOR_PAIR \count, NARROW_HIGH_OF_PAIR
    add   x8, x8, #(\count * GROUP_PARAMETERS)
.endm

.macro LOAD_SHORTCUT reg, offset
    ldr   q\reg, [x2, #\offset]
.endm
.macro LOAD_SHORTCUT_OF_PAIR
    LOAD_SHORTCUT %(SHORTCUTS + pair), %(16 * pair)
.endm
.macro ADD_BYTES value, shortcut
    sqadd v\value\().16b, v\value\().16b, v\shortcut\().16b
.endm
.macro ADD_SHORTCUT_OF_PAIR
    ADD_BYTES LOW, %(SHORTCUTS + pair)
.endm

.macro STORE value, offset
    str   q\value, [x3, #\offset]
.endm
.macro STORE_OF_PAIR
    STORE LOW, %(16 * pair)
.endm

.macro COMPARE signs, value
    cmlt  v\signs\().16b, v\value\().16b, #0
.endm
.macro COMPARE_OF_PAIR
    COMPARE %(SIGNS + first_group + pair), LOW
.endm

// ---- groups ----

.macro PAIR count
    FOR_PAIR \count, LOAD_INPUT_OF_PAIR
    add   x1, x1, #(\count * GROUP_BYTES)
    .if ADD_SHORTCUT
    FOR_PAIR \count, LOAD_SHORTCUT_OF_PAIR
    add   x2, x2, #(\count * 16)
    .endif
    NORMALISE \count
    .if ADD_SHORTCUT
    FOR_PAIR \count, ADD_SHORTCUT_OF_PAIR
    .endif
    FOR_PAIR \count, COMPARE_OF_PAIR
    FOR_PAIR \count, STORE_OF_PAIR
    add   x3, x3, #(\count * 16)
    .set  first_group, first_group + \count
.endm

.macro GROUPS count
    .set  first_group, 0
    .rept \count / 2
        PAIR  2
    .endr
    .if \count % 2
        PAIR  1
    .endif
    FOR_GROUPS \count, WEIGH_GROUP
.endm

.macro LAST index
    .set  group, \index
    .set  first_group, \index
    .set  pair, 0
    LOAD_LAST_INPUT
    NORMALISE 1
    .set  pair, 0
    .if ADD_SHORTCUT
    LOAD_LAST_BYTES %(SHORTCUTS), x2
    ADD_SHORTCUT_OF_PAIR
    .endif
    COMPARE_OF_PAIR
    WEIGH_GROUP
    STORE_LAST_BYTES %(VALUES), x3
.endm

.text
.globl int8_batch_norm
.type  int8_batch_norm, %function
.p2align 4
int8_batch_norm:
    START_PIXELS
    ldr   x1,  [x0, #ARG_INPUT]
    .if ADD_SHORTCUT
    ldr   x2,  [x0, #ARG_SHORTCUT]
    .endif
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x14, [x0, #ARG_PARAMETERS]
    PIXELS
    ret
.size int8_batch_norm, . - int8_batch_norm
