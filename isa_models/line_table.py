"""Source lines by address, from the DWARF line programs of an ELF image (any version that pyelftools reads)."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any


class LineTable:
    """Where each address of a linked ELF file comes from; the file is looked into when the first address is.

    Args:
        elf: The file; linked, so that its debug sections need no relocation.
        base: Added to the addresses in the file.

    """

    def __init__(self, elf: Any, base: int) -> None:
        self._elf = elf
        self._base = base

    def read(self) -> None:
        """Look into the file now; raises whatever a malformed one leads pyelftools to."""
        _ = self._columns

    def find(self, address: int) -> str | None:
        """Return "file:line", None where there is no information; raises as `read`."""
        addresses, lines = self._columns
        position = bisect_right(addresses, address) - 1
        return lines[position] if position >= 0 else None

    @cached_property
    def _columns(self) -> tuple[list[int], list[str | None]]:
        """Addresses, ascending, and the lines that begin there."""
        rows: list[tuple[int, str | None]] = []
        if self._elf.has_dwarf_info():
            dwarf = self._elf.get_dwarf_info(relocate_dwarf_sections=False)
            for unit in dwarf.iter_CUs():
                program = dwarf.line_program_for_CU(unit)
                if program is not None:
                    rows += _rows(program, self._base)
        # A sequence may start where another ends; its first row must win, so ends sort first.
        rows.sort(key=lambda row: (row[0], row[1] is not None))
        return [address for address, _ in rows], [line for _, line in rows]


def _rows(program: Any, base: int) -> list[tuple[int, str | None]]:
    header = program.header
    first_file = 0 if header["version"] >= 5 else 1
    names = [PurePosixPath(entry.name.decode(errors="replace")).name for entry in header["file_entry"]]
    rows: list[tuple[int, str | None]] = []
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        has_line = state.line and not state.end_sequence  # line 0 stands for none
        line = f"{names[state.file - first_file]}:{state.line}" if has_line else None
        rows.append((base + state.address, line))
    return rows
