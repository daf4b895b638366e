"""Linked AArch64 code as the machine loads it: segments, symbols and the disassembled program with its source lines."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from elftools.elf.structs import ELFStructs

from isa_models.disassembly import data_text, instruction_text
from isa_models.errors import ImageError, InputError
from isa_models.line_table import LineTable
from isa_models.near_match import did_you_mean
from isa_models.program import INSTRUCTION_BYTES, Program
from isa_models.symbols import Function, MissingWord, SymbolTable, read_symbols

PAGE_BYTES = 4096
RELOCATED_BASE = 0x10_0000
"""Where an ET_DYN image that was linked at 0 is put, so that null pointers still fault."""
LOWEST_ADDRESS = 0x1_0000
HIGHEST_ADDRESS = 0x1_0000_0000
"""Images live in [64 KiB, 4 GiB); the machine puts buffers and the stack above."""
LARGEST_SEGMENT_BYTES = 256 << 20

_SEGMENT_EXECUTABLE, _SEGMENT_WRITABLE = 1, 2  # in p_flags
_SECTION_LOADED = 2  # in sh_flags
_UNDEFINED_INSTRUCTION = bytes(INSTRUCTION_BYTES)  # UDF #0
_MOST_NAMES = 10
"""Symbols that an error lists."""


@dataclass(frozen=True)
class Segment:
    """A stretch of loaded memory.

    Attributes:
        address: Of its first byte; not necessarily the start of a page.
        contents: Its initial bytes, zero-filled to the size in memory.
        writable: Whether the code may store to it; never true for an executable one.
        executable: Whether it holds code.

    """

    address: int
    contents: bytes
    writable: bool
    executable: bool

    @property
    def end(self) -> int:
        """Address after its last byte."""
        return self.address + len(self.contents)

    @property
    def kind(self) -> str:
        """What a person would call it: "code", "data" or "read-only data"."""
        if self.executable:
            return "code"
        return "data" if self.writable else "read-only data"


@dataclass(frozen=True)
class Image:
    """A linked program.

    Attributes:
        segments: In ascending order of address, on pages of their own.
        symbols: Address of each defined named symbol.
        program: All executable code.
        digest: SHA-256 of what is loaded and of the symbols; line information does not enter.
        functions: What can be called, in ascending order of address; assembly's labels too.
        missing: Address of each instruction that refers to an undefined symbol -> that symbol's name. Only a linker
            that was told to leave them so leaves any. The segments, but not the program, hold an undefined instruction
            there, so that only code that comes there fails.
        missing_words: Address of each word of data that should hold that of an undefined symbol, and holds 0.
        ambiguous: Names that several local functions have and no global one; `functions` has one of them.

    """

    segments: tuple[Segment, ...]
    symbols: dict[str, int]
    program: Program
    digest: str
    functions: tuple[Function, ...] = ()
    missing: dict[int, str] = field(default_factory=dict)
    missing_words: dict[int, MissingWord] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()

    @classmethod
    def from_elf(cls, data: bytes, *, lines_on_demand: bool = False) -> Image:
        """Read a static AArch64 ELF file (ET_EXEC, or ET_DYN that needs no relocation).

        Args:
            data: The file.
            lines_on_demand: Whether to read source lines only when the first is asked for, which takes as long as all
                the rest; for files whose line information is known to be well formed, as it is then not checked here.

        Raises:
            ImageError: Not ELF, malformed, of another architecture, not linked, or outside the addresses that the
                machine can load.

        """
        try:
            return _read(data, lines_on_demand)
        except ImageError:
            raise
        except Exception as error:  # pyelftools answers damaged bytes with whatever exception they lead to
            detail = " ".join(str(error).split()) or type(error).__name__
            raise ImageError(f"malformed ELF file ({detail}): assemble and link it again") from error

    def address_of(self, symbol: str) -> int:
        """Address of a symbol; raises `InputError` that names like or defined ones where there is no such symbol."""
        try:
            return self.symbols[symbol]
        except KeyError:
            raise InputError(f"no symbol '{symbol}' in the image; {self._hint(symbol)}") from None

    def _hint(self, symbol: str) -> str:
        names = sorted(function.name for function in self.functions if function.is_global) or sorted(self.symbols)
        more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
        return did_you_mean(symbol, self.symbols, f"defined: {', '.join(names[:_MOST_NAMES]) or 'none'}{more}")


class _Structs(ELFStructs):  # type: ignore[misc]  # pyelftools has no types
    """The parsers of an ELF file's parts, which take most of the time to open one: files of a kind share them."""

    def create_advanced_structs(
        self, e_type: str | None = None, e_machine: str | None = None, e_ident_osabi: str | None = None
    ) -> None:
        self.__dict__.update(_made(self.little_endian, self.elfclass, e_type, e_machine, e_ident_osabi))


