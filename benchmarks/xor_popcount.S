// The inner loop of a binary convolution, alone.
// uint64_t xor_popcount(const void *activations, const void *weights, uint64_t steps, uint64_t repetitions)
// Both buffers hold 16 * steps bytes; returns the last repetition's sum of the eight 16-bit lanes.

        .text
        .globl  xor_popcount
        .type   xor_popcount, %function
xor_popcount:
1:      mov     x4, x0
        mov     x5, x1
        mov     x6, x2
        movi    v0.8h, #0
2:      ldr     q1, [x4], #16
        ldr     q2, [x5], #16
        eor     v1.16b, v1.16b, v2.16b
        cnt     v1.16b, v1.16b
        uadalp  v0.8h, v1.16b
        subs    x6, x6, #1
        b.ne    2b
        subs    x3, x3, #1
        b.ne    1b
        uaddlv  s0, v0.8h
        fmov    w0, s0
        ret
        .size   xor_popcount, . - xor_popcount
