"""Linked images load with symbols, text and source lines; everything else is refused in one line."""

from __future__ import annotations

import struct

import capstone
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isa_models import Buffer, Image, ImageError, InputError, Machine, MemoryFaultError, Pointer, Program
from tests.fuzz import examples

BODY = """
    ldr w2, 1f
    adrp x3, table
    add x3, x3, :lo12:table
    ldr w3, [x3]
    add w0, w2, w3
    ret
1:  .word 0x1000
    .inst 0x6e205820
.data
table: .word 7
.bss
room: .skip 4096
"""


def test_program(assemble):
    image = Image.from_elf(assemble(BODY))
    first = image.program.instructions[0]
    assert first.address == image.address_of("f")
    assert [item.mnemonic for item in image.program.instructions][-5:-2] == ["ldr", "add", "ret"]
    assert [item.mnemonic for item in image.program.instructions][-2:] == [".word", "mvn"]
    assert first.source == "snippet.S:6"
    assert first.word == 0x18000000 | 6 << 5 | 2
    assert image.program.index_of(first.address + 8) == 2
    assert image.program.find(first.address + 2) is None


def test_lines_on_demand_are_those_of_images_that_are_read_whole(assemble):
    elf = assemble(BODY)
    whole, on_demand = Image.from_elf(elf).program, Image.from_elf(elf, lines_on_demand=True).program
    assert on_demand.instructions == whole.instructions
    assert [one.source for one in on_demand.instructions] == [one.source for one in whole.instructions]
    assert on_demand.instruction(0).source == "snippet.S:6"


def test_text_is_that_of_a_disassembly_of_the_whole(assemble):
    """Texts are remembered by word; those that name addresses must not be, however often a word comes again."""
    body = "\n".join(["1: adr x0, 1b", "b 1b", "ldr x1, 1b", "cbz x2, 1b", "tbz x3, #4, 1b", "b.eq 1b", "bl 1b"] * 2)
    image = Image.from_elf(assemble(f"{body}\nadrp x4, f\nmovi v0.16b, #3\nmovi v0.16b, #3\n.inst 0\nret"))
    code = next(segment for segment in image.segments if segment.executable)
    disassembler = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    disassembler.skipdata = True
    whole = [tuple(one) for one in disassembler.disasm_lite(code.contents, code.address)]
    assert len(whole) == len(image.program) >= 19
    for (address, _, mnemonic, operands), instruction in zip(whole, image.program.instructions, strict=True):
        assert instruction.address == address
        assert instruction.is_data or (instruction.mnemonic, instruction.operands) == (mnemonic, operands)
    assert sum(instruction.is_data for instruction in image.program.instructions) <= 1


def test_closed_machine_runs_again(assemble):
    machine = Machine(Image.from_elf(assemble("mov x0, #5\nret")))
    for _ in range(2):
        assert machine.call("f", trace=True).x0 == machine.call("f").x0 == 5
        machine.close()


def test_data_in_code_is_not_an_instruction(assemble):
    """Literals, which mapping symbols mark, even where they decode as instructions."""
    image = Image.from_elf(assemble("b 1f\n.word 0x6e205820\n1: ret\n.word 0xffffffff\n"))
    assert [item.text for item in image.program.instructions][1:] == [".word 0x6e205820", "ret", ".word 0xffffffff"]
    assert image.program.instructions[1].is_data


def test_data_segments_start_afresh_in_every_call(assemble):
    body = "adrp x3, n\nadd x3, x3, :lo12:n\nldr w0, [x3]\nadd w0, w0, #1\nstr w0, [x3]\nret\n.data\nn: .word 41\n"
    machine = Machine(Image.from_elf(assemble(body)))
    assert [machine.call("f").x0 for _ in range(3)] == [42, 42, 42]
    assert Machine(Image.from_elf(assemble(BODY))).call("f").x0 == 0x1007


def test_without_debug_information(assemble):
    image = Image.from_elf(assemble("ldr x0, [x1]\nret", "-g0", "-Wl,-s", "-Wl,--export-dynamic"))
    assert all(item.source is None for item in image.program.instructions)
    assert image.program.instructions[0].text == "ldr x0, [x1]"


def test_position_independent_image_is_moved_off_zero(assemble):
    image = Image.from_elf(assemble("mov x0, #5\nret", "-static-pie", "-Wl,--no-dynamic-linker"))
    assert image.segments[0].address >= 0x1_0000
    assert Machine(image).call("f").x0 == 5
    assert image.program.instructions[image.program.index_of(image.address_of("f"))].source == "snippet.S:5"


def test_digest_depends_on_code_not_on_debug_information(assemble):
    body = "mov x0, #1\nret"
    assert Image.from_elf(assemble(body)).digest == Image.from_elf(assemble(f"// moved\n{body}")).digest
    assert Image.from_elf(assemble(body)).digest != Image.from_elf(assemble("mov x0, #2\nret")).digest


def test_unlinked_object(assemble):
    with pytest.raises(ImageError, match=r"image needs 1 relocations, the first against 'g' at offset 0x0: link it"):
        Image.from_elf(assemble("b g\n.globl g\ng: ret", link=False))
    with pytest.raises(ImageError, match=r"ET_REL, not an executable image: link it"):
        Image.from_elf(assemble("ret", "-g0", link=False))


def test_other_architecture(assemble):
    data = bytearray(assemble("ret"))
    data[18:20] = struct.pack("<H", 62)
    with pytest.raises(ImageError, match="EM_X86_64"):
        Image.from_elf(bytes(data))


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"not an ELF file at all", bytes(4096)])
def test_not_elf(data):
    with pytest.raises(ImageError, match="malformed ELF file"):
        Image.from_elf(data)


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_damaged_bytes_never_escape_as_another_exception(assemble, data):
    good = assemble("ldr x0, [x1]\nret")
    damaged = bytearray(good[: data.draw(st.integers(0, len(good)))])
    for _ in range(data.draw(st.integers(0, 4))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        Image.from_elf(bytes(damaged))
    except ImageError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_unknown_symbol(assemble):
    with pytest.raises(InputError, match="no symbol 'g' in the image; defined: f"):
        Machine(Image.from_elf(assemble("ret"))).call("g")


def test_program_must_ascend():
    with pytest.raises(InputError, match="ascending"):
        Program([0x1000] * 2, [0xD65F03C0] * 2, [("ret", "")] * 2)


def test_index_of_unknown_address(assemble):
    program = Image.from_elf(assemble("ret")).program
    with pytest.raises(InputError, match="no instruction at address 0x4"):
        program.index_of(4)


def test_code_is_not_writable_even_where_linked_so(assemble):
    image = Image.from_elf(assemble('b 1f\n.section both, "awx"\n1: str w0, [x0]\nret'))
    assert [segment.writable for segment in image.segments if segment.executable] == [False, False]
    machine = Machine(image)
    assert machine.call("f", [Pointer("a")], [Buffer("a", 4, writable=True)]).instructions == 3
    with pytest.raises(MemoryFaultError, match="the image's code"):
        machine.call("f", [image.program.instructions[-1].address])