@lru_cache(maxsize=16)
def _made(
    little_endian: bool, elfclass: int, e_type: str | None, e_machine: str | None, osabi: str | None
) -> dict[str, Any]:
    structs = ELFStructs(little_endian=little_endian, elfclass=elfclass)
    structs.create_basic_structs()
    structs.create_advanced_structs(e_type, e_machine, osabi)
    return dict(structs.__dict__)


class _ElfFile(ELFFile):  # type: ignore[misc]  # pyelftools has no types
    """An ELF file that reads each section's header once, however often its sections are gone through."""

    def __init__(self, data: bytes) -> None:
        self._sections: dict[int, Any] = {}  # first, as the base class looks for sections while it is made
        super().__init__(BytesIO(data))

    @property
    def structs(self) -> _Structs:
        return self._structs

    @structs.setter
    def structs(self, structs: Any) -> None:
        self._structs = _Structs(structs.little_endian, structs.elfclass)

    def get_section(self, n: int, type: Any = None) -> Any:  # the base class's name
        if type is not None:
            return super().get_section(n, type)
        if n not in self._sections:
            self._sections[n] = super().get_section(n)
        return self._sections[n]


def _read(data: bytes, lines_on_demand: bool) -> Image:
    elf = _ElfFile(data)
    _refuse_foreign(elf)
    _refuse_unlinked(elf)
    base = _load_base(elf)
    segments = _segments(elf, base, len(data))
    table = read_symbols(elf, base)
    lines = LineTable(elf, base)
    if not lines_on_demand:
        lines.read()
    program = _disassemble(segments, lines, table)
    digest = _digest(segments, table.addresses)
    return Image(
        segments=tuple(_with_traps(segment, table.missing) for segment in segments),
        symbols=table.addresses,
        program=program,
        digest=digest,
        functions=table.functions,
        missing=table.missing,
        missing_words=table.missing_words,
        ambiguous=table.ambiguous,
    )


def _refuse_foreign(elf: Any) -> None:
    if elf["e_machine"] != "EM_AARCH64" or elf.elfclass != 64 or not elf.little_endian:
        kind = f"{elf['e_machine']}, {elf.elfclass}-bit, {'little' if elf.little_endian else 'big'}-endian"
        raise ImageError(f"not little-endian AArch64 code but {kind}: assemble for aarch64")


def _refuse_unlinked(elf: Any) -> None:
    pending = [
        (section, relocation)
        for section in elf.iter_sections()
        if section["sh_type"] in ("SHT_REL", "SHT_RELA") and _is_pending(elf, section)
        for relocation in section.iter_relocations()
    ]
    if pending:
        section, first = pending[0]
        names = elf.get_section(section["sh_link"])
        name = names.get_symbol(first["r_info_sym"]).name if isinstance(names, SymbolTableSection) else ""
        against = f" against '{name}'" if name else ""
        raise ImageError(
            f"image needs {len(pending)} relocations, the first{against} at offset {first['r_offset']:#x}: "
            "link it statically at a fixed address"
        )
    if elf["e_type"] not in ("ET_EXEC", "ET_DYN"):
        raise ImageError(f"ELF file of type {elf['e_type']}, not an executable image: link it")


def _is_pending(elf: Any, section: Any) -> bool:
    """Whether a section's relocations are for a loader to do, rather than kept by the linker or for debuggers."""
    concerned = elf.get_section(section["sh_info"]) if elf["e_type"] == "ET_REL" else section
    return bool(concerned["sh_flags"] & _SECTION_LOADED)


