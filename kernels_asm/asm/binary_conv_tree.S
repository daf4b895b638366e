// Binary direct convolution of one image by summing trees: void binary_conv_tree(const struct binary_conv_tree_arguments *).
//
// The bytes of the counts of many outputs are added pairwise until one register holds a sum of each, and only that is
// accumulated. Adding n registers into one takes n - 1 additions in any order, so the tree costs no more than adding to an
// accumulator for each output would; but the accumulators take an eighth of the registers, which are free for weights, and
// no lanes are left to be summed at the end.
//
//   for each tile of TILE_ROWS x TILE_PIXELS output pixels and TILE_CHANNELS output channels, in the order LOOP_ORDER:
//       for each row of the window, for each COLUMNS columns of it, for each channel block:
//           load the weights of these columns, for every channel of the tile
//           for each pixel of the tile: slide the activations along the row
//               for each channel:  leaf = sum over the columns of count_ones_per_byte(activations ^ weights)
//               add the leaves of neighbouring channels and pixels pairwise, and accumulate
//       form the dot products, clip, convert, store
//       with FUSED, after the last channel tile: what asm/tree_transform.inc does to all channels of the tile
//
// The last tile of a row is moved back to end with the row, so it computes some pixels again. Rows that are left when
// TILE_ROWS does not divide them are computed one by one.
//
// Where a pixel has less than 16 bytes, a register holds VECTOR_PIXELS of them side by side.
//
// Parameters (assembler symbols, legal combinations in kernels_asm/tree_tile.py):
//   ACC_BITS       8, 16, 32     width of an accumulator lane
//   OVERFLOW       0 exact, 1 saturate, 2 wrap, 3 running
//   UDOT           1: UDOT adds four bytes to a 32-bit lane at once, on cores that have it
//   CLIP           0 none, else c of the clip to [-c, c]
//   OUT_BITS       8, 16, 32     width of an output element
//   TILE_CHANNELS  4, 8, 16;  TILE_VECTORS: pixels of a row of the tile / VECTOR_PIXELS;  TILE_ROWS 1, 2
//   COLUMNS        1, 2, 3       kernel columns whose weights stay in registers together
//   IN_ORDER       1: schedule for a core that issues in order
//   UNROLLED       1: the tile asks for steps of the window in a row, without a branch, at known offsets
//   UNROLL         how many the layer allows: a divisor of BLOCKS, or BLOCKS times a divisor of the columns of a row of
//                  the window in units of COLUMNS, or all steps of a row times a divisor of KERNEL_ROWS
//   LOOP_ORDER     0 channels inside pixels, 1 pixels inside channels
//   PREFETCH       bytes ahead of the weights that are prefetched, 0 none
//   KERNEL_ROWS, KERNEL_COLUMNS, STRIDE
//   BLOCKS, BLOCK_BYTES          channel blocks of a pixel, and the bytes of one: 4, 8, 16
//   VECTOR_PIXELS                pixels side by side in a register
//   FUSED          0, 1          1: the dot products go to a scratch tile, which another function makes outputs of;
//                                then LOOP_ORDER 0, OUT_BITS 16, no CLIP, and the parameters of tree_transform.inc
//   WINDOW_ODD                   K modulo 2
//   ODD_BLOCKS                   with running sums: blocks of the window that have an odd number of channels
//   LAST_CHANNELS                with running sums: channels of the last block of a pixel
//   TERMS                        registers for products beside the leaves
//   ACTIVATIONS                  registers of the ring of activations: see AHEAD in tree_loads.inc
//
// Vector registers:
//   v0, v1    sums of groups that are not complete (HOLD)
//   ACC       accumulators, from v2 up: a lane an output
//   OPERAND   with running sums: in every byte, half the channels of the step's block;  with UDOT: ones
//   LEAF      leaves of a quad, four channels of a vector of pixels
//   TERM      products on their way to a leaf
//   ACT       activations, a ring
//   WGT       weights of the step
//
// General registers:
//   x0        argument block                     x16        input bytes of a row
//   x1        weights, next vector               x17        input bytes from a row of the tile to the next
//   x2        input of the step                  x19        output bytes of a pixel
//   x3        channel blocks left in the column  x20, x21   tiles left in the row, output rows left
//   x4        columns left in the row            x22        channel tiles left
//   x5        steps left                         x23, x24   input, output of the row of tiles
//   x6        scratch; input of the window's     x25        output bytes of a row
//             next row (x3 to x5 count in UNROLL steps)
//   x7        offset into the output pixel       x26        weights of the channel tile
//   x8, x9    input, output of the tile          x27, x28   scratch
//   x10       input of the tile's second row     x18, x29   untouched
//   x11-x15, x27  pieces of vectors on their way; x13-x15, x27 pointers to weights that loads repeat: see tree_loads.inc
//   x10-x12   output of three pixels, once the sums are complete
// With FUSED: x24 output row of the row of tiles, x25 bytes of a row of the scratch tile, x28 output column of the tile.

