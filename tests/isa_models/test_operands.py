"""Registers and memory that instructions read and write, by disassembled text."""

import pytest

from isa_models import Instruction, UnsupportedInstructionError
from isa_models.instruction_class import classify
from isa_models.operands import decode, register_name


def instruction(text: str) -> Instruction:
    mnemonic, _, operands = text.partition(" ")
    return Instruction(0x1000, 0, mnemonic, operands, "conv.S:12")


def names(parts: tuple) -> dict[str, int]:
    return {register_name(part.register): part.bits for part in parts}


ROLES = [
    ("add x0, x1, x2, lsl #3", {"x1": 64, "x2": 64}, {"x0": 64}),
    ("add w0, wzr, w2", {"x2": 32}, {"x0": 32}),
    ("subs x0, x0, #1", {"x0": 64}, {"x0": 64, "flags": 4}),
    ("cmp x0, x1", {"x0": 64, "x1": 64}, {"flags": 4}),
    ("ccmp x0, #3, #4, ne", {"x0": 64, "flags": 4}, {"flags": 4}),
    ("csel x0, x1, x2, lt", {"x1": 64, "x2": 64, "flags": 4}, {"x0": 64}),
    ("movk x0, #3, lsl #16", {"x0": 64}, {"x0": 64}),
    ("mov x0, #3", {}, {"x0": 64}),
    ("bfi x0, x1, #3, #4", {"x0": 64, "x1": 64}, {"x0": 64}),
    ("b.ne #0x40", {"flags": 4}, {}),
    ("cbz w3, #0x40", {"x3": 32}, {}),
    ("bl #0x40", {}, {"x30": 64}),
    ("ret", {"x30": 64}, {}),
    ("ldr q0, [x1, #0x10]", {"x1": 64}, {"v0": 128}),
    ("ldr q0, [x1], #0x10", {"x1": 64}, {"v0": 128, "x1": 64}),
    ("ldr x0, [x1, w2, uxtw #3]", {"x1": 64, "x2": 64}, {"x0": 64}),
    ("ldp q0, q1, [x2, #0x20]!", {"x2": 64}, {"v0": 128, "v1": 128, "x2": 64}),
    ("stp x29, x30, [sp, #-0x10]!", {"sp": 64, "x29": 64, "x30": 64}, {"sp": 64}),
    ("ld1 {v0.16b, v1.16b}, [x0], x3", {"x0": 64, "x3": 64}, {"v0": 128, "v1": 128, "x0": 64}),
    ("ld1 {v0.b}[3], [x0]", {"x0": 64, "v0": 8}, {"v0": 8}),
    ("ld1r {v0.4s}, [x0]", {"x0": 64}, {"v0": 128}),
    ("st1 {v0.s}[1], [x0], #4", {"x0": 64, "v0": 32}, {"x0": 64}),
    ("eor v0.8b, v1.8b, v2.8b", {"v1": 64, "v2": 64}, {"v0": 64}),
    ("orr v0.4s, #1", {"v0": 128}, {"v0": 128}),
    ("movi v0.16b, #1", {}, {"v0": 128}),
    ("xtn v0.8b, v1.8h", {"v1": 128}, {"v0": 64}),
    ("xtn2 v0.16b, v1.8h", {"v0": 128, "v1": 128}, {"v0": 64}),
    ("addv b0, v1.16b", {"v1": 128}, {"v0": 8}),
    ("mov v0.d[1], x1", {"v0": 64, "x1": 64}, {"v0": 64}),
    ("umov w0, v1.b[3]", {"v1": 8}, {"x0": 32}),
    ("dup v0.16b, w1", {"x1": 32}, {"v0": 128}),
    ("tbl v0.16b, {v1.16b, v2.16b}, v3.16b", {"v1": 128, "v2": 128, "v3": 128}, {"v0": 128}),
    ("bsl v0.16b, v1.16b, v2.16b", {"v0": 128, "v1": 128, "v2": 128}, {"v0": 128}),
]


@pytest.mark.parametrize(("text", "reads", "writes"), ROLES, ids=[row[0] for row in ROLES])
def test_reads_and_writes(text, reads, writes):
    operands = decode(instruction(text))
    assert names(operands.reads) == reads
    assert names(operands.writes) == writes