def _load_base(elf: Any) -> int:
    lowest = min((segment["p_vaddr"] for segment in elf.iter_segments("PT_LOAD")), default=None)
    if lowest is None:
        raise ImageError("ELF file has no loadable segment: link it with its code")
    return RELOCATED_BASE if elf["e_type"] == "ET_DYN" and lowest < LOWEST_ADDRESS else 0


def _segments(elf: Any, base: int, file_size: int) -> tuple[Segment, ...]:
    segments = [
        _segment(segment, base, file_size) for segment in elf.iter_segments("PT_LOAD") if segment["p_memsz"] > 0
    ]
    segments.sort(key=lambda segment: segment.address)
    for before, after in pairwise(segments):
        if before.end > after.address // PAGE_BYTES * PAGE_BYTES:
            raise ImageError(
                f"segments at {before.address:#x} and {after.address:#x} share a page: link with -z separate-code"
            )
    return tuple(segments)


def _segment(header: Any, base: int, file_size: int) -> Segment:
    address, size, stored = base + header["p_vaddr"], header["p_memsz"], header["p_filesz"]
    if stored > size or header["p_offset"] + stored > file_size:
        raise ImageError(f"malformed ELF file (segment at {address:#x} lies outside the file): link it again")
    if size > LARGEST_SEGMENT_BYTES:
        raise ImageError(
            f"segment at {address:#x} has {size} bytes, more than {LARGEST_SEGMENT_BYTES}: make it smaller"
        )
    if address < LOWEST_ADDRESS or address + size > HIGHEST_ADDRESS:
        raise ImageError(
            f"segment at {address:#x} lies outside [{LOWEST_ADDRESS:#x}, {HIGHEST_ADDRESS:#x}): link it elsewhere"
        )
    executable = bool(header["p_flags"] & _SEGMENT_EXECUTABLE)
    writable = bool(header["p_flags"] & _SEGMENT_WRITABLE) and not executable
    return Segment(address, header.data().ljust(size, b"\0"), writable, executable)


def _disassemble(segments: tuple[Segment, ...], lines: LineTable, table: SymbolTable) -> Program:
    starts = [address for address, _ in table.mapping]

    def is_data(address: int) -> bool:
        position = bisect_right(starts, address) - 1
        return position >= 0 and table.mapping[position][1]

    addresses: list[int] = []
    words: list[int] = []
    texts: list[tuple[str, str]] = []
    for segment in segments:
        if not segment.executable:
            continue
        if segment.address % INSTRUCTION_BYTES:
            raise ImageError(f"code segment at {segment.address:#x} is not aligned to {INSTRUCTION_BYTES} bytes")
        whole = segment.contents[: len(segment.contents) // INSTRUCTION_BYTES * INSTRUCTION_BYTES]
        found = struct.unpack(f"<{len(whole) // INSTRUCTION_BYTES}I", whole)
        places = range(segment.address, segment.address + len(whole), INSTRUCTION_BYTES)
        texts += map(instruction_text, found, places)
        addresses += places
        words += found
    if not words:
        raise ImageError("image has no executable code: assemble some into .text")
    if any(is_data for _, is_data in table.mapping):
        texts = [
            data_text(word) if is_data(address) else text
            for address, word, text in zip(addresses, words, texts, strict=True)
        ]
    return Program(addresses, words, texts, lines.find)


def _with_traps(segment: Segment, addresses: Iterable[int]) -> Segment:
    """Return the segment with an undefined instruction at those of the addresses that it holds."""
    held = [address - segment.address for address in addresses if segment.address <= address < segment.end]
    if not held:
        return segment
    contents = bytearray(segment.contents)
    for offset in held:
        contents[offset : offset + INSTRUCTION_BYTES] = _UNDEFINED_INSTRUCTION
    return replace(segment, contents=bytes(contents))


def _digest(segments: tuple[Segment, ...], symbols: dict[str, int]) -> str:
    digest = hashlib.sha256()
    for segment in segments:
        digest.update(f"{segment.address:x} {segment.kind} {len(segment.contents)}\n".encode())
        digest.update(segment.contents)
    for name in sorted(symbols):
        digest.update(f"{name} {symbols[name]:x}\n".encode())
    return digest.hexdigest()
