// Binary convolution of one image through pointers: void indirect_16bit_8x4(const struct indirect_16bit_8x4_arguments *).
//
// A reference to compare with, our reimplementation of a described idea: the indirect convolution (Dukhan, "The Indirect
// Convolution Algorithm", arXiv 1907.02129) of binary data that a well-known open engine for binary networks is described
// to run: a tile of 8 output channels x 4 output pixels, 16-bit accumulators, float output scaled and shifted by channel.
// Written from the description alone; registers, order of instructions and layouts are our own.
//
// The kernel knows nothing of rows, strides or padding: the caller lists, for every output pixel and window position,
// the address of the packed input pixel. Pixels of a tile beyond the last repeat the last, in that list too.
//
//   for each tile of 4 output pixels:
//       for each tile of 8 output channels:
//           accumulators = 0
//           for each window position:
//               take the addresses of its 4 input pixels from the list
//               for each channel block:  accumulators += count_ones(activations ^ weights)
//           sum the lanes of each accumulator to one count an output
//           y = float(K - 2 * count) * multiplier[channel] + bias[channel];  store 8 floats a pixel
//
// 32 accumulators of their own would not fit the registers beside the operands: each register of eight halfwords holds
// the sums of two neighbouring channels of a pixel, four lanes each.
//   BLOCK_BYTES 16: 128 channels a step. The counts of two channels are added pairwise into one register of bytes (each
//                   at most 16), low half and high half, and those pairwise into the halfwords.
//   BLOCK_BYTES 8:  layers of up to 64 channels. A weight register holds the 64 bits of two channels, the activations
//                   are loaded into both halves, and the counts lie as the accumulators need them.
//
// Vector registers:
//   v0 to v3    activations of the pixels
//   v4 to v7    weights: of two channel pairs in turn; one a channel pair with blocks of 8 bytes
//   v8 to v15   products
//   v16 to v31  accumulators: pixel i, channels 2 j and 2 j + 1 in v[16 + 4 i + j]
//
// General registers:
//   x0  argument block                           x7          scratch
//   x1  weights, next block                      x8  to x11  input pixels
//   x2  first address of the pixel tile          x12 to x15  output of each pixel, next channel tile
//   x3  next address                             x16         output pixels left
//   x4  window positions left                    x17         multipliers of the channel tile
//   x5  channel blocks left                      x18 to x29  untouched
//   x6  channel tiles left

#include "arguments.inc"

.altmacro

.equ PIXELS, 4
.equ PAIRS,  4
.equ ACC,    16
.equ WGT,    4
.equ TMP,    8
.equ OUTPUT_OF_PIXEL, 12
.equ TILE_OUTPUT_BYTES, 2 * PAIRS * 4

.macro CLEAR reg
    movi  v\reg\().2d, #0
.endm

.macro CLEAR_ACCUMULATORS
    .set  index, ACC
    .rept PIXELS * PAIRS
        CLEAR %(index)
        .set  index, index + 1
    .endr
.endm

// ---- one channel block ----

.macro XOR product, activations, weights
    eor   v\product\().16b, v\activations\().16b, v\weights\().16b
.endm

.macro COUNT product
    cnt   v\product\().16b, v\product\().16b
.endm

.macro JOIN product, other
    addp  v\product\().16b, v\product\().16b, v\other\().16b
.endm

.macro ACCUMULATE acc, counts
    uadalp v\acc\().8h, v\counts\().16b
.endm

.macro COUNT_PRODUCTS number
    .set  index, 0
    .rept \number
        COUNT %(TMP + index)
        .set  index, index + 1
    .endr
.endm

.if BLOCK_BYTES == 16

//   load the weights of the channel pair
.macro LOAD_WEIGHTS pair
    LOAD_TWO %(WGT + 2 * (\pair % 2)), %(WGT + 2 * (\pair % 2) + 1), %(32 * \pair)