#include "arguments.inc"

.altmacro

.equ PIXEL_BYTES, BLOCKS * BLOCK_BYTES
.equ VECTOR_BYTES, VECTOR_PIXELS * BLOCK_BYTES
.equ TILE_PIXELS, TILE_VECTORS * VECTOR_PIXELS
.equ ROW_STEPS, KERNEL_COLUMNS / COLUMNS * BLOCKS
.equ GROUPS, KERNEL_ROWS * ROW_STEPS / UNROLL
// of a step of a row of the window, from that row's first
#define INPUT_OFFSET(step) ((step) % ROW_STEPS / BLOCKS * COLUMNS * PIXEL_BYTES + (step) % BLOCKS * BLOCK_BYTES)
.equ ROW_QUADS, TILE_VECTORS * TILE_CHANNELS / 4

// UNROLL steps are blocks of a column, or all of them and columns of a row, or all of them and rows.
.if UNROLL > BLOCKS && UNROLL < ROW_STEPS
    .equ COLUMN_GROUPS, ROW_STEPS / UNROLL
.else
    .equ COLUMN_GROUPS, KERNEL_COLUMNS / COLUMNS
.endif

// Leaves of which a register holds one sum an output: bytes for 8-bit accumulators, two bytes for 16, four for 32.
.equ LEAVES, 16 * 8 / ACC_BITS / VECTOR_PIXELS

// activations that are new with each vector of pixels
.if VECTOR_PIXELS * STRIDE < COLUMNS
    .equ FRESH, VECTOR_PIXELS * STRIDE
.else
    .equ FRESH, COLUMNS
.endif

// running sums, and the channels of the first block of a pixel
.equ RUNNING, OVERFLOW == 3
.if BLOCKS > 1
    .equ FIRST_CHANNELS, 8 * BLOCK_BYTES
.else
    .equ FIRST_CHANNELS, LAST_CHANNELS
.endif

.if RUNNING || UDOT
    .equ HAS_OPERAND, 1
.else
    .equ HAS_OPERAND, 0
.endif

.equ HOLD, 0
.equ ACC,  2
.equ OPERAND, ACC + (TILE_ROWS * ROW_QUADS * 4 + LEAVES - 1) / LEAVES
.equ LEAF, OPERAND + HAS_OPERAND
.equ TERM, LEAF + 4
.equ ACT,  TERM + TERMS
.equ WGT,  ACT + ACTIVATIONS
.equ HALF, 11

#include "tree_step.inc"
#include "tree_output.inc"
#include "frame.inc"
.if FUSED
#include "tree_transform.inc"
.endif

// x[reg] = x[reg] `operation` bytes, below 2^24: an immediate has 12 bits, and another one the 12 above them
.macro MOVE_POINTER operation, reg, bytes
    .if (\bytes) >> 12
    \operation x\reg, x\reg, #((\bytes) >> 12), lsl #12
    .endif
    .if (\bytes) & 4095
    \operation x\reg, x\reg, #((\bytes) & 4095)
    .endif
.endm

// x2 = input of the next UNROLL steps
.macro ADVANCE
    .if ROW_STEPS > UNROLL
        .if BLOCKS > UNROLL
            add   x2, x2, #(UNROLL * BLOCK_BYTES)
            subs  x3, x3, #1
            b.ne  9f
            mov   x3, #(BLOCKS / UNROLL)
            .if COLUMNS > 1
            add   x2, x2, #((COLUMNS - 1) * PIXEL_BYTES)
            .endif
        .else
            MOVE_POINTER add, 2, %(UNROLL / BLOCKS * COLUMNS * PIXEL_BYTES)
        .endif
        .if KERNEL_COLUMNS > COLUMNS
            subs  x4, x4, #1
            b.ne  9f
            mov   x4, #COLUMN_GROUPS
        .endif
        add   x2, x2, x16
        MOVE_POINTER sub, 2, %(KERNEL_COLUMNS * PIXEL_BYTES)
9:
    .else
        add   x2, x2, x16
    .endif
.endm

.macro PREFETCH_WEIGHTS
    .if PREFETCH
    .set  index, 0
    .rept (WEIGHT_VECTORS * WEIGHT_BYTES + 63) / 64
        PREFETCH_LINE %(NEXT_WEIGHT), %(weight_offset + PREFETCH + 64 * index)
        .set  index, index + 1
    .endr
    .endif
.endm

// UNROLL steps from x2 on; behind a row of the window the next one begins at x6, if the step before has begun to load it.
.macro STEPS rows
    .set  ring, 0
    .set  position, 0
    .rept UNROLL
        .if position > 0 && position % ROW_STEPS == 0
            .if EARLY
            mov   x2, x6
            .else
            add   x2, x2, x16
            .endif
        .endif
        .set  input_offset, INPUT_OFFSET(position)
        .set  weight_offset, position * STEP_BYTES
        PREFETCH_WEIGHTS
        STEP  \rows
        .set  first_step, 0
        .set  position, position + 1
    .endr
    NEXT_WEIGHTS
