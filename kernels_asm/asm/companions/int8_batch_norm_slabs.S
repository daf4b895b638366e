// The batch norm of int8_batch_norm.S, slab by slab:
// void int8_batch_norm_slabs(const struct int8_batch_norm_slabs_arguments *).
//
//   for each row, for each slab of 32 channels:
//       load the slab's parameters, which stay in registers
//       for each two pixels of the row, then for the one that may be left:
//           the arithmetic of kernels_asm/fixed_point.py, store 32 bytes and 4 bytes of bits a pixel
//
// It reads parameters once a row, where the walk over pixels reads them for every two pixels. It jumps from pixel to
// pixel instead of walking the map in single file: for maps in L1, such as the tile of a fused convolution.
//
// Parameters:
//   ADD_SHORTCUT  1: an int8 map of the output's shape is added. Channels fill their blocks of bits.
//   IN_ORDER      1: schedule for a core that issues in order, see int8_slabs_in_order.inc
//
// Registers:
//   x0   argument block               x9 to x12   the same in the slab, at the next pixel
//   x1   next slab's first input      x13         bytes of a pixel of the input
//   x2   shortcut                     x14         of shortcut and output
//   x3   output                       x15         of bits
//   x4   bits                         x7          rows left
//   x5   slabs left                   x8          next parameters
//   x6   pixels left                  x16         second pixel of the input, scratch
//   x17  bytes of two pixels of the input
//   v0 to v3, v4 to v7    16-bit values of the first and of the second pixel; then bytes in v0, v2 and in v4, v6
//   v28, v29 and v30, v8  shortcuts of the first and of the second pixel, then signs
//   v16 to v19, v20 to v23, v24 to v27  multipliers, shifts, offsets      v31  weights 1, 2, 4 .. 128, twice

#include "arguments.inc"

.altmacro

.equ SLAB, 32

// ---- one value ----

.macro MULTIPLY n
    MULTIPLY_BY %(\n), %(16 + \n % 4)
.endm
.macro MULTIPLY_BY value, multiplier
    sqrdmulh v\value\().8h, v\value\().8h, v\multiplier\().8h
.endm

// The shifts are negative: SRSHL then goes right.
.macro SHIFT n
    SHIFT_BY %(\n), %(20 + \n % 4)
.endm
.macro SHIFT_BY value, shift
    srshl v\value\().8h, v\value\().8h, v\shift\().8h
.endm

.macro ADD_OFFSET n
    ADD_TO %(\n), %(24 + \n % 4)
.endm
.macro ADD_TO value, offset
    sqadd v\value\().8h, v\value\().8h, v\offset\().8h
.endm

// the low halves of both registers of bytes before the high ones, which wait for them
.macro NARROW n
    .if \n % 4 < 2
    NARROW_LOW  %(2 * (\n % 4) + \n / 4 * 4)
    .else
    NARROW_HIGH %(2 * (\n % 4 - 2) + \n / 4 * 4), %(2 * (\n % 4 - 2) + \n / 4 * 4 + 1)
    .endif
.endm
.macro NARROW_LOW bytes
    sqxtn v\bytes\().8b, v\bytes\().8h
.endm
.macro NARROW_HIGH bytes, value
    sqxtn2 v\bytes\().16b, v\value\().8h
.endm

// both registers of bytes of a pixel: add the shortcut, then compare
.macro FINISH n
    .if \n < 2
    ADD_SHORTCUT_TO %(2 * \n), %(28 + \n)
    .elseif \n < 4
    SIGNS %(2 * \n - 4), %(26 + \n)
    .elseif \n == 4
    ADD_SHORTCUT_TO 4, 30
    .elseif \n == 5
    ADD_SHORTCUT_TO 6, 8
    .elseif \n == 6
    SIGNS 4, 30
    .else
    SIGNS 6, 8
    .endif
.endm
.macro ADD_SHORTCUT_TO bytes, shortcut
    .if ADD_SHORTCUT
    sqadd v\bytes\().16b, v\bytes\().16b, v\shortcut\().16b
    .endif