@pytest.mark.parametrize(
    ("text", "size", "is_store"),
    [
        ("ldrb w0, [x1]", 1, False),
        ("ldrsh x0, [x1]", 2, False),
        ("ldrsw x0, [x1]", 4, False),
        ("str wzr, [x1]", 4, True),
        ("str b0, [x1]", 1, True),
        ("ldr q0, [x1]", 16, False),
        ("ldp w0, w1, [x2]", 8, False),
        ("ldpsw x0, x1, [x2]", 8, False),
        ("stp q0, q1, [x2]", 32, True),
        ("ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [x0]", 64, False),
        ("ld2 {v0.8b, v1.8b}, [x0]", 16, False),
        ("ld1 {v0.h}[2], [x0]", 2, False),
        ("ld1r {v0.8h}, [x0]", 2, False),
        ("ld3r {v0.8b, v1.8b, v2.8b}, [x0]", 3, False),
        ("st1 {v0.4s}, [x0]", 16, True),
        ("ldr x0, #0x40", 8, False),
    ],
)
def test_memory_access(text, size, is_store):
    access = decode(instruction(text)).memory
    assert access is not None
    assert (access.size_bytes, access.is_store) == (size, is_store)


@pytest.mark.parametrize("text", ["add x0, x1, x2", "prfm pldl1keep, [x0]", "nop", "b #0x40"])
def test_no_memory_access(text):
    assert decode(instruction(text)).memory is None


def test_accumulator_is_known_unless_it_is_also_a_source():
    assert register_name(decode(instruction("uadalp v4.8h, v3.16b")).accumulator) == "v4"
    assert decode(instruction("uadalp v4.8h, v4.16b")).accumulator is None
    assert decode(instruction("add v4.8h, v4.8h, v3.8h")).accumulator is None


def test_writeback_base():
    assert decode(instruction("ldr q0, [x1], #0x10")).writeback == 1
    assert decode(instruction("ldr q0, [x1, #0x10]")).writeback is None


def test_unsupported_instruction_names_text_address_and_source():
    with pytest.raises(UnsupportedInstructionError) as caught:
        decode(instruction("aese v0.16b, v1.16b"))
    message = str(caught.value)
    assert "aese v0.16b, v1.16b" in message
    assert "0x1000" in message
    assert "conv.S:12" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("add x0, x1, #1", "alu"),
        ("add x0, x1, x2, lsl #1", "alu_shifted"),
        ("mov x0, #0x10000", "alu"),
        ("lsl x0, x1, #3", "shift_immediate"),
        ("lsl x0, x1, x2", "shift_register"),
        ("and v0.16b, v1.16b, v2.16b", "simd_logic_q"),
        ("and v0.8b, v1.8b, v2.8b", "simd_logic_d"),
        ("cnt v0.16b, v1.16b", "simd_count_q"),
        ("uaddlp v0.8h, v1.16b", "simd_add_pairwise_long_q"),
        ("sqxtn v0.8b, v1.8h", "simd_narrow_saturating_d"),
        ("mul v0.8h, v1.8h, v2.h[1]", "simd_multiply_element_q"),
        ("mov v0.16b, v1.16b", "simd_move_q"),
        ("mov v0.s[1], v1.s[0]", "simd_insert_d"),
        ("mov w0, v1.s[2]", "simd_to_general"),
        ("fmov d0, x1", "simd_from_general_fmov_d"),
        ("ldr q0, [x1]", "load_vector_q"),
        ("ldr x0, [x1, x2]", "load_indexed"),
        ("ldp x0, x1, [x2]", "load_pair"),
        ("st1 {v0.16b, v1.16b}, [x0]", "st1_2_q"),
        ("ld1 {v0.b}[1], [x0]", "ld1_lane_b_d"),
        ("ld2 {v0.2d, v1.2d}, [x0]", "ld2_doubleword_q"),
    ],
)
def test_class(text, key):
    one = instruction(text)
    kind = classify(one.mnemonic, decode(one))
    assert kind is not None
    assert key in kind.keys


def test_the_entry_of_one_shape_comes_before_those_of_a_form_and_of_the_class():
    one = instruction("sabd v0.16b, v1.16b, v2.16b")
    kind = classify(one.mnemonic, decode(one))
    assert kind is not None
    assert kind.keys == ("sabd.16b", "sabd.q", "simd_absolute_q", "simd_absolute")