.endm
.macro LOAD_TWO even, odd, offset
    ldr   q\even, [x1, #\offset]
    ldr   q\odd,  [x1, #\offset + 16]
.endm

//   for each pixel and both channels of the pair:  product = count_ones(activations ^ weights)
//   for each pixel:  accumulator += the products of both channels, side by side
.macro PAIR pair
    .set  index, 0
    .rept PIXELS
        XOR   %(TMP + 2 * index),     %(index), %(WGT + 2 * (\pair % 2))
        XOR   %(TMP + 2 * index + 1), %(index), %(WGT + 2 * (\pair % 2) + 1)
        .set  index, index + 1
    .endr
    COUNT_PRODUCTS 2 * PIXELS
    .set  index, 0
    .rept PIXELS
        JOIN  %(TMP + 2 * index), %(TMP + 2 * index + 1)
        .set  index, index + 1
    .endr
    .set  index, 0
    .rept PIXELS
        ACCUMULATE %(ACC + PAIRS * index + \pair), %(TMP + 2 * index)
        .set  index, index + 1
    .endr
.endm

// The weights of a pair are loaded while the pair before is worked on.
.macro BLOCK
    ldr   q0, [x8], #16
    ldr   q1, [x9], #16
    ldr   q2, [x10], #16
    ldr   q3, [x11], #16
    LOAD_WEIGHTS 0
    LOAD_WEIGHTS 1
    PAIR  0
    LOAD_WEIGHTS 2
    PAIR  1
    LOAD_WEIGHTS 3
    PAIR  2
    PAIR  3
    add   x1, x1, #128
.endm

.else

//   for two channel pairs and each pixel:  product = count_ones(activations ^ weights);  accumulator += product
.macro TWO_PAIRS first
    .set  index, 0
    .rept PIXELS
        XOR   %(TMP + 2 * index),     %(index), %(WGT + \first)
        XOR   %(TMP + 2 * index + 1), %(index), %(WGT + \first + 1)
        .set  index, index + 1
    .endr
    COUNT_PRODUCTS 2 * PIXELS
    .set  index, 0
    .rept PIXELS
        ACCUMULATE %(ACC + PAIRS * index + \first),     %(TMP + 2 * index)
        ACCUMULATE %(ACC + PAIRS * index + \first + 1), %(TMP + 2 * index + 1)
        .set  index, index + 1
    .endr
.endm

.macro BLOCK
    ld1r  {v0.2d}, [x8], #8
    ld1r  {v1.2d}, [x9], #8
    ld1r  {v2.2d}, [x10], #8
    ld1r  {v3.2d}, [x11], #8
    ldp   q4, q5, [x1]
    ldp   q6, q7, [x1, #32]
    TWO_PAIRS 0
    TWO_PAIRS 2
    add   x1, x1, #64
.endm

.endif

// ---- sums and output ----

//   for each pixel: add neighbouring lanes of its four accumulators until each of the 8 channels has one, in order
.macro ADD_PAIRS sum, left, right
    addp  v\sum\().8h, v\left\().8h, v\right\().8h
.endm

.macro REDUCE
    .set  index, ACC
    .rept PIXELS
        ADD_PAIRS %(index),     %(index),     %(index + 1)
        ADD_PAIRS %(index + 2), %(index + 2), %(index + 3)
        .set  index, index + PAIRS
    .endr
    .set  index, ACC
    .rept PIXELS
        ADD_PAIRS %(index), %(index), %(index + 2)
        .set  index, index + PAIRS
    .endr
.endm

//   y = float(K - 2 * count) * multiplier + bias, for channels 0 to 3 and 4 to 7
//   K: v0, multipliers: v4, v5, biases: v6, v7
.macro DOUBLE low, high
    ushll2 v\high\().4s, v\low\().8h, #1
    ushll v\low\().4s, v\low\().4h, #1
.endm
.macro SUBTRACT low, high
    sub   v\low\().4s, v0.4s, v\low\().4s
    sub   v\high\().4s, v0.4s, v\high\().4s
.endm
.macro TO_FLOAT low, high
    scvtf v\low\().4s, v\low\().4s
    scvtf v\high\().4s, v\high\().4s
.endm
.macro SCALE low, high
    fmul  v\low\().4s, v\low\().4s, v4.4s
    fmul  v\high\().4s, v\high\().4s, v5.4s
.endm
.macro SHIFT low, high
    fadd  v\low\().4s, v\low\().4s, v6.4s
    fadd  v\high\().4s, v\high\().4s, v7.4s
.endm

.macro FOR_PIXELS operation
    .set  index, ACC
    .rept PIXELS
        \operation %(index), %(index + 1)
        .set  index, index + PAIRS
    .endr
.endm

.macro FORM_OUTPUT
    ldr   w7, [x0, #ARG_WINDOW]
    dup   v0.4s, w7
    ldp   q4, q5, [x17], #32
    ldp   q6, q7, [x17], #32
    FOR_PIXELS DOUBLE
    FOR_PIXELS SUBTRACT
    FOR_PIXELS TO_FLOAT
    FOR_PIXELS SCALE
    FOR_PIXELS SHIFT
.endm

.macro STORE_PIXEL low, high, output
    str   q\high, [x\output, #16]
    str   q\low,  [x\output], #TILE_OUTPUT_BYTES
.endm

.macro STORE_OUTPUT
    .set  index, 0
    .rept PIXELS
        STORE_PIXEL %(ACC + PAIRS * index), %(ACC + PAIRS * index + 1), %(OUTPUT_OF_PIXEL + index)
        .set  index, index + 1
    .endr
.endm

// ---- output pixels of a tile: x12 is the first; beyond the last they repeat it ----

.macro NEXT_PIXEL number, before, output
    add   x\output, x\before, x7
    cmp   x16, #\number
    csel  x\output, x\output, x\before, hi
.endm

.macro TAKE_PIXELS
    ldr   x7, [x0, #ARG_OUT_PITCH]
    .set  index, 1
    .rept PIXELS - 1
        NEXT_PIXEL %(index), %(OUTPUT_OF_PIXEL + index - 1), %(OUTPUT_OF_PIXEL + index)
        .set  index, index + 1
    .endr
.endm

.text
.globl indirect_16bit_8x4
.type  indirect_16bit_8x4, %function
.p2align 4
indirect_16bit_8x4:
    stp   d8,  d9,  [sp, #-64]!
    stp   d10, d11, [sp, #16]
    stp   d12, d13, [sp, #32]
    stp   d14, d15, [sp, #48]
    ldr   x2,  [x0, #ARG_INDIRECTION]
    ldr   x12, [x0, #ARG_OUTPUT]
    ldr   x16, [x0, #ARG_OUT_PIXELS]

.Lpixel_tile:
    TAKE_PIXELS
    ldr   x1,  [x0, #ARG_WEIGHTS]
    ldr   x6,  [x0, #ARG_CHANNEL_TILES]
    ldr   x17, [x0, #ARG_SCALES]

.Lchannel_tile:
    CLEAR_ACCUMULATORS
    mov   x3, x2
    ldr   x4, [x0, #ARG_POSITIONS]

.Lposition:
    ldp   x8,  x9,  [x3], #16
    ldp   x10, x11, [x3], #16
    ldr   x5, [x0, #ARG_BLOCKS]

.Lblock:
    BLOCK
    subs  x5, x5, #1
    b.ne  .Lblock

    subs  x4, x4, #1
    b.ne  .Lposition

    REDUCE
    FORM_OUTPUT
    STORE_OUTPUT
    subs  x6, x6, #1
    b.ne  .Lchannel_tile

    // Each output now points to the pixel after its own, so the last one to the first of the next tile.
    mov   x12, x15
    mov   x2, x3
    subs  x16, x16, #PIXELS
    b.hi  .Lpixel_tile

    ldp   d10, d11, [sp, #16]
    ldp   d12, d13, [sp, #32]
    ldp   d14, d15, [sp, #48]
    ldp   d8,  d9,  [sp], #64
    ret
.size indirect_16bit_8x4, . - indirect_16bit_8x4
