"""Puts a source many times into one, each time with other symbols, so that one run of the assembler does for all.

To start the assembler takes as long as to assemble two kernels of a search. Each copy has a section of its own, and its
macros and labels have names of their own; symbols that are set to numbers can be set again, and keep theirs. Not every
source can be copied so: a macro that makes the name of another of its argument is an error, and a symbol that is set
in some copies only is seen by later ones. Tests compare the code of the kernels with that of each alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_MARK: Final = "\0"
"""In the text, where the number of the copy comes."""

_NUMBERED: Final = "__copy"
_MACRO = re.compile(r"^[ \t]*\.macro\s+(\w+)", re.MULTILINE)
_LABEL = re.compile(r"^[ \t]*([A-Za-z_.]\w*):", re.MULTILINE)
_TEXT_SECTION = re.compile(r"^[ \t]*\.text[ \t]*$", re.MULTILINE)


def side_by_side(text: str, copies: Sequence[Mapping[str, int]]) -> str:
    """Return an assembler source with a copy of `text`, as the preprocessor leaves it, for each set of symbols."""
    marked = _marked(text)
    return "".join(
        "".join(f".set {name}, {value}\n" for name, value in symbols.items())
        + marked.replace(_MARK, f"{_NUMBERED}{number}")
        for number, symbols in enumerate(copies)
    )


def section_of(copy: int) -> str:
    """Return the section that holds the code of a copy."""
    return f".text{_NUMBERED}{copy}"


def name_in_source(name: str) -> str:
    """Return the name that a label of a copy has in the source."""
    return name.partition(_NUMBERED)[0]


@lru_cache(maxsize=16)
def _marked(text: str) -> str:
    """Return the text with the mark behind each name that must differ between copies."""
    names = sorted({*_MACRO.findall(text), *_LABEL.findall(text)}, key=len, reverse=True)
    uses = re.compile(rf"(?<![\w.\\])(?:{'|'.join(map(re.escape, names))})(?!\w)")

    # Lines that begin so tell where the next one comes from, as the preprocessor writes them.
    lines = (
        line if line.startswith("#") else uses.sub(lambda found: found[0] + _MARK, line)
        for line in text.splitlines(keepends=True)
    )
    return _TEXT_SECTION.sub(f'.section .text{_MARK}, "ax"', "".join(lines))
