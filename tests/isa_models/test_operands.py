"""Registers and memory that instructions read and write, by disassembled text."""

import pytest

from isa_models import Instruction, UnsupportedInstructionError
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
    ("ldr x0, [x1, w2, uxtw #3]", {"x1": 64, "x2": 32}, {"x0": 64}),
    ("ldp q0, q1, [x2, #0x20]!", {"x2": 64}, {"v0": 128, "v1": 128, "x2": 64}),
    ("stp x29, x30, [sp, #-0x10]!", {"sp": 64, "x29": 64, "x30": 64}, {"sp": 64}),
    ("ld1 {v0.16b, v1.16b}, [x0], x3", {"x0": 64, "x3": 64}, {"v0": 128, "v1": 128, "x0": 64}),
    ("ld1 {v0.b}[3], [x0]", {"x0": 64, "v0": 128}, {"v0": 8}),
    ("ld1r {v0.4s}, [x0]", {"x0": 64}, {"v0": 128}),
    ("st1 {v0.s}[1], [x0], #4", {"x0": 64, "v0": 32}, {"x0": 64}),
    ("eor v0.8b, v1.8b, v2.8b", {"v1": 64, "v2": 64}, {"v0": 64}),
    ("orr v0.4s, #1", {"v0": 128}, {"v0": 128}),
    ("movi v0.16b, #1", {}, {"v0": 128}),
    ("xtn v0.8b, v1.8h", {"v1": 128}, {"v0": 64}),
    ("xtn2 v0.16b, v1.8h", {"v0": 128, "v1": 128}, {"v0": 64}),
    ("addv b0, v1.16b", {"v1": 128}, {"v0": 8}),
    ("mov v0.d[1], x1", {"v0": 128, "x1": 64}, {"v0": 64}),
    ("umov w0, v1.b[3]", {"v1": 8}, {"x0": 32}),
    ("dup v0.16b, w1", {"x1": 32}, {"v0": 128}),
    ("tbl v0.16b, {v1.16b, v2.16b}, v3.16b", {"v1": 128, "v2": 128, "v3": 128}, {"v0": 128}),
    ("saddl2 v0.4s, v1.8h, v2.8h", {"v1": 64, "v2": 64}, {"v0": 128}),
    ("stxr w0, x1, [x2]", {"x1": 64, "x2": 64}, {"x0": 32}),
    ("ldadd x0, x1, [x2]", {"x0": 64, "x2": 64}, {"x1": 64}),
    ("casp x0, x1, x2, x3, [x4]", {f"x{number}": 64 for number in range(5)}, {"x0": 64, "x1": 64}),
    ("fccmp d0, d1, #3, le", {"v0": 64, "v1": 64, "flags": 4}, {"flags": 4}),
    ("mrs x0, nzcv", {"flags": 4}, {"x0": 64}),
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


def test_parts_of_lanes_and_halves():
    def place(parts: tuple) -> list[tuple[int, int]]:
        return [(part.low, part.bits) for part in parts]

    assert place(decode(instruction("mov v0.s[3], w1")).writes) == [(96, 32)]
    assert place(decode(instruction("umov w0, v1.b[0xd]")).reads) == [(104, 8)]
    assert place(decode(instruction("sdot v0.4s, v1.16b, v2.4b[3]")).reads) == [(0, 128), (0, 128), (96, 32)]
    assert place(decode(instruction("saddw2 v0.8h, v1.8h, v2.16b")).reads) == [(0, 128), (64, 64)]
    assert place(decode(instruction("xtn2 v0.16b, v1.8h")).writes) == [(64, 64)]


def test_an_atomic_operation_loads_and_stores():
    access = decode(instruction("ldaddalb w0, w1, [x2]")).memory
    assert access is not None
    assert (access.size_bytes, access.is_store, access.is_atomic) == (1, False, True)


@pytest.mark.parametrize("text", ["add x0, x1, x2", "prfm pldl1keep, [x0]", "nop", "b #0x40"])
def test_no_memory_access(text):
    assert decode(instruction(text)).memory is None


def test_accumulator_is_known_unless_it_is_also_a_source():
    assert register_name(decode(instruction("uadalp v4.8h, v3.16b")).accumulator) == "v4"
    assert decode(instruction("uadalp v4.8h, v4.16b")).accumulator is None
    assert register_name(decode(instruction("fmadd d0, d1, d2, d3")).accumulator) == "v3"
    assert register_name(decode(instruction("madd x0, x1, x2, x3")).accumulator) == "x3"
    assert decode(instruction("madd x0, x1, x2, x1")).accumulator is None
    assert decode(instruction("add v4.8h, v4.8h, v3.8h")).accumulator is None


def test_writeback_base():
    assert decode(instruction("ldr q0, [x1], #0x10")).writeback == 1
    assert decode(instruction("ldr q0, [x1, #0x10]")).writeback is None


UNSUPPORTED = [
    "usdot v0.4s, v1.16b, v2.16b",
    "cntb x0",
    "dc zva, x0",
    "mrs x0, midr_el1",
    "msr daifset, #3",
    "add x0, x1, z2",
    ".word 0x00000000",
]


@pytest.mark.parametrize("text", UNSUPPORTED)
def test_unsupported_instruction_names_text_address_and_source(text):
    with pytest.raises(UnsupportedInstructionError) as caught:
        decode(instruction(text))
    message = str(caught.value)
    assert text in message
    assert "0x1000" in message
    assert "conv.S:12" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("word", "mnemonic", "operands"),
    [
        (0x04220020, "add", "z0.b, z1.b, z2.b"),
        (0x04A0E3E0, "cntw", "x0"),
        (0x85800000, "ldr", "p0, [x0]"),
        (0xC0080000, "zero", "{za}"),
    ],
)
def test_scalable_instructions_are_told_by_their_encoding(word, mnemonic, operands):
    """Their text can look like Advanced SIMD: ADD, LDR and MOV exist in both."""
    scalable = Instruction(0x1000, word, mnemonic, operands, "conv.S:12")
    with pytest.raises(UnsupportedInstructionError, match=f"conv.S:12 .*'{mnemonic} "):
        decode(scalable)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("retaa", "'retaa' of the ISA feature 'pauth': compile without it"),
        ("usdot v0.4s, v1.16b, v2.16b", "of the ISA feature 'i8mm'"),
        ("nonsense x0", "'nonsense x0': use another instruction"),
    ],
)
def test_what_is_not_described_names_its_extension(text, told):
    mnemonic, _, operands = text.partition(" ")
    with pytest.raises(UnsupportedInstructionError, match=told):
        decode(Instruction(0, 0, mnemonic, operands))