.endm
.macro SIGNS bytes, signs
    cmlt  v\signs\().16b, v\bytes\().16b, #0
.endm

// ---- two pixels go through the stages one behind the other: see int8_batch_norm.S ----

.macro NOTHING n
.endm

.macro STAGE of_first, of_second, pixels
    .set  value, 0
    .rept 4
        \of_first %(value)
        .if \pixels == 2
        \of_second %(4 + value)
        .endif
        .set  value, value + 1
    .endr
.endm

// Additions of addresses follow operations on whole vectors, with which a Cortex-A53 pairs them.
.macro NORMALISE pixels
    STAGE MULTIPLY, NOTHING, \pixels
    .if ADD_SHORTCUT
    ldp   q28, q29, [x10]
    .endif
    STAGE SHIFT, MULTIPLY, \pixels
    add   x10, x10, x14
    STAGE ADD_OFFSET, SHIFT, \pixels
    .if (ADD_SHORTCUT) && \pixels == 2
    ldp   q30, q8, [x10]
    .endif
    STAGE NARROW, ADD_OFFSET, \pixels
    .if \pixels == 2
    add   x10, x10, x14
    .endif
    STAGE FINISH, NARROW, \pixels
    stp   q0,  q2, [x11]
    and   v28.16b, v28.16b, v31.16b
    add   x11, x11, x14
    and   v29.16b, v29.16b, v31.16b
    .if \pixels == 2
    STAGE NOTHING, FINISH, \pixels
    stp   q4,  q6, [x11]
    and   v30.16b, v30.16b, v31.16b
    add   x11, x11, x14
    and   v8.16b,  v8.16b,  v31.16b
    .endif
.endm

// ---- input, and bits: four bytes a pixel, from 32 weights by three pairwise additions ----

