// Batch norm in float32 behind a convolution, and sign bits: void float_batch_norm(const struct float_batch_norm_arguments *).
//
//   for each pixel, for each group of 16 channels:
//       y = input * scale[channel];  y = y + bias[channel];  with ADD_SHORTCUT: y = y + shortcut    (each rounded to nearest)
//       output = y;  bit = y < 0 (not for -0.0, not for a NaN)
//
// Parameters, besides those of channel_groups.inc:
//   INPUT_INTEGER  1: the input is int32 and is converted first, rounded to nearest;  0: it is float32
//   ADD_SHORTCUT   1: a float32 map of the output's shape is added
//
// Registers, besides those of channel_groups.inc:
//   x1  next input    x2  next shortcut    x3  next output    x8  parameters of the next group    x14  parameters
//   v0 to v3  input and output of a group    v4 to v7  scale, then bias, then signs    v24 to v27  shortcut

#include "arguments.inc"

.altmacro

#include "channel_groups.inc"
#include "last_channels.inc"

.macro START_PIXEL
    mov   x8, x14
.endm

.macro CONVERT
    .if INPUT_INTEGER
    scvtf v0.4s, v0.4s
    scvtf v1.4s, v1.4s
    scvtf v2.4s, v2.4s
    scvtf v3.4s, v3.4s
    .endif
.endm

// The parameters of a group: 16 scales, 16 biases. Multiplication and addition are rounded apart, never fused.
.macro SCALE
    ldp   q4,  q5,  [x8]
    ldp   q6,  q7,  [x8, #32]
    CONVERT
    fmul  v0.4s, v0.4s, v4.4s
    fmul  v1.4s, v1.4s, v5.4s
    fmul  v2.4s, v2.4s, v6.4s
    fmul  v3.4s, v3.4s, v7.4s
    ldp   q4,  q5,  [x8, #64]
    ldp   q6,  q7,  [x8, #96]
    add   x8,  x8,  #128
    fadd  v0.4s, v0.4s, v4.4s
    fadd  v1.4s, v1.4s, v5.4s
    fadd  v2.4s, v2.4s, v6.4s
    fadd  v3.4s, v3.4s, v7.4s
.endm

.macro ADD_WORDS
    fadd  v0.4s, v0.4s, v24.4s
    fadd  v1.4s, v1.4s, v25.4s
    fadd  v2.4s, v2.4s, v26.4s
    fadd  v3.4s, v3.4s, v27.4s
.endm

.macro COMPARE signs
    fcmlt v4.4s, v0.4s, #0.0
    fcmlt v5.4s, v1.4s, #0.0
    fcmlt v6.4s, v2.4s, #0.0
    fcmlt v7.4s, v3.4s, #0.0
    uzp1  v4.8h, v4.8h, v5.8h
    uzp1  v6.8h, v6.8h, v7.8h
    uzp1  v\signs\().16b, v4.16b, v6.16b
.endm

.macro NORMALISE_GROUP
    ldp   q2,  q3,  [x1, #32]
    ldp   q0,  q1,  [x1], #64
    SCALE
    .if ADD_SHORTCUT
    ldp   q26, q27, [x2, #32]
    ldp   q24, q25, [x2], #64
    ADD_WORDS
    .endif
    COMPARE SIGNS_OF_GROUP
    stp   q2,  q3,  [x3, #32]
    stp   q0,  q1,  [x3], #64
.endm

.macro GROUPS count
    FOR_GROUPS \count, NORMALISE_GROUP
    FOR_GROUPS \count, WEIGH_GROUP
.endm

.macro LAST index
    .set  group, \index
    LOAD_LAST_WORDS 0, 1, 2, 3, x1
    SCALE
    .if ADD_SHORTCUT
    LOAD_LAST_WORDS 24, 25, 26, 27, x2
    ADD_WORDS
    .endif
    COMPARE SIGNS_OF_GROUP
    WEIGH_GROUP
    STORE_LAST_WORDS 0, 1, 2, 3, x3
.endm

.text
.globl float_batch_norm
.type  float_batch_norm, %function
.p2align 4
float_batch_norm:
    START_PIXELS
    ldr   x1,  [x0, #ARG_INPUT]
    .if ADD_SHORTCUT
    ldr   x2,  [x0, #ARG_SHORTCUT]
    .endif
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x14, [x0, #ARG_PARAMETERS]
    PIXELS
    ret
.size float_batch_norm, . - float_batch_norm
