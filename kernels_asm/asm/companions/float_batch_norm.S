// Batch norm and activation in float32 behind a convolution, and the sign bits of its output:
// void float_batch_norm(const struct float_batch_norm_arguments *).
//
//   for each pixel, for each group of 16 channels:
//       y = input * scale[channel];  y = y + bias[channel];  with ADD_SHORTCUT: y = y + shortcut
//       RELU: y = max(y, 0);  PRELU: y = y < 0 ? y * slope[channel] : y
//       RPRELU: y = y + before[channel];  as PRELU;  y = y + after[channel]
//       (each rounded to the nearest float32, nothing fused)
//       output = y;  bit = y < 0, or with THRESHOLDS y < threshold[channel] (not for -0.0, not for a NaN)
//
// Parameters, besides those of channel_groups.inc:
//   INPUT_INTEGER  8, 16, 32: the input is of integers and is converted first, rounded to nearest;  0: it is float32
//   ADD_SHORTCUT   1: a float32 map of the output's shape is added
//   ACTIVATION     0: none, 1: RELU, 2: PRELU, 3: RPRELU
//   THRESHOLDS     1: signs are those of the differences from a threshold for each channel
//
// Registers, besides those of channel_groups.inc:
//   x1, x15  next input     x3, x17  next output            x14  parameters
//   x2, x16  next shortcut  x8  parameters of the next group
//   v0 to v3, v4 to v7  values of a group of the first and the second pixel
//   v24 to v27          scale, then bias, then a shortcut, then parameters of the activation, then signs
//   v26 to v29          scaled values and where they are taken

#include "arguments.inc"

.altmacro

#include "channel_groups.inc"
#include "last_channels.inc"

.equ GROUP_BYTES, 64
.if INPUT_INTEGER
    .equ INPUT_BYTES, INPUT_INTEGER / 8
.else
    .equ INPUT_BYTES, 4
.endif

