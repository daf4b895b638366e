"""Puts assembled functions at fixed addresses and writes the image, as the linker would: in a thousandth of the time.

To start the linker takes as long as to assemble a kernel, and there is little for it to do: a kernel is one section of
code, whose only relocations are calls of another such function. `functions_of` tells whether an object file is of this
kind; anything else is for the linker. Addresses and code are those that the linker would give.

Formats: ELF-64 object files, "ELF for the Arm 64-bit Architecture" (relocations), DWARF 4, 6.2 (line programs).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, TypeAlias

CODE_ADDRESS: Final = 0x101_0120
"""Where the linker puts the code of an image at 0x1000000: a page of 64 KiB on, behind the file's headers."""

_ELF_HEADER: Final = struct.Struct("<16sHHIQQQIHHHHHH")
_PROGRAM_HEADER: Final = struct.Struct("<IIQQQQQQ")
_SECTION_HEADER: Final = struct.Struct("<IIQQQQIIQQ")
_SYMBOL: Final = struct.Struct("<IBBHQQ")
_RELOCATION: Final = struct.Struct("<QIIq")
_MAGIC: Final = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
_AARCH64, _EXECUTABLE_FILE, _LOAD, _READ_EXECUTE = 183, 2, 1, 5
_PROGBITS, _SYMTAB, _STRTAB, _RELA, _NOBITS = 1, 2, 3, 4, 8
_ALLOCATED, _EXECUTABLE = 2, 4  # in a section's flags
_GLOBAL: Final = 1

_ABS64, _JUMP26, _CALL26 = 257, 282, 283

_ABSOLUTE: Final = 0xFFF1
"""In place of a section's number, for symbols that the source sets to numbers: nearly all of a kernel's."""

_SET_ADDRESS: Final = bytes((0, 9, 2))
"""Opcode of the line program in front of the address of the code that a sequence of rows is about."""

# A compile unit that has nothing but its line program: length, version, abbreviations, address size; abbreviation 1.
_UNIT: Final = struct.Struct("<IHIBBI")
_UNIT_LENGTH, _DWARF_VERSION, _ADDRESS_BYTES = _UNIT.size - 4, 4, 8
_ABBREVIATIONS: Final = bytes((1, 0x11, 0, 0x10, 0x17, 0, 0, 0))
"""Number 1: DW_TAG_compile_unit, without children, with DW_AT_stmt_list as DW_FORM_sec_offset; end."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name in a function's code: offset, size, and ELF's type and binding."""

    name: str
    offset: int
    size: int
    info: int


