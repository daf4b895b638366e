// Sign bits of a feature map: void pack_bits(const struct pack_bits_arguments *).
//
//   for each pixel, for each group of 16 channels:
//       bit of a channel = 1 where its value is less than 0 (not for -0.0, not for a NaN)
//
// Parameters: ELEMENT_BITS 8, 16 (signed integers), 32 (float32), and those of channel_groups.inc.
//
// Registers, besides those of channel_groups.inc:
//   x1         next input
//   v0 to v3   values of a group that does not fit v[SIGNS + i]

#include "arguments.inc"

.altmacro

.equ PIXELS_AT_ONCE, 1  // no parameters to share

#include "channel_groups.inc"
#include "last_channels.inc"

.macro START_PIXEL
.endm

// ---- LOAD_GROUP and COMPARE: all ones in v[SIGNS + group] where the values of 16 channels are negative ----

.if ELEMENT_BITS == 8
    .equ GROUP_BYTES, 16
    .macro LOAD reg, offset
        ldr   q\reg, [x1, #\offset]
    .endm
    .macro LOAD_GROUP
        LOAD SIGNS_OF_GROUP, %(group * GROUP_BYTES)
    .endm
    .macro LOAD_LAST
        LOAD_LAST_BYTES SIGNS_OF_GROUP, 1
    .endm
    .macro COMPARE reg
        cmlt  v\reg\().16b, v\reg\().16b, #0
    .endm

.elseif ELEMENT_BITS == 16
    // The high bytes have the signs.
    .equ GROUP_BYTES, 32
    .macro TAKE_HIGH_BYTES reg
        uzp2  v\reg\().16b, v0.16b, v1.16b
    .endm
    .macro LOAD offset
        ldp   q0, q1, [x1, #\offset]
    .endm
    .macro LOAD_GROUP
        LOAD  %(group * GROUP_BYTES)
        TAKE_HIGH_BYTES SIGNS_OF_GROUP
    .endm
    .macro LOAD_LAST
        LOAD_LAST_HALFWORDS 0, 1, 1
        TAKE_HIGH_BYTES SIGNS_OF_GROUP
    .endm
    .macro COMPARE reg
        cmlt  v\reg\().16b, v\reg\().16b, #0
    .endm

.else
    // The sign bit alone would make -0.0 and some NaNs negative.
    .equ GROUP_BYTES, 64
    .macro COMPARE_WORDS reg
        fcmlt v0.4s, v0.4s, #0.0
        fcmlt v1.4s, v1.4s, #0.0
        fcmlt v2.4s, v2.4s, #0.0
        fcmlt v3.4s, v3.4s, #0.0
        uzp1  v0.8h, v0.8h, v1.8h
        uzp1  v2.8h, v2.8h, v3.8h
        uzp1  v\reg\().16b, v0.16b, v2.16b
    .endm
    .macro LOAD offset, next
        ldp   q0, q1, [x1, #\offset]
        ldp   q2, q3, [x1, #\next]
    .endm
    .macro LOAD_GROUP
        LOAD  %(group * GROUP_BYTES), %(group * GROUP_BYTES + 32)
        COMPARE_WORDS SIGNS_OF_GROUP
    .endm
    .macro LOAD_LAST
        LOAD_LAST_WORDS 0, 1, 2, 3, 1
        COMPARE_WORDS SIGNS_OF_GROUP
    .endm
    .macro COMPARE reg
    .endm
.endif

.macro COMPARE_GROUP
    COMPARE SIGNS_OF_GROUP
.endm

.macro GROUPS count
    FOR_GROUPS \count, LOAD_GROUP
    add   x1, x1, #(\count * GROUP_BYTES)
    FOR_GROUPS \count, COMPARE_GROUP
    FOR_GROUPS \count, WEIGH
.endm

.macro LAST index
    .set  group, \index
    LOAD_LAST
    COMPARE_GROUP
    WEIGH
.endm

.text
.globl pack_bits
.type  pack_bits, %function
.p2align 4
pack_bits:
    START_PIXELS
    ldr   x1, [x0, #ARG_INPUT]
    PIXELS
    END_PIXELS
    ret
.size pack_bits, . - pack_bits
