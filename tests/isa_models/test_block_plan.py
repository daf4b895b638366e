"""Every way to form addresses within a block, in loops of one block and in straight lines."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isa_models import Buffer, Image, Pointer
from tests.fuzz import examples
from tests.isa_models.hook_pairs import both

ADDRESS_SNIPPETS = [
    "mov x9, x0",
    "mov x10, x9",
    "mov x9, x10",
    "orr x9, xzr, x1",
    "add x9, x1, #40",
    "sub x10, x0, #24",
    "adds x9, x9, #8",
    "subs x10, x10, #8",
    "add x9, x0, x3",
    "add x9, x9, x11",
    "sub x10, x1, x3, lsl #2",
    "add x9, x0, w3, uxtw #2",
    "add x10, x9, w12, sxtw",
    "add x9, x0, x11, lsl #1",
    "csel x9, x0, x10, eq",
    "mov x3, #17",
    "mov w3, #9",
    "mov w3, w2",
    "mov x3, x2",
    "and x3, x3, #0x3f",
    "mul x3, x2, x2",
    "ldrb w3, [x9]\nand x3, x3, #0x7f",
    "mov x11, #-5",
    "neg x11, x3",
    "sxtb x11, w3",
    "mov w12, #-3",
    "movn x12, #2",
    "mov w12, w3",
    "add w12, w12, #1",
    "sub w12, w12, #7",
    "add w12, w3, w3",
    "lsl w12, w3, #1",
    "sub w12, w3, w11",
    "lsl x13, x3, #2\nldrb w4, [x10, x13]",
    "lsl w13, w3, #3\nldrb w4, [x10, w13, uxtw]",
    "sxtw x13, w12\nldrb w4, [x9, x13]",
    "ubfx x13, x3, #1, #4\nldr x4, [x9, x13, lsl #3]",
    "add x13, x9, #1, lsl #12\nldrb w4, [x13]",
    "mov x13, sp\nldr x4, [x13, #-64]",
    "sub x13, sp, #32\nstr x4, [x13]",
    "umov w13, v0.b[0]\nand x13, x13, #7\nldrb w4, [x9, x13]",
    "fmov x13, d1\nand x13, x13, #31\nldrb w4, [x10, x13]",
    "ldr x4, [x9], #8",
    "ldr x4, [x10, #-8]!",
    "ldr x4, [x9, #8]",
    "ldr x4, [x9, x3]",
    "ldr x4, [x10, x11]",
    "ldr w4, [x9, w12, sxtw]",
    "ldr w4, [x9, w12, sxtw #2]",
    "ldrb w4, [x9, w3, uxtw]",
    "ldr x4, [x10, x3, lsl #3]",
    "ldp x4, x5, [x9], #16",
    "stp x4, x5, [x1, #-16]!",
    "str x4, [x1], #24",
    "ldp x4, x5, [x9, #32]\nldp q0, q1, [x9, #-32]!",
    "stp x0, x1, [sp, #-16]!\nldp x10, x9, [sp], #16",
    "str x9, [x1]\nldr x10, [x1]",
    "str x0, [x1]\nmov x9, x1\nldr x9, [x9]\nldr x4, [x9]",
    "str x10, [x1]\nldp x9, x5, [x1]\nldr q0, [x9, #16]\nadd x9, x9, #16",
    "ld1 {v0.16b}, [x9], x3",
    "ld1 {v0.16b, v1.16b, v2.16b}, [x9], #48",
    "ld1 {v0.8b, v1.8b}, [x10], #16",
    "ld2 {v0.d, v1.d}[1], [x9], #16",
    "ld3 {v0.h, v1.h, v2.h}[1], [x9], #6",
    "ld4r {v0.4s, v1.4s, v2.4s, v3.4s}, [x10], #16",
    "st1 {v0.s}[1], [x1], #4",
    "st2 {v0.16b, v1.16b}, [x1], x11",
    "and x13, x1, #~15\nldadd x4, x5, [x13]",
    "and x13, x1, #~15\nswpal x13, x13, [x13]",
    "and x13, x1, #~15\nldxp x4, x5, [x13]\nstxp w14, x4, x5, [x13]\ncasp x4, x5, x4, x5, [x13]",
    "prfm pldl1keep, [x9]",
    "prfm pstl1keep, [x10, #64]",
    "prfum pldl2strm, [x9, #-7]",
    "prfm pldl1keep, [x9, w12, sxtw #3]",
    "prfm pldl1keep, [x9, x3, lsl #3]",
    "prfm pldl1keep, [x4, x5]",
    "ldr x13, [x9]\nprfm pldl1keep, [x13, #8]",
    "prfm pldl1keep, 4f\n4: prfm plil1keep, [x9]",
    "mrs x13, nzcv",
    "yield\nldr x4, [x9]",
    "adr x13, 4f\n4: ldr x4, [x13]",
    "adr x13, 4f\nbr x13\nldr x4, [x0]\n4: ldr x4, [x9]",
    "bl 4f\nb 5f\n4: ldr x4, [x10], #8\nret\n5:",
]


@settings(max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    outer=st.lists(st.sampled_from(ADDRESS_SNIPPETS), max_size=8),
    inner=st.lists(st.sampled_from(ADDRESS_SNIPPETS), min_size=1, max_size=12),
    skipped=st.lists(st.sampled_from(ADDRESS_SNIPPETS), max_size=5),
    entry=st.integers(0, 12),
    turns=st.integers(1, 12),
    capacity=st.integers(1, 40),
)
def test_any_way_to_form_addresses(assemble, outer, inner, skipped, entry, turns, capacity):
    """Registers loaded, moved, added up, cut to words; a branch into the middle, and one taken every other turn."""
    inner = [*inner[:entry], "6:", *inner[entry:]]
    lines = ["stp x29, x30, [sp, #-16]!", "mov x9, x0", "mov x10, x1", "mov x11, #64", "mov x12, #5", "mov x6, #3"]
    lines += ["1: mov x7, x2", *outer, "tbnz x6, #0, 6f", "2:", *inner, "tbnz x7, #0, 3f", *skipped]
    lines += ["3: sub x7, x7, #1", "cbnz x7, 2b", "sub x6, x6, #1", "cbnz x6, 1b", "ldp x29, x30, [sp], #16", "ret"]
    half = 1 << 20
    rng = np.random.default_rng(4)
    content = rng.integers(0, 256, 2 * half, np.uint8)
    buffers = [Buffer("input", content), Buffer("output", content, writable=True)]
    arguments = [Pointer("input", half), Pointer("output", half), turns, 16]
    both(Image.from_elf(assemble("\n".join(lines))), arguments, buffers, capacity)


@pytest.mark.parametrize(
    "body",
    [
        "ldr x4, [x0], #8",
        "ldr x4, [x0, x3]\nadd x0, x0, x3, lsl #1",
        "ldr q0, [x0, x3]\nadd x3, x3, #16\nldr q1, [x1], #32",
        "ldr x4, [x9]\nmov x9, x10\nmov x10, x0\nadd x0, x0, #8",
        "mov x13, x9\nmov x9, x10\nmov x10, x13\nldr x4, [x9]",
        "ldrb w4, [x0, w11, sxtw]\nadd w11, w11, #1",
        "add w13, w12, #3\nadd w12, w12, #1\nldrb w4, [x0, w13, uxtw]",
        "add w13, w12, #3\nadd w12, w12, #1\nldrb w4, [x0, x13]",
        "add w12, w12, #1\nadd x13, x0, w12, sxtw #3\nldr x4, [x13]",
        "add x13, x11, #5\nadd x11, x11, #1\nldrb w4, [x0, w13, sxtw #0]",
        "add x13, x11, #20\nadd w14, w13, w13\nadd x11, x11, #1\nldrb w4, [x0, x14]",
        "add x3, x3, x8\nadd x8, x8, #2\nldrb w4, [x0, x3]",
        "add x13, x3, x3\nldrb w4, [x0, x13]\nadd x3, x13, #1\nand x3, x3, #0x3ff",
        "ldrb w4, [x0, x8]\nadd x8, x8, x8",
        "ldr x4, [x9]\nadd x9, x0, x0\nsub x9, x9, x0\nadd x0, x0, #16",
        "sub x9, x0, x3, lsl #2\nldr x4, [x9]\nadd x3, x3, #1",
        "ld1 {v0.16b}, [x0], x3\nst1 {v0.8b, v1.8b, v2.8b}, [x1], #24",
        "mov x3, #24\nldr x4, [x0, x3]\nadd x0, x0, x3",
        "str x9, [x1]\nldr x9, [x1]\nldr x4, [x9], #8",
        "mov x13, sp\nldr x4, [x13, #-64]\nstr x4, [sp, #-16]!\nldr x5, [sp], #16",
        "prfm pldl1keep, [x0, #512]\nldr x4, [x0], #32",
        "prfm pldl1keep, [x1, x3]\nprfum pstl2keep, [x9, #1]\nadd x3, x3, #1024\nldr x4, [x0], #8",
        "prfm pldl1keep, [x4, x5]\nadd x4, x4, x5",
        "",
    ],
)
@pytest.mark.parametrize("turns", [1, 2, 3, 4, 5, 12, 200])
def test_loop_of_one_block(image_of, body, turns):
    """All turns are recorded at once, by extrapolation where addresses move evenly."""
    turns = min(turns, 12) if "add x8, x8" in body else turns  # its addresses soon leave the buffer
    start = "mov x9, x0\nmov x10, x0\nmov x11, #-9\nmov x12, #-2\nmov x8, #1\nmov x3, #3"
    image = image_of(f"{start}\nmov x7, x2\n1:\n{body}\nsubs x7, x7, #1\nb.ne 1b\nret")
    buffers = [Buffer("input", 1 << 16), Buffer("output", bytes(1 << 16), writable=True)]
    both(image, [Pointer("input", 1 << 15), Pointer("output", 1 << 15), turns], buffers, 7)


@pytest.mark.parametrize(
    "body",
    [
        "ldr x9, [x1]\nldr x4, [x9, #8]\nldr x4, [x9], #8\nldr x4, [x9]",
        "ldr x9, [x1]\nmov x10, x9\nmov x9, x0\nldr x4, [x10, #16]\nldr x4, [x9]",
        "ldr x9, [x1]\nadd x10, x9, #8\nldr x9, [x1]\nldr x4, [x10]\nldr x4, [x9, #24]",
        "ldr x9, [x1]\nadd x10, x9, x3\nldr x4, [x10]",
        "ldr x9, [x1]\nadd x10, x3, x9\nldr x4, [x10]",
        "ldrb w9, [x1, #24]\nadd w13, w9, #1\nldr x4, [x0, x13]",
        "ldr x9, [x1]\nadd w13, w9, #1\nand x13, x13, #7\nldr x4, [x0, x13]",
        "ldr x9, [x1]\nadd x10, x9, x3\nldr x4, [x10]\nldr x4, [x9, x3, lsl #3]",
        "ldp x9, x10, [x1]\nldr x4, [x9, #8]\nldr x4, [x10]\nldr x9, [x1], #8\nldr x4, [x9]",
        "mov x9, x1\nldr x9, [x9]\nldr x9, [x9]\nldr x4, [x0]",
        "ldr x9, [x1]\ncbz x2, 1f\n1: ldr x4, [x9]\nmul x3, x3, x3\nldr x4, [x9, x3]",
        "umov w13, v0.b[0]\nadd x9, x0, w13, uxtb\nldr x4, [x9]",
        "fmov w13, s1\nlsr w13, w13, #26\nldr x4, [x0, x13]",
        "mov w9, w0\nsub x9, x0, x9\nadd x9, x9, w0, uxtw\nldr x4, [x9]",
        "mov x3, #0x10\nmovk x3, #0, lsl #16\nldr x4, [x0, x3]",
        "mov w12, #-3\nldr x4, [x0, w12, sxtw #3]\nadd x12, x12, #5\nldr x4, [x0, w12, uxtw #3]",
        "mov x11, #-1\nadd x13, x11, #1\nldr x4, [x0, w13, uxtw]\nadd x13, x0, w13, sxtw\nldr x4, [x13]",
        "sub x13, x3, #1\nsub x13, x13, #9\nldr x4, [x0, w13, sxtw #3]",
        "mov x3, #0xffffffff\nldr x4, [x0, w3, sxtw]\nadd x3, x3, #1\nldr x4, [x0, w3, sxtw]",
    ],
)
def test_straight_line(image_of, body):
    """Loaded, moved and cut registers as addresses in the block in which they are written."""
    pointers = {0: "input", 8: "input", 16: "input"}
    output = Buffer("output", bytes(range(256)), pointers=pointers, writable=True)
    arguments = [Pointer("input", 512), Pointer("output"), 1, 4]
    rng = np.random.default_rng(5)
    both(image_of(f"{body}\nret"), arguments, [Buffer("input", rng.integers(0, 256, 1024, np.uint8)), output])


@pytest.mark.parametrize("access", ["ldrb w4, [x13, w12, uxtw]", "add x14, x13, x12\nldrb w4, [x14]"])
def test_loop_in_which_a_word_wraps(image_of, access):
    """Addresses that move evenly only until a 32-bit index starts again at zero: from a buffer to 4 GiB below it."""
    body = f"adr x13, 1f\nmov w12, #-20\n1: {access}\nadd w12, w12, #1\nsubs x1, x1, #1\nb.ne 1b\nret"
    result = both(image_of(body), [Pointer("input"), 40], [Buffer("input", 18 << 20)])
    loads = result.trace.address
    assert np.diff(loads)[:3].tolist() == [1, 1, 1]
    assert np.diff(loads)[19] == 1 - 2**32
