// Binary direct convolution of one image: void binary_conv(const struct binary_conv_arguments *).
//
// Each pass of the tile loop computes TILE_CHANNELS output channels of TILE_PIXELS output pixels; the accumulators of
// all of them stay in registers from the first product to the last. Pixels are taken in row-major order, so a tile can
// run over the end of a row; a tile that runs over the end of the image repeats the last pixel.
//
//   for each tile of TILE_PIXELS output pixels:
//       for each tile of TILE_CHANNELS output channels:
//           accumulators = 0
//           for each row of the window:
//               for each channel block in that row (kernel column by kernel column):
//                   load the block of each pixel; for each channel: load its block of weights;
//                   for each pixel and channel:  accumulator += count_ones_per_byte(activations ^ weights)
//           sum the lanes of each accumulator, form the dot products, clip, convert, store
//
// Parameters (assembler symbols, legal combinations in kernels_asm/lane_tile.py):
//   ACC_BITS       8, 16, 32     width of an accumulator lane
//   OVERFLOW       0 exact, 1 saturate, 2 wrap
//   UDOT           1: UDOT adds four bytes to a 32-bit lane at once, on cores that have it
//   WIDEN          1: 8-bit lanes move into 16-bit lanes every 31 steps (31 * 8 = 248 fits a byte, 32 * 8 does not)
//   CLIP           0 none, else c of the clip to [-c, c]
//   OUT_BITS       8, 16, 32     width of an output element
//   TILE_CHANNELS  1, 2, 4, 8, 16;  TILE_PIXELS  1 to 8
//   BLOCK_BYTES    4, 8, 16       bytes of a channel block
//   GROUP_CHANNELS, GROUP_PIXELS how many products are in flight side by side, to fill the latency of EOR and CNT
//
// Vector registers, from v0 up:
//   ACC   accumulators, pixel i of channel j in v[ACC + j * TILE_PIXELS + i]
//   WIDE  16-bit accumulators behind them, with WIDEN only
//   ACT   activations, one a pixel
//   WGT   weights, one a channel of the group
//   TMP   products, one a channel and pixel of the group
//   ONES  16 bytes of 1, with UDOT only
//   v28 to v31 hold constants once the sums are complete.
//
// General registers:
//   x0        argument block                     x8  to x15  input of each pixel's window
//   x1        weights, next block                x19 to x26  output of each pixel
//   x2        offset into the window             x16, x17    input and output of the next pixel
//   x3        channel blocks left in the row     x27         output pixels left in the output row
//   x4, x5    scratch                            x28         output pixels left in the image
//   x6        channel tiles left                 x30         steps until the next widening
//   x7        offset into the output pixel       x18, x29    untouched

#include "arguments.inc"

.altmacro

.equ TILE,  TILE_CHANNELS * TILE_PIXELS
.equ ACC,   0
.equ WIDE,  ACC + TILE
.equ ACT,   WIDE + WIDEN * TILE
.equ WGT,   ACT + TILE_PIXELS
.equ TMP,   WGT + GROUP_CHANNELS
.equ ONES,  TMP + GROUP_CHANNELS * GROUP_PIXELS
.equ INPUT_OF_PIXEL,  8
.equ OUTPUT_OF_PIXEL, 19
.equ WIDEN_EVERY, 31

#include "frame.inc"
#include "pixel_tile.inc"
#include "accumulate.inc"
#include "reduce.inc"
#include "output.inc"

.text
.globl binary_conv
.type  binary_conv, %function
.p2align 4
binary_conv:
    SAVE_REGISTERS
    ldr   x16, [x0, #ARG_INPUT]
    ldr   x17, [x0, #ARG_OUTPUT]
    ldr   x27, [x0, #ARG_OUT_WIDTH]
    ldr   x28, [x0, #ARG_OUT_PIXELS]

.Lpixel_tile:
    TAKE_PIXELS
    ldr   x1, [x0, #ARG_WEIGHTS]
    ldr   x6, [x0, #ARG_CHANNEL_TILES]
    mov   x7, #0

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
    add   x7, x7, #(TILE_CHANNELS * OUT_BITS / 8)
    subs  x6, x6, #1
    b.ne  .Lchannel_tile

    cbnz  x28, .Lpixel_tile

    RESTORE_REGISTERS
    ret
.size binary_conv, . - binary_conv
