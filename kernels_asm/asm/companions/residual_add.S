// Sum of two feature maps and its sign bits: void residual_add(const struct residual_add_arguments *).
//
//   for each pixel, for each group of 16 channels:
//       output = saturate to 8 bits(input + shortcut);  bit = output < 0
//
// Parameters: those of channel_groups.inc.
//
// Registers, besides those of channel_groups.inc:
//   x1  next input    x2  next shortcut    x3  next output
//   v[SIGNS + i]  input, sum and signs of group i    v[i]  its shortcut, or the sum of the last channels

#include "arguments.inc"

.altmacro

.equ PIXELS_AT_ONCE, 1  // no parameters to share

#include "channel_groups.inc"
#include "last_channels.inc"

.equ SHORTCUT, 0

.macro START_PIXEL
.endm

.macro LOAD input, shortcut, offset
    ldr   q\input, [x1, #\offset]
    ldr   q\shortcut, [x2, #\offset]
.endm
.macro LOAD_GROUP
    LOAD  SIGNS_OF_GROUP, %(SHORTCUT + group), %(16 * group)
.endm

.macro ADD_BYTES input, shortcut
    sqadd v\input\().16b, v\input\().16b, v\shortcut\().16b
.endm
.macro ADD_GROUP
    ADD_BYTES SIGNS_OF_GROUP, %(SHORTCUT + group)
.endm

.macro STORE sum, offset
    str   q\sum, [x3, #\offset]
.endm
.macro STORE_GROUP
    STORE SIGNS_OF_GROUP, %(16 * group)
.endm

.macro COMPARE sum
    cmlt  v\sum\().16b, v\sum\().16b, #0
.endm
.macro COMPARE_GROUP
    COMPARE SIGNS_OF_GROUP
.endm

.macro GROUPS count
    FOR_GROUPS \count, LOAD_GROUP
    FOR_GROUPS \count, ADD_GROUP
    FOR_GROUPS \count, STORE_GROUP
    add   x1, x1, #(\count * 16)
    add   x2, x2, #(\count * 16)
    add   x3, x3, #(\count * 16)
    FOR_GROUPS \count, COMPARE_GROUP
    FOR_GROUPS \count, WEIGH
.endm

.macro COPY_SUM sum
    mov   v0.16b, v\sum\().16b
.endm
.macro LAST index
    .set  group, \index
    LOAD_LAST_BYTES SIGNS_OF_GROUP, 1
    LOAD_LAST_BYTES %(SHORTCUT), 2
    ADD_BYTES SIGNS_OF_GROUP, %(SHORTCUT)
    COPY_SUM SIGNS_OF_GROUP
    STORE_LAST_BYTES 0, 3
    COMPARE_GROUP
    WEIGH
.endm

.text
.globl residual_add
.type  residual_add, %function
.p2align 4
residual_add:
    START_PIXELS
    ldr   x1, [x0, #ARG_INPUT]
    ldr   x2, [x0, #ARG_SHORTCUT]
    ldr   x3, [x0, #ARG_OUTPUT]
    PIXELS
    END_PIXELS
    ret
.size residual_add, . - residual_add
