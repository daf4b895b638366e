"""Kernel sources mean the same to GNU as and to LLVM's assembler, so that an exported design builds with either.

Two things do not, in macros and under `.altmacro`, which every source uses (gas/macro.c of binutils 2.40): GNU as takes
names of macros in any case, so that a macro ADD hides the instruction `add`; and it swallows one character of the `&&`
that follows a name at once, so that `.if NAME && ...` becomes `.if NAME & ...`.
"""

import re
from pathlib import Path

import pytest

from kernels_asm.assembler import SOURCES

FILES = sorted(path for path in SOURCES.rglob("*") if path.suffix in (".S", ".inc"))
MACRO = re.compile(r"^\s*\.macro\s+(\w+)", re.MULTILINE)
INSTRUCTION = re.compile(r"^\s+([a-z][a-z0-9]*)\b", re.MULTILINE)
NAME_BEFORE_AND = re.compile(r"(?<![\w.\\])[A-Za-z_]\w*\s*&&")


def code(path: Path) -> str:
    """Return the text without comments."""
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def in_macros(text: str) -> list[str]:
    """Return the lines inside macros, and the preprocessor's definitions, which go there."""
    depth, inside = 0, []
    for line in text.splitlines():
        depth += line.strip().startswith(".macro")
        if depth or line.startswith("#define"):
            inside.append(line)
        depth -= line.strip().startswith(".endm")
    assert depth == 0
    return inside


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_macro_hides_an_instruction(path: Path) -> None:
    instructions = {name for file in FILES for name in INSTRUCTION.findall(code(file))}
    assert {"add", "eor", "ldp"} <= instructions
    assert not {name for name in MACRO.findall(code(path)) if name.lower() in instructions}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_name_stands_before_an_and(path: Path) -> None:
    assert not [line.strip() for line in in_macros(code(path)) if NAME_BEFORE_AND.search(line)]


def test_what_is_looked_for_is_found() -> None:
    text = ".macro ADD x\n.if (A) && B && \\x == 2\n.endif\n.endm\n.if A && 1\n"
    assert MACRO.findall(text) == ["ADD"]
    assert [line for line in in_macros(text) if NAME_BEFORE_AND.search(line)] == [".if (A) && B && \\x == 2"]
    assert len(FILES) > 20
