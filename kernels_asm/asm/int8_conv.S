// Int8 direct convolution of one image: void int8_conv(const struct int8_conv_arguments *).
//
// What the binary convolution is measured against: the same layer with 8-bit activations and weights, int32 sums, and
// tiles and loops as in binary_conv.S. The input is stored with its padding, of zeros.
//
//   for each tile of TILE_PIXELS output pixels:
//       for each tile of TILE_CHANNELS output channels:
//           accumulators = 0
//           for each row of the window:
//               for each block of 16 channels in that row (kernel column by kernel column):
//                   load the block of each pixel; load the weights of the channels;
//                   for each pixel and channel:  accumulator += activations * weights
//           PATH 0: sum the lanes of each accumulator
//           OUT_BITS 8: round and shift right, saturate
//           store
//
//   PATH 0  SMULL, SMLAL2, SADALP: every core. Two products are added in 16 bits, where 2 * 128 * 127 fits and
//           2 * 128 * 128 does not: weights are -127 to 127. An accumulator register belongs to one channel and pixel.
//   PATH 1  SDOT with an element of the activations: cores with the extension dotprod. An accumulator register holds
//           four channels of a pixel, one a lane, each the sum of four products more.
//
// Parameters (assembler symbols, legal combinations in kernels_asm/int8_conv.py):
//   PATH           0, 1
//   OUT_BITS       8, 32         width of an output element
//   SHIFT          0 to 31       bits that an 8-bit output is shifted right by; 0 with 32-bit output
//   TILE_CHANNELS  4, 8, 16;     TILE_PIXELS  1 to 8
//   SKEW           PATH 0: products between the operations of one product: 0 or more
//   AHEAD          PATH 0: channels that weights are loaded ahead: 0, 1
//   WEIGHT_REGISTERS PATH 0: channels whose weights are in registers at once
//   WEIGHT_SETS    PATH 1: how many of the four groups of input channels have registers for their weights: 1, 2, 4
//
// Vector registers, from v0 up:
//   ACC   accumulators; PATH 0: pixel i of channel j in v[ACC + j * TILE_PIXELS + i], PATH 1: of channels 4 j to 4 j + 3
//   ACT   activations, one a pixel
//   WGT   weights; PATH 0: one a channel in turn, PATH 1: one for four channels of each set
//   TMP   PATH 0: products in flight, 2 * SKEW + 1
//
// General registers:
//   x0        argument block                     x8  to x15  input of each pixel's window
//   x1        weights, next block                x19 to x26  output of each pixel, next channel tile
//   x2        offset into the window             x16, x17    input and output of the next pixel
//   x3        channel blocks left in the row     x27         output pixels left in the output row
//   x4        window rows left                   x28         output pixels left in the image
//   x5        scratch                            x7, x18, x29, x30  untouched
//   x6        channel tiles left

#include "arguments.inc"

.altmacro

.equ QUADS, TILE_CHANNELS / 4
.equ BLOCK_BYTES, 16
.equ ACC,   0
.if PATH == 0
.equ ACCUMULATORS, TILE_CHANNELS * TILE_PIXELS
.else
.equ ACCUMULATORS, QUADS * TILE_PIXELS
.endif
.equ ACT,   ACC + ACCUMULATORS
.equ WGT,   ACT + TILE_PIXELS
.equ INPUT_OF_PIXEL,  8
.equ OUTPUT_OF_PIXEL, 19

#include "frame.inc"
#include "pixel_tile.inc"

.macro CLEAR reg
    movi  v\reg\().2d, #0
.endm

.macro CLEAR_ACCUMULATORS
    .set  index, ACC
    .rept ACCUMULATORS
        CLEAR %(index)
        .set  index, index + 1
    .endr
.endm

.macro LOAD_ACTIVATIONS reg, window
    ldr   q\reg, [x\window, x2]
.endm