.macro START_PIXEL
    mov   x8,  x14
    .if pixels == 2
    ldr   x13, [x0, #ARG_CHANNELS]
    add   x15, x1,  x13, lsl #(INPUT_BYTES / 2)
    SKIP_INPUT 15
    add   x16, x2,  x13, lsl #2
    add   x17, x3,  x13, lsl #2
    .endif
.endm

.macro END_SECOND
    mov   x1,  x15
    mov   x2,  x16
    mov   x3,  x17
.endm

#define VALUE(n) %(4 * pixel + (n))

.macro LOAD first, second, from, offset
    ldp   q\first, q\second, [x\from, #\offset]
.endm
.macro STORE first, second, to, offset
    stp   q\first, q\second, [x\to, #\offset]
.endm

.macro CONVERT value
    scvtf v\value\().4s, v\value\().4s
.endm
.macro MULTIPLY value, operand
    fmul  v\value\().4s, v\value\().4s, v\operand\().4s
.endm
.macro ADD_ROUNDED value, operand
    fadd  v\value\().4s, v\value\().4s, v\operand\().4s
.endm
.macro BELOW_ZERO signs, value
    fcmlt v\signs\().4s, v\value\().4s, #0.0
.endm

// ---- stages, each for one pixel ----

.if INPUT_INTEGER == 8
.macro LOAD_BYTES bytes, from, offset
    ldr   q\bytes, [x\from, #\offset]
.endm
.macro LOAD_VALUES
    LOAD_BYTES VALUE(0), POINTER(1), %(16 * group)
.endm
.macro LOAD_LAST_VALUES
    LOAD_LAST_BYTES VALUE(0), POINTER(1)
.endm
.elseif INPUT_INTEGER == 16
.macro LOAD_VALUES
    LOAD  VALUE(0), VALUE(2), POINTER(1), %(16 * INPUT_BYTES * group)
.endm
.macro LOAD_LAST_VALUES
    LOAD_LAST_HALFWORDS VALUE(0), VALUE(2), POINTER(1)
.endm
.else
.macro LOAD_VALUES
    LOAD  VALUE(0), VALUE(1), POINTER(1), %(GROUP_BYTES * group)
    LOAD  VALUE(2), VALUE(3), POINTER(1), %(GROUP_BYTES * group + 32)
.endm
.macro LOAD_LAST_VALUES
    LOAD_LAST_WORDS VALUE(0), VALUE(1), VALUE(2), VALUE(3), POINTER(1)
.endm
.endif

// v[low], v[high] = the eight halfwords of v[low]
.macro WIDEN low, high
    sshll2 v\high\().4s, v\low\().8h, #0
    sshll v\low\().4s, v\low\().4h, #0
.endm
// v[low], v[high] = the sixteen bytes of v[low]
.macro WIDEN_BYTES low, high
    sshll2 v\high\().8h, v\low\().16b, #0
    sshll v\low\().8h, v\low\().8b, #0
.endm
.macro WIDEN_VALUES
    .if INPUT_INTEGER == 8
    WIDEN_BYTES VALUE(0), VALUE(2)
    .endif
    WIDEN VALUE(0), VALUE(1)
    WIDEN VALUE(2), VALUE(3)
.endm

.macro CONVERT_VALUES
    CONVERT VALUE(0)
    CONVERT VALUE(1)
    CONVERT VALUE(2)
    CONVERT VALUE(3)
.endm

.macro MULTIPLY_VALUES
    MULTIPLY VALUE(0), 24
    MULTIPLY VALUE(1), 25
    MULTIPLY VALUE(2), 26
    MULTIPLY VALUE(3), 27
.endm

.macro ADD_TO_VALUES
    ADD_ROUNDED VALUE(0), 24
    ADD_ROUNDED VALUE(1), 25
    ADD_ROUNDED VALUE(2), 26
    ADD_ROUNDED VALUE(3), 27
.endm

.macro ADD_SHORTCUT_TO_VALUES
    LOAD  24, 25, POINTER(2), %(GROUP_BYTES * group)
    LOAD  26, 27, POINTER(2), %(GROUP_BYTES * group + 32)
    ADD_TO_VALUES
.endm
.macro ADD_LAST_SHORTCUT_TO_VALUES
    LOAD_LAST_WORDS 24, 25, 26, 27, POINTER(2)
    ADD_TO_VALUES
.endm

// ---- activation, each stage for one pixel ----

.macro MAX_ZERO value
    fmax  v\value\().4s, v\value\().4s, v30.4s
.endm
.macro RECTIFY_VALUES
    MAX_ZERO VALUE(0)
    MAX_ZERO VALUE(1)
    MAX_ZERO VALUE(2)
    MAX_ZERO VALUE(3)
.endm

// Two values where below 0: times the slopes in v24, v25. Two at once, so that no result is used by the next instruction.
.macro SLOPE low, high
    fmul  v26.4s, v\low\().4s, v24.4s
    fmul  v27.4s, v\high\().4s, v25.4s
    fcmlt v28.4s, v\low\().4s, #0.0
    fcmlt v29.4s, v\high\().4s, #0.0
    bit   v\low\().16b, v26.16b, v28.16b
    bit   v\high\().16b, v27.16b, v29.16b
.endm
.macro SLOPE_LOW_VALUES
    SLOPE VALUE(0), VALUE(1)
.endm
.macro SLOPE_HIGH_VALUES
    SLOPE VALUE(2), VALUE(3)
.endm
.macro SLOPE_BELOW_ZERO
    ldp   q24, q25, [x8], #32
    FOR_PIXELS SLOPE_LOW_VALUES
    ldp   q24, q25, [x8], #32
    FOR_PIXELS SLOPE_HIGH_VALUES
.endm

.macro ADD_PARAMETERS
    ldp   q24, q25, [x8]
    ldp   q26, q27, [x8, #32]
    add   x8,  x8,  #64
    FOR_PIXELS ADD_TO_VALUES
.endm

.macro ACTIVATE
    .if ACTIVATION == 1
    FOR_PIXELS RECTIFY_VALUES
    .elseif ACTIVATION == 2
    SLOPE_BELOW_ZERO
    .elseif ACTIVATION == 3
    ADD_PARAMETERS
    SLOPE_BELOW_ZERO
    ADD_PARAMETERS
    .endif
.endm

// ---- signs, each stage for one pixel ----

.macro BELOW threshold, value
    fcmgt v\threshold\().4s, v\threshold\().4s, v\value\().4s
.endm

.macro JOIN_SIGNS signs
    uzp1  v24.8h, v24.8h, v25.8h
    uzp1  v26.8h, v26.8h, v27.8h
    uzp1  v\signs\().16b, v24.16b, v26.16b
.endm
.if THRESHOLDS
.macro COMPARE_VALUES
    ldp   q24, q25, [x8]
    ldp   q26, q27, [x8, #32]
    BELOW 24, VALUE(0)
    BELOW 25, VALUE(1)
    BELOW 26, VALUE(2)
    BELOW 27, VALUE(3)
    JOIN_SIGNS SIGNS_OF_GROUP
.endm
.else
.macro COMPARE_VALUES
    BELOW_ZERO 24, VALUE(0)
    BELOW_ZERO 25, VALUE(1)
    BELOW_ZERO 26, VALUE(2)
    BELOW_ZERO 27, VALUE(3)
    JOIN_SIGNS SIGNS_OF_GROUP
.endm
.endif
.macro COMPARE
    FOR_PIXELS COMPARE_VALUES
    .if THRESHOLDS
    add   x8,  x8,  #64
    .endif
.endm

.macro STORE_VALUES
    STORE VALUE(0), VALUE(1), POINTER(3), %(GROUP_BYTES * group)
    STORE VALUE(2), VALUE(3), POINTER(3), %(GROUP_BYTES * group + 32)
.endm
.macro STORE_LAST_VALUES
    STORE_LAST_WORDS VALUE(0), VALUE(1), VALUE(2), VALUE(3), POINTER(3)
.endm

.macro ADVANCE pointer, bytes
    add   x\pointer, x\pointer, #\bytes
.endm
.macro ADVANCE_POINTERS
    ADVANCE POINTER(1), %(16 * INPUT_BYTES * group)
    .if ADD_SHORTCUT
    ADVANCE POINTER(2), %(GROUP_BYTES * group)
    .endif
    ADVANCE POINTER(3), %(GROUP_BYTES * group)
.endm

// ---- groups ----

// The parameters of a group, 16 floats each, in the order of their use: scales, biases; before (RPRELU), slopes (PRELU,
// RPRELU), after (RPRELU); thresholds. Multiplication and addition are rounded apart, never fused.
.macro SCALE
    ldp   q24, q25, [x8]
    ldp   q26, q27, [x8, #32]
    .if INPUT_BYTES < 4
    FOR_PIXELS WIDEN_VALUES
    .endif
    .if INPUT_INTEGER
    FOR_PIXELS CONVERT_VALUES
    .endif
    FOR_PIXELS MULTIPLY_VALUES
    ldp   q24, q25, [x8, #64]
    ldp   q26, q27, [x8, #96]
    add   x8,  x8,  #128
    FOR_PIXELS ADD_TO_VALUES
.endm

.macro NORMALISE
    FOR_PIXELS LOAD_VALUES
    SCALE
    .if ADD_SHORTCUT
    FOR_PIXELS ADD_SHORTCUT_TO_VALUES
    .endif
    ACTIVATE
    COMPARE
    FOR_PIXELS STORE_VALUES
    FOR_PIXELS WEIGH
.endm

.macro GROUPS count
    FOR_GROUPS \count, NORMALISE
    FOR_PIXELS ADVANCE_POINTERS
.endm

.macro LAST index
    .set  group, \index
    FOR_PIXELS LOAD_LAST_VALUES
    SCALE
    .if ADD_SHORTCUT
    FOR_PIXELS ADD_LAST_SHORTCUT_TO_VALUES
    .endif
    ACTIVATE
    COMPARE
    FOR_PIXELS WEIGH
    FOR_PIXELS STORE_LAST_VALUES
.endm

.text
.globl float_batch_norm
.type  float_batch_norm, %function
.p2align 4
float_batch_norm:
    START_PIXELS
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x2,  [x0, #ARG_SHORTCUT]
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x14, [x0, #ARG_PARAMETERS]
    PIXELS
    END_PIXELS
    ret
.size float_batch_norm, . - float_batch_norm
