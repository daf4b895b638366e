// Binary convolution of one image, channel by channel: void one_channel_direct(const struct one_channel_direct_arguments *).
//
// A reference to compare with, our reimplementation of a described idea: the direct convolution that an early open
// inference library for binary networks on Arm phones is described to run: one output channel at a time, bytes added over
// the window, one sum across lanes a channel block, and float output that is accumulated in memory. Written from the
// description alone; registers, order of instructions and layouts are our own.
//
//   y = 0
//   for each output channel:
//       for each channel block:
//           for each part of the window, of up to 25 positions:
//               load its weights
//               for each output pixel:
//                   for each position of the part:  bytes += count_ones_per_byte(activations ^ weights)
//                   y[pixel][channel] += float(K of this part and block - 2 * sum of the bytes)
//
// 25 positions are as many as the weights have registers for, all of a 5x5 window: 25 * 8 = 200 fits a byte.
//
// Parameters (assembler symbols):
//   KERNEL_ROWS, KERNEL_COLUMNS  the window
//   BLOCK_BYTES                  8 for up to 64 input channels (half registers), else 16
//   PIXEL_BYTES                  bytes of a packed input pixel
//
// Vector registers:
//   v0         bytes, of even positions; then their sum     v6         K of the part and block, each word
//   v1 to v4   activations, products                        v7 to v31  weights of the part
//   v5         bytes, of odd positions
//
// Nothing is overlapped by hand: an in-order core waits for each sum across lanes and its way to memory.
//
// General registers:
//   x0  argument block                           x9          output rows left
//   x1  weights, next block                      x10         output pixels left in the row
//   x2  output channels left                     x11         bytes of an input row
//   x3  output of the channel, first pixel       x12         bytes from one output pixel to the next
//   x4  input channels left                      x13         bytes added to the input at the end of an output row
//   x5  input, this channel block                x14         output pixels in a row
//   x6  input of the pixel's window              x15         bytes from one output pixel's window to the next
//   x7  row of the window                        x16         row of the window, scratch
//   x8  output pixel                             x17         scratch;  x18 to x29  untouched

#include "arguments.inc"

.altmacro

.equ POSITIONS, KERNEL_ROWS * KERNEL_COLUMNS
.equ PART, 25
.equ WGT,  7
.equ GROUP, 4
.equ BLOCK_CHANNELS, 8 * BLOCK_BYTES