.macro LOAD_WEIGHTS reg, offset
    ldr   q\reg, [x1, #\offset]
.endm

.macro LOAD_ALL_ACTIVATIONS
    .set  index, 0
    .rept TILE_PIXELS
        LOAD_ACTIVATIONS %(ACT + index), %(INPUT_OF_PIXEL + index)
        .set  index, index + 1
    .endr
.endm

.if PATH == 0

// ---- products by SMULL ----

.equ TMP, WGT + WEIGHT_REGISTERS
.equ PRODUCTS, TILE_CHANNELS * TILE_PIXELS
.equ IN_FLIGHT, 2 * SKEW + 1
#define PRODUCT(number) %(TMP + (number) % IN_FLIGHT)
#define ACTIVATIONS(number) %(ACT + (number) % TILE_PIXELS)
#define WEIGHTS(number) %(WGT + (number) / TILE_PIXELS % WEIGHT_REGISTERS)

.macro MULTIPLY_LOW product, activations, weights
    smull v\product\().8h, v\activations\().8b, v\weights\().8b
.endm

.macro MULTIPLY_HIGH product, activations, weights
    smlal2 v\product\().8h, v\activations\().16b, v\weights\().16b
.endm

.macro ACCUMULATE acc, product
    sadalp v\acc\().4s, v\product\().8h
.endm

.macro LOAD_CHANNEL channel
    .if \channel < TILE_CHANNELS
        LOAD_WEIGHTS %(WGT + \channel % WEIGHT_REGISTERS), %(\channel * BLOCK_BYTES)
    .endif
.endm

// The three operations of a product are SKEW products apart, so that none waits for the one before and the ports of
// multiplications and of sums both have work at any time. Weights are loaded AHEAD channels before their own.
//
//   load the activations of every pixel
//   for each product of a channel and a pixel, pixel by pixel:
//       at the first pixel: load the weights of the channel AHEAD of this one
//       product                  = low halves of activations * weights
//       product SKEW before     += high halves of them
//       accumulator of the product 2 * SKEW before += that product, neighbours added
.macro STEP
    LOAD_ALL_ACTIVATIONS
    .if AHEAD
        LOAD_CHANNEL 0
    .endif
    .set  number, 0
    .rept PRODUCTS + 2 * SKEW
        .if number < PRODUCTS
            .if number % TILE_PIXELS == 0
                LOAD_CHANNEL %(number / TILE_PIXELS + AHEAD)
            .endif
            MULTIPLY_LOW PRODUCT(number), ACTIVATIONS(number), WEIGHTS(number)
        .endif
        .if number >= (SKEW) && number < PRODUCTS + SKEW
            MULTIPLY_HIGH PRODUCT(number - SKEW), ACTIVATIONS(number - SKEW), WEIGHTS(number - SKEW)
        .endif
        .if number >= 2 * SKEW
            ACCUMULATE %(ACC + number - 2 * SKEW), PRODUCT(number - 2 * SKEW)
        .endif
        .set  number, number + 1
    .endr
    add   x2, x2, #BLOCK_BYTES
    add   x1, x1, #(TILE_CHANNELS * BLOCK_BYTES)
.endm

// Sums of four channels of a pixel side by side, in the register of the first of the four.
.equ QUAD_STEP, 4 * TILE_PIXELS

.macro ADD_PAIRS sum, left, right
    addp  v\sum\().4s, v\left\().4s, v\right\().4s
.endm

.macro REDUCE
    .set  index, ACC
    .rept QUADS
        .rept TILE_PIXELS
            ADD_PAIRS %(index), %(index), %(index + TILE_PIXELS)
            ADD_PAIRS %(index + 2 * TILE_PIXELS), %(index + 2 * TILE_PIXELS), %(index + 3 * TILE_PIXELS)
            .set  index, index + 1
        .endr
        .set  index, index + 3 * TILE_PIXELS
    .endr
    .set  index, ACC
    .rept QUADS
        .rept TILE_PIXELS
            ADD_PAIRS %(index), %(index), %(index + 2 * TILE_PIXELS)
            .set  index, index + 1
        .endr
        .set  index, index + 3 * TILE_PIXELS
    .endr
.endm

.else

// ---- products by SDOT ----

.arch armv8.2-a+dotprod

.macro DOT acc, weights, activations, element
    sdot  v\acc\().4s, v\weights\().16b, v\activations\().4b[\element]
.endm

.macro LOAD_SET group
    .set  index, 0
    .rept QUADS
        LOAD_WEIGHTS %(WGT + \group % WEIGHT_SETS * QUADS + index), %((\group * QUADS + index) * BLOCK_BYTES)
        .set  index, index + 1
    .endr
.endm

.macro DOT_SET group
    .set  quad, 0
    .rept QUADS
        .set  pixel, 0
        .rept TILE_PIXELS
            DOT %(ACC + quad * TILE_PIXELS + pixel), %(WGT + \group % WEIGHT_SETS * QUADS + quad), %(ACT + pixel), \group
            .set  pixel, pixel + 1
        .endr
        .set  quad, quad + 1
    .endr
.endm

//   load the activations of every pixel, and the weights of as many groups of four input channels as have registers
//   for each group, four channels and pixel:  accumulator += activations . weights
//       after each group, load the weights of the next one that has none yet into its registers
.macro STEP
    LOAD_ALL_ACTIVATIONS
    .set  group, 0
    .rept WEIGHT_SETS
        LOAD_SET %(group)
        .set  group, group + 1
    .endr
    .set  group, 0
    .rept 4
        DOT_SET %(group)
        .if group + WEIGHT_SETS < 4
            LOAD_SET %(group + WEIGHT_SETS)
        .endif
        .set  group, group + 1
    .endr
    add   x2, x2, #BLOCK_BYTES
    add   x1, x1, #(TILE_CHANNELS * BLOCK_BYTES)
.endm

.equ QUAD_STEP, TILE_PIXELS

.macro REDUCE
.endm

.endif

// ---- output ----

//   8 bits: saturate((sum + half of 2^SHIFT) >> SHIFT)
.macro ROUND sum
    srshr v\sum\().4s, v\sum\().4s, #SHIFT
.endm
.macro NARROW_TO_16 sum
    sqxtn v\sum\().4h, v\sum\().4s
.endm
.macro NARROW_TO_8 sum
    sqxtn v\sum\().8b, v\sum\().8h
.endm

.if OUT_BITS == 8
.macro STORE sum, output
    str   s\sum, [x\output], #4
.endm
.else
.macro STORE sum, output
    str   q\sum, [x\output], #16
.endm
.endif

.macro FOR_SUMS operation
    .set  quad, 0
    .rept QUADS
        .set  pixel, 0
        .rept TILE_PIXELS
            \operation %(ACC + quad * QUAD_STEP + pixel)
            .set  pixel, pixel + 1
        .endr
        .set  quad, quad + 1
    .endr
.endm

.macro FORM_OUTPUT
    .if OUT_BITS == 8
        .if SHIFT
            FOR_SUMS ROUND
        .endif
        FOR_SUMS NARROW_TO_16
        FOR_SUMS NARROW_TO_8
    .endif
.endm

.macro STORE_OUTPUT
    .set  quad, 0
    .rept QUADS
        .set  pixel, 0
        .rept TILE_PIXELS
            STORE %(ACC + quad * QUAD_STEP + pixel), %(OUTPUT_OF_PIXEL + pixel)
            .set  pixel, pixel + 1
        .endr
        .set  quad, quad + 1
    .endr
.endm

.text
.globl int8_conv
.type  int8_conv, %function
.p2align 4
int8_conv:
    SAVE_REGISTERS
    ldr   x16, [x0, #ARG_INPUT]
    ldr   x17, [x0, #ARG_OUTPUT]
    ldr   x27, [x0, #ARG_OUT_WIDTH]
    ldr   x28, [x0, #ARG_OUT_PIXELS]

.Lpixel_tile:
    TAKE_PIXELS
    ldr   x1, [x0, #ARG_WEIGHTS]
    ldr   x6, [x0, #ARG_CHANNEL_TILES]

.Lchannel_tile:
    CLEAR_ACCUMULATORS
    mov   x2, #0
    ldr   x4, [x0, #ARG_KERNEL_ROWS]

.Lwindow_row:
    ldr   x3, [x0, #ARG_ROW_BLOCKS]

.Lblock:
    STEP
    subs  x3, x3, #1
    b.ne  .Lblock

    ldr   x5, [x0, #ARG_ROW_SKIP]
    add   x2, x2, x5
    subs  x4, x4, #1
    b.ne  .Lwindow_row

    REDUCE
    FORM_OUTPUT
    STORE_OUTPUT
    subs  x6, x6, #1
    b.ne  .Lchannel_tile

    cbnz  x28, .Lpixel_tile

    RESTORE_REGISTERS
    ret
.size int8_conv, . - int8_conv
