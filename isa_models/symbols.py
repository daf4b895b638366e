"""Symbols of an ELF image: names of addresses, functions, data in the code, and references that lead nowhere."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from elftools.elf.sections import SymbolTableSection

_SECTION_LOADED, _SECTION_EXECUTABLE = 2, 4  # in sh_flags

_ENTRY = struct.Struct("<IBBHQQ")
"""A symbol of a 64-bit ELF file: name, type and binding, visibility, section, value, size.

Read at once: pyelftools parses them one by one, which takes as long as the disassembly.
"""

_TYPE_NONE, _TYPE_FUNCTION, _TYPE_FILE = 0, 2, 4
_FUNCTION_TYPES = (_TYPE_FUNCTION, _TYPE_NONE)
_BINDING_LOCAL, _BINDING_GLOBAL = 0, 1
_VISIBILITY_INTERNAL, _VISIBILITY_HIDDEN = 1, 2
_MADE_LOCAL = (_VISIBILITY_INTERNAL, _VISIBILITY_HIDDEN)
"""Visibilities of global symbols that a linker makes local: no other program can see them, but other files could."""
_UNDEFINED = 0  # as a section
_WORD_BYTES = {257: 8, 258: 4, 259: 2, 260: 8, 261: 4, 262: 2}
"""Type of a relocation of data, R_AARCH64_ABS64 to R_AARCH64_PREL16 of the ELF ABI -> bytes of the word."""


class _Symbol(NamedTuple):
    """An entry of a symbol table; `number` is its place there, `section` the number of the section that it lies in.

    One that is not needed is weak, and may stay undefined: it is 0, and a call to it does nothing.
    """

    number: int
    name: str
    kind: int
    is_global: bool
    is_needed: bool
    section: int
    value: int


@dataclass(frozen=True, slots=True)
class Function:
    """A named place in the code that can be called.

    Attributes:
        name: Of its symbol.
        address: Of its first instruction.
        is_global: Whether other files may call it; those of its library may call a hidden one.
        is_typed: Whether the source says that it is a function; any label in assembly may be one.

    """

    name: str
    address: int
    is_global: bool
    is_typed: bool


class MissingWord(NamedTuple):
    """A word of data that should hold the address of an undefined symbol: the symbol's name, and bytes of the word."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """What the symbols of an image say.

    Attributes:
        addresses: Address of each defined symbol; a global one hides local ones of its name.
        functions: Those in executable sections, in ascending order of address.
        mapping: (address, whether data starts there) of the mapping symbols of the AArch64 ELF ABI, ascending.
        missing: Address of each instruction that refers to an undefined symbol -> that symbol's name.
        missing_words: Address of each word of data that does, literal pools of the code included.
        ambiguous: Names that several local functions have, of different files, and no global one.

    """

    addresses: dict[str, int]
    functions: tuple[Function, ...]
    mapping: tuple[tuple[int, bool], ...]
    missing: dict[int, str]
    missing_words: dict[int, MissingWord]
    ambiguous: frozenset[str]


def read_symbols(elf: Any, base: int) -> SymbolTable:
    """Read the symbol table of a linked ELF file; `base` is added to its addresses."""
    table = elf.get_section_by_name(".symtab")
    if not isinstance(table, SymbolTableSection):
        return SymbolTable({}, (), (), {}, {}, frozenset())
    code = {number for number, section in enumerate(elf.iter_sections()) if section["sh_flags"] & _SECTION_EXECUTABLE}
    addresses: dict[str, int] = {}
    functions: dict[str, Function] = {}
    mapping: list[tuple[int, bool]] = []
    undefined: dict[int, str] = {}
    ambiguous: set[str] = set()
    for symbol in _named(elf, table):
        if symbol.section == _UNDEFINED:
            if symbol.is_needed:
                undefined[symbol.number] = symbol.name
            continue
        address = base + symbol.value
        if symbol.name.startswith(("$x", "$d")):
            if symbol.section in code:
                mapping.append((address, symbol.name.startswith("$d")))
            continue
        addresses[symbol.name] = address
        if symbol.section in code and symbol.kind in _FUNCTION_TYPES:
            is_typed = symbol.kind == _TYPE_FUNCTION
            known = functions.get(symbol.name)
            if symbol.is_global:
                ambiguous.discard(symbol.name)
            elif known is not None and known.address != address:
                ambiguous.add(symbol.name)
            functions[symbol.name] = Function(symbol.name, address, symbol.is_global, is_typed)
    missing, missing_words = _missing(elf, base, undefined) if undefined else ({}, {})
    return SymbolTable(
        addresses,
        tuple(sorted(functions.values(), key=lambda function: (function.address, function.name))),
        tuple(sorted(mapping)),
        missing,
        missing_words,
        frozenset(ambiguous),
    )


def _named(elf: Any, table: SymbolTableSection) -> list[_Symbol]:
    """Return the symbols that have a name and are no file, global ones last, so that they win over local ones."""
    names = elf.get_section(table["sh_link"]).data()
    symbols = []
    for number, (name_at, info, other, section, value, _) in enumerate(_ENTRY.iter_unpack(table.data())):
        name = names[name_at : names.index(b"\0", name_at)].decode(errors="replace")
        kind, binding = info & 0xF, info >> 4
        is_global = binding != _BINDING_LOCAL or other & 0b11 in _MADE_LOCAL
        if name and kind != _TYPE_FILE:
            symbols.append(_Symbol(number, name, kind, is_global, binding == _BINDING_GLOBAL, section, value))
    return sorted(symbols, key=lambda symbol: symbol.is_global)


def _missing(elf: Any, base: int, undefined: dict[int, str]) -> tuple[dict[int, str], dict[int, MissingWord]]:
    """Look through the relocations that the linker kept for those of what is loaded against undefined symbols."""
    instructions, words = dict[int, str](), dict[int, MissingWord]()
    for section in elf.iter_sections():
        if section["sh_type"] != "SHT_RELA" or not section["sh_info"]:
            continue
        flags = elf.get_section(section["sh_info"])["sh_flags"]
        if not flags & _SECTION_LOADED:
            continue
        for relocation in section.iter_relocations():
            name = undefined.get(relocation["r_info_sym"])
            if name is None:
                continue
            address, size = base + relocation["r_offset"], _WORD_BYTES.get(relocation["r_info_type"])
            if size is not None:
                words[address] = MissingWord(name, size)
            elif flags & _SECTION_EXECUTABLE:
                instructions[address] = name
    return instructions, words
