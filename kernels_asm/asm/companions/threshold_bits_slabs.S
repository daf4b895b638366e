// The comparisons of threshold_bits.S, slab by slab:
// void threshold_bits_slabs(const struct threshold_bits_slabs_arguments *).
//
//   for each row, for each slab of 64 channels:
//       load the slab's limits and flips, which stay in registers
//       for each two pixels of the row, then for the one that may be left:
//           bit = (input <= limit[channel]) xor flip[channel];  store 8 bytes of bits a pixel
//
// See int8_batch_norm_slabs.S for what this is good for. Channels are a multiple of 64 that fills its blocks of bits.
//
// Registers:
//   x0  argument block            x9, x16  next input of the slab, of the first and of the second pixel
//   x1  next slab's first input   x12      next bits of the slab
//   x4  bits                      x13, x17 bytes of a pixel, of two pixels of the input
//   x5  slabs left                x15      bytes of the bits of a pixel
//   x6  pixels left               x7       rows left
//   x8  next limits               x10      next flips           x14  channels, scratch
//   v0 to v7, v8 to v15  dot products of the first and of the second pixel; then weights of bits in those of even number
//   v16 to v23           limits
//   v24, v25 and v26, v27  sums of weights of the first and of the second pixel
//   v28  flips, twice     v31  weights 1, 2, 4 .. 128, twice

#include "arguments.inc"

.altmacro

.equ SLAB, 64

.macro COMPARE value, limit
    cmge  v\value\().8h, v\limit\().8h, v\value\().8h
.endm
.macro JOIN bytes, next
    uzp1  v\bytes\().16b, v\bytes\().16b, v\next\().16b
.endm
.macro WEIGH bytes
    and   v\bytes\().16b, v\bytes\().16b, v31.16b
.endm
.macro ADD_WEIGHTS sum, left, right
    addp  v\sum\().16b, v\left\().16b, v\right\().16b
.endm

// dot products in v[first] and the next seven to sums in v[sum], v[sum + 1]
.macro BITS_OF_PIXEL first, sum
    .set  value, 0
    .rept 8
        COMPARE %(\first + value), %(16 + value)
        .set  value, value + 1
    .endr
    .set  value, 0
    .rept 4
        JOIN  %(\first + value), %(\first + value + 1)
        .set  value, value + 2
    .endr
    .set  value, 0
    .rept 4
        WEIGH %(\first + value)
        .set  value, value + 2
    .endr
    ADD_WEIGHTS \sum, \first, %(\first + 2)
    ADD_WEIGHTS %(\sum + 1), %(\first + 4), %(\first + 6)
.endm

.macro LOAD_FIRST
    ldp   q0,  q1,  [x9]
    ldp   q2,  q3,  [x9, #32]
    ldp   q4,  q5,  [x9, #64]
    ldp   q6,  q7,  [x9, #96]
.endm
.macro LOAD_SECOND
    ldp   q8,  q9,  [x16]
    ldp   q10, q11, [x16, #32]
    ldp   q12, q13, [x16, #64]
    ldp   q14, q15, [x16, #96]
.endm

// The bits of two pixels are gathered between the loads of the next two.
.macro GATHER_AND_LOAD_NEXT
    addp  v24.16b, v24.16b, v25.16b
    add   x9,  x9,  x17
    addp  v26.16b, v26.16b, v27.16b
    add   x16, x16, x17
    LOAD_FIRST
    addp  v24.16b, v24.16b, v26.16b
    LOAD_SECOND
    STORE_BITS_OF_TWO
.endm

.macro GATHER_TWO
    addp  v24.16b, v24.16b, v25.16b
    addp  v26.16b, v26.16b, v27.16b
    add   x9,  x9,  x17
    addp  v24.16b, v24.16b, v26.16b
    STORE_BITS_OF_TWO
.endm

.macro STORE_BITS_OF_TWO
    eor   v24.16b, v24.16b, v28.16b
    str   d24, [x12]
    add   x12, x12, x15
    st1   {v24.d}[1], [x12]
    add   x12, x12, x15
.endm

.macro GATHER_ONE
    addp  v24.16b, v24.16b, v25.16b
    addp  v24.16b, v24.16b, v24.16b
    eor   v24.16b, v24.16b, v28.16b
    str   d24, [x12]
.endm

.macro LOAD_PARAMETERS
    ldp   q16, q17, [x8]
    ldp   q18, q19, [x8, #32]
    ldp   q20, q21, [x8, #64]
    ldp   q22, q23, [x8, #96]
    ld1r  {v28.2d}, [x10]
    add   x8,  x8,  #(2 * SLAB)
    add   x10, x10, #(SLAB / 8)
.endm

.text
.globl threshold_bits_slabs
.type  threshold_bits_slabs, %function
.p2align 4
threshold_bits_slabs:
    stp   d8,  d9,  [sp, #-64]!
    stp   d10, d11, [sp, #16]
    stp   d12, d13, [sp, #32]
    stp   d14, d15, [sp, #48]
    mov   x14, #0x0201
    movk  x14, #0x0804, lsl #16
    movk  x14, #0x2010, lsl #32
    movk  x14, #0x8040, lsl #48
    dup   v31.2d, x14
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x4,  [x0, #ARG_BITS]
    ldr   x14, [x0, #ARG_BITS_START]
    ldr   x15, [x0, #ARG_PIXEL_BYTES]
    ldr   x7,  [x0, #ARG_ROWS]
    add   x4,  x4,  x14
    ldr   x14, [x0, #ARG_CHANNELS]
    lsl   x13, x14, #1
    lsl   x17, x14, #2

.Lrow:
    ldr   x8,  [x0, #ARG_PARAMETERS]
    ldr   x10, [x0, #ARG_FLIPS]
    lsr   x5,  x14, #6
.Lslab:
    LOAD_PARAMETERS
    mov   x9,  x1
    add   x16, x1,  x13
    mov   x12, x4
    ldr   x6,  [x0, #ARG_ROW_PIXELS]
    subs  x6,  x6,  #2
    b.lo  .Lsingle
    LOAD_FIRST
    LOAD_SECOND
    b     .Lpair
.Lnext_pair:
    GATHER_AND_LOAD_NEXT
.Lpair:
    BITS_OF_PIXEL 0, 24
    BITS_OF_PIXEL 8, 26
    subs  x6,  x6,  #2
    b.hs  .Lnext_pair
    GATHER_TWO
.Lsingle:
    tbz   x6,  #0, .Lend_of_slab  // -2 pixels are left, or -1 where one is
    LOAD_FIRST
    BITS_OF_PIXEL 0, 24
    GATHER_ONE
.Lend_of_slab:
    add   x1,  x1,  #(2 * SLAB)
    add   x4,  x4,  #(SLAB / 8)
    subs  x5,  x5,  #1
    b.ne  .Lslab

    // The slabs have moved the addresses on by a pixel.
    ldr   x6,  [x0, #ARG_ROW_PIXELS]
    ldr   x12, [x0, #ARG_BITS_ROW_SKIP]
    sub   x6,  x6,  #1
    madd  x1,  x6,  x13, x1
    madd  x4,  x6,  x15, x4
    add   x4,  x4,  x12
    subs  x7,  x7,  #1
    b.ne  .Lrow

    ldp   d10, d11, [sp, #16]
    ldp   d12, d13, [sp, #32]
    ldp   d14, d15, [sp, #48]
    ldp   d8,  d9,  [sp], #64
    ret
.size threshold_bits_slabs, . - threshold_bits_slabs
