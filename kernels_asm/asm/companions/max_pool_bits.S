// Max pooling of packed +1/-1 feature maps: void max_pool_bits(const struct max_pool_bits_arguments *).
//
// The largest of some +1 and -1 is -1 only where all are -1, so the bit of an output is the AND of the bits of its
// window. Pixels outside of the map take no part: a position outside is moved to the nearest pixel of the map, which
// lies in the window as well, and an AND with a pixel that is there already changes nothing.
//
//   for each output row:
//       addresses of the WINDOW input rows, moved into the map
//       for each output pixel:
//           offsets of the WINDOW input columns, moved into the map
//           for each channel block: AND of WINDOW * WINDOW blocks, store
//
// Parameters:
//   WINDOW       2, 3   rows and columns of the window
//   STRIDE       1, 2   pixels from one window to the next
//   PADDING      0, 1   pixels outside of the map that the first window takes in; less than WINDOW
//   BLOCK_BYTES  4, 8, 16  bytes of a channel block
//
// General registers:
//   x0   argument block                  x10  offset of the window's first row from the map's, can be negative
//   x1   first input pixel               x11  the same of its first column
//   x2   channel blocks left             x12 to x14  addresses of the window's rows
//   x3   next output                     x15 to x17  offsets of the window's columns
//   x4   offset of the last input row    x8   output pixels left in the row
//   x5   offset of the last column       x9   bytes of a pixel
//   x6   bytes of an input row           x7   output rows left
// Vector registers: blocks of the window in v0 to v7 and v16, as v8 would have to be kept.

#include "arguments.inc"

.altmacro

.equ ROWS,    12
.equ COLUMNS, 15

// offset = first + index * step, moved into 0 to last: only the first position can lie before the map and only the last
// one behind it
.macro POSITION offset, first, step, last, index
    .if \index == 0
    mov   x\offset, x\first
    .elseif \index == 1
    add   x\offset, x\first, x\step
    .else
    add   x\offset, x\first, x\step, lsl #1
    .endif
    .if (PADDING) && \index == 0
    cmp   x\offset, #0
    csel  x\offset, x\offset, xzr, gt
    .endif
    .if (PADDING) && \index == WINDOW - 1
    cmp   x\offset, x\last
    csel  x\offset, x\offset, x\last, lt
    .endif
.endm

.macro ADD_BASE reg
    add   x\reg, x\reg, x1
.endm
.macro ROWS_OF_WINDOW
    .set  index, 0
    .rept WINDOW
        POSITION %(ROWS + index), 10, 6, 4, %(index)
        ADD_BASE %(ROWS + index)
        .set  index, index + 1
    .endr
.endm
.macro COLUMNS_OF_WINDOW
    .set  index, 0
    .rept WINDOW
        POSITION %(COLUMNS + index), 11, 9, 5, %(index)
        .set  index, index + 1
    .endr
.endm

// ---- blocks ----

.if BLOCK_BYTES == 16
.macro LOAD reg, row, column
    ldr   q\reg, [x\row, x\column]
.endm
.macro AND_BLOCKS left, right
    and   v\left\().16b, v\left\().16b, v\right\().16b
.endm
.else
.macro LOAD reg, row, column
    .if BLOCK_BYTES == 8
    ldr   d\reg, [x\row, x\column]
    .else
    ldr   s\reg, [x\row, x\column]
    .endif
.endm
.macro AND_BLOCKS left, right
    and   v\left\().8b, v\left\().8b, v\right\().8b
.endm
.endif

// v[3 * row + column] for a window of 3, v[2 * row + column] for one of 2; the ninth is v16
.macro LOAD_WINDOW
    .set  row, 0
    .rept WINDOW
        .set  column, 0
        .rept WINDOW
            .if row * WINDOW + column < 8
            LOAD  %(row * WINDOW + column), %(ROWS + row), %(COLUMNS + column)
            .else
            LOAD  16, %(ROWS + row), %(COLUMNS + column)
            .endif
            .set  column, column + 1
        .endr
        .set  row, row + 1
    .endr
.endm

.macro AND_WINDOW
    AND_BLOCKS 0, 1
    AND_BLOCKS 2, 3
    .if WINDOW == 3
    AND_BLOCKS 4, 5
    AND_BLOCKS 6, 7
    .endif
    AND_BLOCKS 0, 2
    .if WINDOW == 3
    AND_BLOCKS 4, 6
    AND_BLOCKS 0, 16
    AND_BLOCKS 0, 4
    .endif
.endm

.macro NEXT_BLOCK
    .set  index, 0
    .rept WINDOW
        ADVANCE %(COLUMNS + index)
        .set  index, index + 1
    .endr
.endm
.macro ADVANCE reg
    add   x\reg, x\reg, #BLOCK_BYTES
.endm

.text
.globl max_pool_bits
.type  max_pool_bits, %function
.p2align 4
max_pool_bits:
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x2,  [x0, #ARG_INPUT_START]
    add   x1,  x1, x2
    ldr   x3,  [x0, #ARG_BITS]
    ldr   x2,  [x0, #ARG_BITS_START]
    add   x3,  x3, x2
    ldr   x4,  [x0, #ARG_LAST_ROW]
    ldr   x5,  [x0, #ARG_LAST_COLUMN]
    ldr   x6,  [x0, #ARG_INPUT_ROW_BYTES]
    ldr   x7,  [x0, #ARG_ROWS]
    ldr   x9,  [x0, #ARG_PIXEL_BYTES]
    mov   x10, #0
    .if PADDING
    sub   x10, x10, x6
    .endif

.Lrow:
    ROWS_OF_WINDOW
    ldr   x8,  [x0, #ARG_ROW_PIXELS]
    mov   x11, #0
    .if PADDING
    sub   x11, x11, x9
    .endif

.Lpixel:
    COLUMNS_OF_WINDOW
    .if BLOCK_BYTES == 16
    ldr   x2,  [x0, #ARG_BLOCKS]
.Lblock:
    .endif
    LOAD_WINDOW
    AND_WINDOW
    .if BLOCK_BYTES == 16
    str   q0,  [x3], #16
    NEXT_BLOCK
    subs  x2,  x2, #1
    b.ne  .Lblock
    .elseif BLOCK_BYTES == 8
    str   d0,  [x3], #8
    .else
    str   s0,  [x3], #4
    .endif
    add   x11, x11, x9, lsl #(STRIDE - 1)
    subs  x8,  x8, #1
    b.ne  .Lpixel

    ldr   x2,  [x0, #ARG_BITS_ROW_SKIP]
    add   x3,  x3, x2
    add   x10, x10, x6, lsl #(STRIDE - 1)
    subs  x7,  x7, #1
    b.ne  .Lrow
    ret
.size max_pool_bits, . - max_pool_bits