.macro LOAD_FIRST
    ldp   q0,  q1, [x9]
    ldp   q2,  q3, [x9, #32]
.endm
.macro LOAD_SECOND
    ldp   q4,  q5, [x16]
    ldp   q6,  q7, [x16, #32]
.endm

.macro GATHER_AND_LOAD_NEXT
    addp  v28.16b, v28.16b, v29.16b
    add   x9,  x9,  x17
    addp  v30.16b, v30.16b, v8.16b
    add   x16, x16, x17
    LOAD_FIRST
    addp  v28.16b, v28.16b, v30.16b
    ldp   q4,  q5, [x16]
    addp  v28.16b, v28.16b, v28.16b
    ldp   q6,  q7, [x16, #32]
    STORE_BITS_OF_TWO
.endm

.macro GATHER_TWO
    addp  v28.16b, v28.16b, v29.16b
    addp  v30.16b, v30.16b, v8.16b
    addp  v28.16b, v28.16b, v30.16b
    add   x9,  x9,  x17
    addp  v28.16b, v28.16b, v28.16b
    STORE_BITS_OF_TWO
.endm

.macro STORE_BITS_OF_TWO
    str   s28, [x12]
    add   x12, x12, x15
    st1   {v28.s}[1], [x12]
    add   x12, x12, x15
.endm

.macro GATHER_ONE
    addp  v28.16b, v28.16b, v29.16b
    addp  v28.16b, v28.16b, v28.16b
    addp  v28.16b, v28.16b, v28.16b
    str   s28, [x12]
.endm

// The parameters of a group of 16 channels are 16 multipliers, 16 shifts, 16 offsets of 16 bits each.
.equ PARAMETER_BYTES, 192
.macro LOAD_TWO_PARAMETERS n
    LOAD_PARAMETERS_AT %(16 + 4 * (\n % 3) + 2 * (\n / 3)), %(17 + 4 * (\n % 3) + 2 * (\n / 3)), %(32 * \n)
.endm
.macro LOAD_PARAMETERS_AT first, second, offset
    ldp   q\first, q\second, [x8, #\offset]
.endm

.macro LOAD_PARAMETERS
    .set  two, 0
    .rept 6
        LOAD_TWO_PARAMETERS %(two)
        .set  two, two + 1
    .endr
    add   x8,  x8,  #PARAMETER_BYTES
.endm

.macro NEXT_SLAB
    add   x1,  x1,  #(2 * SLAB)
    add   x2,  x2,  #SLAB
    add   x3,  x3,  #SLAB
    add   x4,  x4,  #(SLAB / 8)
    subs  x5,  x5,  #1
.endm

.macro PAIRS
    add   x16, x1,  x13
    LOAD_FIRST
    LOAD_SECOND
    b     .Lpair
.Lnext_pair:
    GATHER_AND_LOAD_NEXT
.Lpair:
    NORMALISE 2
    subs  x6,  x6,  #2
    b.hs  .Lnext_pair
    GATHER_TWO
.endm

.if IN_ORDER
#include "int8_slabs_in_order.inc"
.endif

.text
.globl int8_batch_norm_slabs
.type  int8_batch_norm_slabs, %function
.p2align 4
int8_batch_norm_slabs:
    .if IN_ORDER
    stp   d8,  d9,  [sp, #-64]!
    stp   x19, x20, [sp, #16]
    stp   x21, x22, [sp, #32]
    stp   x23, x24, [sp, #48]
    .else
    str   d8,  [sp, #-16]!
    .endif
    mov   x16, #0x0201
    movk  x16, #0x0804, lsl #16
    movk  x16, #0x2010, lsl #32
    movk  x16, #0x8040, lsl #48
    dup   v31.2d, x16
    ldr   x1,  [x0, #ARG_INPUT]
    ldr   x2,  [x0, #ARG_SHORTCUT]
    ldr   x3,  [x0, #ARG_OUTPUT]
    ldr   x4,  [x0, #ARG_BITS]
    ldr   x16, [x0, #ARG_BITS_START]
    ldr   x14, [x0, #ARG_CHANNELS]
    ldr   x15, [x0, #ARG_PIXEL_BYTES]
    ldr   x7,  [x0, #ARG_ROWS]
    add   x4,  x4,  x16
    lsl   x13, x14, #1
    lsl   x17, x14, #2

.Lrow:
    ldr   x8,  [x0, #ARG_PARAMETERS]
    lsr   x5,  x14, #5
.Lslab:
    LOAD_PARAMETERS
.Lloaded_slab:
    mov   x9,  x1
    mov   x10, x2
    mov   x11, x3
    mov   x12, x4
    ldr   x6,  [x0, #ARG_ROW_PIXELS]
    subs  x6,  x6,  #2
    b.lo  .Lsingle
    .if IN_ORDER
    PAIRS_IN_ORDER
    .else
    PAIRS
    .endif
.Lsingle:
    .if IN_ORDER == 0
    tbz   x6,  #0, .Lend_of_slab  // -2 pixels are left, or -1 where one is
    .endif
    LOAD_FIRST
    NORMALISE 1
    GATHER_ONE
.Lend_of_slab:
    NEXT_SLAB
    b.ne  .Lslab
    .if IN_ORDER
    b     .Lend_of_row
.Lloaded:
    NEXT_SLAB
    b.ne  .Lloaded_slab
.Lend_of_row:
    .endif

    subs  x7,  x7,  #1
    b.eq  .Ldone

    // The slabs have moved the addresses on by a pixel.
    ldr   x6,  [x0, #ARG_ROW_PIXELS]
    ldr   x16, [x0, #ARG_BITS_ROW_SKIP]
    sub   x6,  x6,  #1
    madd  x1,  x6,  x13, x1
    madd  x2,  x6,  x14, x2
    madd  x3,  x6,  x14, x3
    madd  x4,  x6,  x15, x4
    add   x4,  x4,  x16
    b     .Lrow

.Ldone:
    .if IN_ORDER
    ldp   x19, x20, [sp, #16]
    ldp   x21, x22, [sp, #32]
    ldp   x23, x24, [sp, #48]
    ldp   d8,  d9,  [sp], #64
    .else
    ldr   d8,  [sp], #16
    .endif
    ret
.size int8_batch_norm_slabs, . - int8_batch_norm_slabs