.endm

.macro PREFETCH_LINE from, offset
    prfm  pldl1keep, [x\from, #\offset]
.endm

// The window of `rows` rows of the tile at x8, channel tile with weights at x1; outputs to x9.
// The first of all steps sets the accumulators, the others add to them.
.macro TILE rows
    mov   x2, x8
    .if GROUPS > 1
    mov   x3, #((BLOCKS + UNROLL - 1) / UNROLL)
    mov   x4, #COLUMN_GROUPS
    mov   x5, #(GROUPS - 1)
    .endif
    BEGIN_WEIGHTS
    SET_OPERAND %(OPERAND)
    .set  first_step, 1
    STEPS \rows
    .if GROUPS > 1
1:
    ADVANCE
    STEPS \rows
    subs  x5, x5, #1
    b.ne  1b
    .endif
    END_WEIGHTS
    OUTPUT_CONSTANTS
    END_TREE
    OUTPUT \rows
.endm

// Every channel tile (LOOP_ORDER 0) or the present one of `rows` rows of the tile at x8, outputs at x9.
.macro TILES rows
    .if LOOP_ORDER == 0
    ldr   x1, [x0, #ARG_WEIGHTS]
    ldr   x22, [x0, #ARG_CHANNEL_TILES]
2:
    TILE \rows
    add   x9, x9, #(TILE_CHANNELS * OUT_BITS / 8)
    subs  x22, x22, #1
    b.ne  2b
    .else
    mov   x1, x26
    TILE \rows
    .endif
.endm

// All tiles along `rows` output rows.
//   for each tile: at the last, move back to end with the row
.macro ROW_OF_TILES rows
    mov   x8, x23
    .if FUSED
    mov   x28, #0
    .else
    add   x28, x24, x7
    .endif
    ldr   x20, [x0, #ARG_TILE_COLUMNS]
3:
    cmp   x20, #1
    b.ne  4f
    ldr   x6, [x0, #ARG_LAST_SHIFT]
    ldr   x27, [x0, #ARG_LAST_SHIFT_OUT]
    sub   x8, x8, x6
    sub   x28, x28, x27
4:
    .if FUSED
    ldr   x9, [x0, #ARG_OUTPUT]
    TILES \rows
    TRANSFORM \rows
    add   x28, x28, #TILE_PIXELS
    .else
    mov   x9, x28
    TILES \rows
    mov   x6, #TILE_PIXELS
    madd  x28, x6, x19, x28
    .endif
    MOVE_POINTER add, 8, %(TILE_PIXELS * STRIDE * PIXEL_BYTES)
    subs  x20, x20, #1
    b.ne  3b
    mov   x6, #(\rows)
    madd  x23, x17, x6, x23
    .if FUSED
    add   x24, x24, x6
    .else
    madd  x24, x25, x6, x24
    .endif
.endm

.text
.globl binary_conv_tree
.type  binary_conv_tree, %function
.p2align 4
binary_conv_tree:
    SAVE_REGISTERS
    ldr   x16, [x0, #ARG_ROW_PITCH]
    ldr   x17, [x0, #ARG_ROW_STEP]
    ldr   x19, [x0, #ARG_OUT_PITCH]
    ldr   x25, [x0, #ARG_OUT_LINE]
    .if FUSED
    START_TRANSFORMS
    .else
    mov   x7, #0
    .endif
    .if LOOP_ORDER == 1
    ldr   x26, [x0, #ARG_WEIGHTS]
    ldr   x22, [x0, #ARG_CHANNEL_TILES]
    .endif

.Lchannels:
    ldr   x23, [x0, #ARG_INPUT]
    .if FUSED
    mov   x24, #0
    .else
    ldr   x24, [x0, #ARG_OUTPUT]
    .endif
    ldr   x21, [x0, #ARG_OUT_HEIGHT]

.Lrows:
    .if TILE_ROWS > 1
    cmp   x21, #TILE_ROWS
    b.lt  .Lsingle_row
    ROW_OF_TILES TILE_ROWS
    subs  x21, x21, #TILE_ROWS
    b.ne  .Lrows
    b     .Lrows_done
.Lsingle_row:
    .endif
    ROW_OF_TILES 1
    subs  x21, x21, #1
    b.ne  .Lrows
.Lrows_done:

    .if LOOP_ORDER == 1
    mov   x26, x1
    add   x7, x7, #(TILE_CHANNELS * OUT_BITS / 8)
    subs  x22, x22, #1
    b.ne  .Lchannels
    .endif

    .if FUSED
    END_TRANSFORMS
    .endif
    RESTORE_REGISTERS
    ret
.size binary_conv_tree, . - binary_conv_tree