.if BLOCK_BYTES == 16
.macro LOAD reg, base, offset
    ldr   q\reg, [\base, #\offset]
.endm
.macro XOR product, weights
    eor   v\product\().16b, v\product\().16b, v\weights\().16b
.endm
.macro COUNT counts, product
    cnt   v\counts\().16b, v\product\().16b
.endm
.macro ADD_BYTES sum, counts
    add   v\sum\().16b, v\sum\().16b, v\counts\().16b
.endm
.macro SUM_BYTES
    uaddlv h0, v0.16b
.endm
.else
.macro LOAD reg, base, offset
    ldr   d\reg, [\base, #\offset]
.endm
.macro XOR product, weights
    eor   v\product\().8b, v\product\().8b, v\weights\().8b
.endm
.macro COUNT counts, product
    cnt   v\counts\().8b, v\product\().8b
.endm
.macro ADD_BYTES sum, counts
    add   v\sum\().8b, v\sum\().8b, v\counts\().8b
.endm
.macro SUM_BYTES
    uaddlv h0, v0.8b
.endm
.endif

//   load the weights of positions 0 to positions - 1 of the part
.macro LOAD_WEIGHTS positions
    .set  position, 0
    .rept \positions
        LOAD %(WGT + position), x1, %(BLOCK_BYTES * position)
        .set  position, position + 1
    .endr
    add   x1, x1, #(BLOCK_BYTES * \positions)
.endm

//   load the activations of a position, which is in row `row` of those of the part, into v[reg]
// Rows lie in x6, x7, x16, x7, x16 and so on; at the first position of a row the address of the next row is formed.
.macro LOAD_POSITION reg, row, column, is_first
    .if \row == 0
        LOAD_FROM \reg, x6, x7, \column, \is_first
    .elseif \row % 2
        LOAD_FROM \reg, x7, x16, \column, \is_first
    .else
        LOAD_FROM \reg, x16, x7, \column, \is_first
    .endif
.endm
.macro LOAD_FROM reg, row, next, column, is_first
    LOAD  \reg, \row, %(\column * PIXEL_BYTES)
    .if \column == 0 || \is_first
    add   \next, \row, x11
    .endif
.endm

// The first even and the first odd position start the sums.
.macro ADD_POSITION product, position
    .if \position == 0
        COUNT 0, \product
    .elseif \position == 1
        COUNT 5, \product
    .else
        COUNT \product, \product
    .endif
.endm

//   positions `start` to start + positions - 1 of the part, which begins with position `first` of the window:
//   products = activations ^ weights;  products = counts;  bytes += products
.macro GROUP_OF first, start, positions
    .set  index, 0
    .rept \positions
        .set  number, \first + \start + index
        LOAD_POSITION %(1 + index), %(number / KERNEL_COLUMNS - \first / KERNEL_COLUMNS), %(number % KERNEL_COLUMNS), %(\start + index == 0)
        .set  index, index + 1
    .endr
    .set  index, 0
    .rept \positions
        XOR   %(1 + index), %(WGT + \start + index)
        .set  index, index + 1
    .endr
    .set  index, 0
    .rept \positions
        ADD_POSITION %(1 + index), %(\start + index)
        .set  index, index + 1
    .endr
    .set  index, 0
    .rept \positions
        .if \start + index > 1
            ADD_BYTES %(5 * ((\start + index) % 2)), %(1 + index)
        .endif
        .set  index, index + 1
    .endr
.endm

.macro COUNT_WINDOW first, positions
    .set  start, 0
    .rept \positions / GROUP
        GROUP_OF \first, %(start), GROUP
        .set  start, start + GROUP
    .endr
    .if \positions % GROUP
        GROUP_OF \first, %(start), %(\positions % GROUP)
    .endif
    .if \positions > 1
        ADD_BYTES 0, 5
    .endif
.endm

//   *y += float(K - 2 * sum of the bytes)
.macro ADD_TO_OUTPUT
    SUM_BYTES
    shl   v0.2s, v0.2s, #1
    sub   v0.2s, v6.2s, v0.2s
    scvtf s0, s0
    ldr   s1, [x8]
    fadd  s1, s1, s0
    str   s1, [x8]
    add   x8, x8, x12
.endm

// One part of the window for all output pixels.
.macro PART_OF_WINDOW first, positions
    LOAD_WEIGHTS \positions
    // K = positions * channels of this block, padding channels not counted
    mov   w16, #BLOCK_CHANNELS
    cmp   x4, x16
    csel  x16, x4, x16, lo
    mov   w17, #\positions
    mul   w16, w16, w17
    dup   v6.4s, w16
    mov   x6, x5
    .rept \first / KERNEL_COLUMNS
    add   x6, x6, x11
    .endr
    mov   x8, x3
    ldr   x9, [x0, #ARG_OUT_HEIGHT]
1:  mov   x10, x14
2:  COUNT_WINDOW \first, \positions
    ADD_TO_OUTPUT
    add   x6, x6, x15
    subs  x10, x10, #1
    b.ne  2b
    add   x6, x6, x13
    subs  x9, x9, #1
    b.ne  1b
.endm

.macro WHOLE_WINDOW
    .set  first, 0
    .rept POSITIONS / PART
        PART_OF_WINDOW %(first), PART
        .set  first, first + PART
    .endr
    .if POSITIONS % PART
        PART_OF_WINDOW %(first), %(POSITIONS % PART)
    .endif
.endm

//   y = 0
.macro CLEAR_OUTPUT
    ldr   x16, [x0, #ARG_OUT_VALUES]
    movi  v0.2d, #0
    subs  x16, x16, #4
    b.lo  4f
3:  str   q0, [x3], #16
    subs  x16, x16, #4
    b.hs  3b
4:  adds  x16, x16, #4
    b.eq  6f
5:  str   s0, [x3], #4
    subs  x16, x16, #1
    b.ne  5b
6:
.endm

.text
.globl one_channel_direct
.type  one_channel_direct, %function
.p2align 4
one_channel_direct:
    stp   d8,  d9,  [sp, #-64]!
    stp   d10, d11, [sp, #16]
    stp   d12, d13, [sp, #32]
    stp   d14, d15, [sp, #48]
    ldr   x3,  [x0, #ARG_OUTPUT]
    CLEAR_OUTPUT
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x1,  [x0, #ARG_WEIGHTS]
    ldr   x2,  [x0, #ARG_CHANNELS_OUT]
    ldr   x11, [x0, #ARG_ROW_PITCH]
    ldr   x12, [x0, #ARG_OUT_PITCH]
    ldr   x13, [x0, #ARG_LINE_SKIP]
    ldr   x14, [x0, #ARG_OUT_WIDTH]
    ldr   x15, [x0, #ARG_PIXEL_STEP]

.Lchannel:
    ldr   x4, [x0, #ARG_CHANNELS_IN]
    ldr   x5, [x0, #ARG_INPUT]

.Lblock:
    WHOLE_WINDOW
    add   x5, x5, #BLOCK_BYTES
    subs  x4, x4, #BLOCK_CHANNELS
    b.hi  .Lblock

    add   x3, x3, #4
    subs  x2, x2, #1
    b.ne  .Lchannel

    ldp   d10, d11, [sp, #16]
    ldp   d12, d13, [sp, #32]
    ldp   d14, d15, [sp, #48]
    ldp   d8,  d9,  [sp], #64
    ret
.size one_channel_direct, . - one_channel_direct