_NUMBER: Final = Symbol("", 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PlacedLines:
    """The line program of a function, and where in it the addresses are: (position, offset into the code)."""

    program: bytes
    addresses: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AssembledFunction:
    """A section of code that can be placed.

    Attributes:
        code: Its bytes.
        alignment: Of its first.
        symbols: Names in it, mapping symbols ($x) too.
        calls: Offset of each branch to another function, and that one's name.
        lines: Where its instructions come from, None if that is unknown.

    """

    code: bytes
    alignment: int
    symbols: tuple[Symbol, ...]
    calls: tuple[tuple[int, str], ...]
    lines: PlacedLines | None


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    kind: int
    flags: int
    link: int
    info: int
    alignment: int
    data: bytes


_Relocation: TypeAlias = tuple[int, int, int, int]
"""Offset, type, number of the symbol, addend."""


def functions_of(data: bytes) -> dict[str, AssembledFunction] | None:
    """Return the sections of code of an object file by name; None if it holds what only the linker can place."""
    sections = _sections(data)
    code = [number for number, section in enumerate(sections) if section.flags & _EXECUTABLE and section.data]
    if any(section.flags & _ALLOCATED and section.data for n, section in enumerate(sections) if n not in code):
        return None
    symbols = _symbols(sections)
    functions = {}
    for number in code:
        calls = _calls(_relocations(sections, number), symbols)
        if calls is None:
            return None
        own = tuple(symbol for symbol, section in symbols if section == number and symbol.name)
        lines = _lines(sections, symbols, number)
        section = sections[number]
        functions[section.name] = AssembledFunction(section.data, section.alignment, own, calls, lines)
    return functions


def place(functions: Sequence[AssembledFunction], entry: str) -> bytes | None:
    """Return the image of functions that call each other; None if one calls, or `entry` is, what none of them defines.

    It is an ELF file for static execution with the code, its symbols and its lines.
    """
    starts = _starts(functions)
    addresses = {
        symbol.name: start + symbol.offset
        for function, start in zip(functions, starts, strict=True)
        for symbol in function.symbols
        if symbol.info >> 4 == _GLOBAL
    }
    called = {name for function in functions for _, name in function.calls}
    if not {entry, *called} <= set(addresses):
        return None
    code = bytearray()
    for function, start in zip(functions, starts, strict=True):
        code += bytes(start - starts[0] - len(code)) + _with_calls(function, start, addresses)
    return _image(bytes(code), starts[0], addresses[entry], [*zip(functions, starts, strict=True)])


def code_in(image: bytes) -> range:
    """Return where the code of an image lies in its file, in bytes."""
    header = _ELF_HEADER.unpack_from(image)
    table, count = header[5], header[10]
    headers = (_PROGRAM_HEADER.unpack_from(image, table + number * _PROGRAM_HEADER.size) for number in range(count))
    start, size = next((one[2], one[5]) for one in headers if one[:2] == (_LOAD, _READ_EXECUTE))
    return range(start, start + size)


def _sections(data: bytes) -> list[_Section]:
    header = _ELF_HEADER.unpack_from(data)
    table, count, names_at = header[6], header[12], header[13]
    headers = [_SECTION_HEADER.unpack_from(data, table + number * _SECTION_HEADER.size) for number in range(count)]

    def contents(kind: int, offset: int, size: int) -> bytes:
        return bytes(size) if kind == _NOBITS else data[offset : offset + size]

    names = contents(_STRTAB, *headers[names_at][4:6])
    return [
        _Section(_text_at(names, name), kind, flags, link, info, alignment, contents(kind, offset, size))
        for name, kind, flags, _, offset, size, link, info, alignment, _ in headers
    ]


def _text_at(names: bytes, position: int) -> str:
    return names[position : names.index(b"\0", position)].decode()


def _symbols(sections: Sequence[_Section]) -> list[tuple[Symbol, int]]:
    """Return every symbol of an object file with the number of its section; those that are numbers without names."""
    table = next(section for section in sections if section.kind == _SYMTAB)
    names = sections[table.link].data
    return [
        (_NUMBER if section == _ABSOLUTE else Symbol(_text_at(names, name), value, size, info), section)
        for name, info, _, section, value, size in _SYMBOL.iter_unpack(table.data)
    ]


def _relocations(sections: Sequence[_Section], number: int) -> list[_Relocation]:
    """Return the relocations of a section in the order of their offsets."""
    found = [section for section in sections if section.kind == _RELA and section.info == number]
    entries = (entry for section in found for entry in _RELOCATION.iter_unpack(section.data))
    return sorted((offset, kind, symbol, addend) for offset, kind, symbol, addend in entries)


def _calls(
    relocations: Sequence[_Relocation], symbols: Sequence[tuple[Symbol, int]]
) -> tuple[tuple[int, str], ...] | None:
    """Return the offsets and names of calls; None if anything else is relocated."""
    names = [(offset, kind, symbols[symbol][0].name, addend) for offset, kind, symbol, addend in relocations]
    if any(kind not in (_CALL26, _JUMP26) or addend or not name for _, kind, name, addend in names):
        return None
    return tuple((offset, name) for offset, _, name, _ in names)


def _lines(sections: Sequence[_Section], symbols: Sequence[tuple[Symbol, int]], function: int) -> PlacedLines | None:
    """Return the sequences of the object's line program that are about one section of code, behind its header."""
    number = next((number for number, section in enumerate(sections) if section.name == ".debug_line"), None)
    if number is None:
        return None
    program = sections[number].data
    relocations = [one for one in _relocations(sections, number) if one[1] == _ABS64]
    begins = [offset - len(_SET_ADDRESS) for offset, *_ in relocations]
    if not begins or any(program[at : at + len(_SET_ADDRESS)] != _SET_ADDRESS for at in begins):
        return None
    kept, addresses = bytearray(program[: begins[0]]), []
    for (begin, end), (_, _, symbol, addend) in zip(pairwise([*begins, len(program)]), relocations, strict=True):
        target, section = symbols[symbol]
        if section == function:
            addresses.append((len(kept) + len(_SET_ADDRESS), target.offset + addend))
            kept += program[begin:end]
    kept[:4] = struct.pack("<I", len(kept) - 4)
    return PlacedLines(bytes(kept), tuple(addresses))


def _starts(functions: Sequence[AssembledFunction]) -> list[int]:
    """Return the address of each function, one behind the other."""
    starts: list[int] = []
    free = _aligned(CODE_ADDRESS, max(function.alignment for function in functions))
    for function in functions:
        starts.append(_aligned(free, function.alignment))
        free = starts[-1] + len(function.code)
    return starts


def _aligned(address: int, alignment: int) -> int:
    return -(-address // alignment) * alignment


def _with_calls(function: AssembledFunction, start: int, addresses: Mapping[str, int]) -> bytes:
    """Return a function's code at its address, with the distances that its branches jump: 26 bits of instructions."""
    code = bytearray(function.code)
    for offset, name in function.calls:
        (branch,) = struct.unpack_from("<I", code, offset)
        distance = (addresses[name] - start - offset) // 4
        struct.pack_into("<I", code, offset, branch & ~0x3FF_FFFF | distance & 0x3FF_FFFF)
    return bytes(code)


def _image(code: bytes, address: int, entry: int, functions: Sequence[tuple[AssembledFunction, int]]) -> bytes:
    units, programs = _debug_sections(functions)
    symbols, names, local_symbols = _symbol_table(functions)
    sections = [
        (".text", _PROGBITS, _ALLOCATED | _EXECUTABLE, 0, 0, 0, code),
        (".debug_info", _PROGBITS, 0, 0, 0, 0, units),
        (".debug_abbrev", _PROGBITS, 0, 0, 0, 0, _ABBREVIATIONS),
        (".debug_line", _PROGBITS, 0, 0, 0, 0, programs),
        (".symtab", _SYMTAB, 0, 6, local_symbols, _SYMBOL.size, symbols),
        (".strtab", _STRTAB, 0, 0, 0, 0, names),
    ]
    label_text = "\0".join(["", *(name for name, *_ in sections), ".shstrtab", ""])
    sections.append((".shstrtab", _STRTAB, 0, 0, 0, 0, label_text.encode()))
    body, headers = bytearray(), [bytes(_SECTION_HEADER.size)]
    first = address & 0xFFFF  # as far into the file as into a page
    for name, kind, flags, link, info, entry_bytes, data in sections:
        at = label_text.index(f"\0{name}\0") + 1
        where = address if flags else 0
        headers.append(
            _SECTION_HEADER.pack(at, kind, flags, where, first + len(body), len(data), link, info, 1, entry_bytes)
        )
        body += data
    header = _ELF_HEADER.pack(
        _MAGIC,
        _EXECUTABLE_FILE,
        _AARCH64,
        1,
        entry,
        _ELF_HEADER.size,
        first + len(body),
        0,
        _ELF_HEADER.size,
        _PROGRAM_HEADER.size,
        1,
        _SECTION_HEADER.size,
        len(headers),
        len(headers) - 1,
    )
    segment = _PROGRAM_HEADER.pack(_LOAD, _READ_EXECUTE, first, address, address, len(code), len(code), 0x1_0000)
    return (header + segment).ljust(first, b"\0") + bytes(body) + b"".join(headers)


def _debug_sections(functions: Sequence[tuple[AssembledFunction, int]]) -> tuple[bytes, bytes]:
    """Return a compile unit for each function whose lines are known, and their line programs."""
    units, programs = bytearray(), bytearray()
    for function, start in functions:
        if function.lines is None:
            continue
        units += _UNIT.pack(_UNIT_LENGTH, _DWARF_VERSION, 0, _ADDRESS_BYTES, 1, len(programs))
        program = bytearray(function.lines.program)
        for position, offset in function.lines.addresses:
            struct.pack_into("<Q", program, position, start + offset)
        programs += program
    return bytes(units), bytes(programs)


def _symbol_table(functions: Sequence[tuple[AssembledFunction, int]]) -> tuple[bytes, bytes, int]:
    """Return the entries, the names, and how many entries come first as local ones, the empty one included."""
    names, entries = bytearray(b"\0"), [bytes(_SYMBOL.size)]
    ordered = sorted(_all_symbols(functions), key=lambda found: found[0].info >> 4 == _GLOBAL)
    for symbol, start in ordered:
        entries.append(_SYMBOL.pack(len(names), symbol.info, 0, 1, start + symbol.offset, symbol.size))
        names += symbol.name.encode() + b"\0"
    return b"".join(entries), bytes(names), 1 + sum(symbol.info >> 4 != _GLOBAL for symbol, _ in ordered)


def _all_symbols(functions: Sequence[tuple[AssembledFunction, int]]) -> Iterator[tuple[Symbol, int]]:
    return ((symbol, start) for function, start in functions for symbol in function.symbols)
