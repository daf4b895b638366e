"""The programs that make an image: preprocessor, assembler and linker, of the clang that the `ziglang` package carries.

To start one of them takes as long as to assemble two kernels, so that what can be kept is kept.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from kernels_asm.errors import AssemblyError

_TARGET = ("clang", "-target", "aarch64-linux-musl")
_PREPROCESS = (*_TARGET, "-E")
_ASSEMBLE = (*_TARGET, "-gdwarf-4", "-c")
_LINK = ("ld.lld", "-m", "aarch64linux", "-static", "--build-id=none", "--image-base=0x1000000")
OPTIONS: Final = (*_PREPROCESS, *_ASSEMBLE, *_LINK)
"""All options that are the same for all kernels."""

_DIAGNOSTIC = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<what>.+)")
_LINK_ERROR = re.compile(r"error: (?P<what>.+)")


@cache
def version() -> str:
    """Return the version of the package, which is that of all its programs."""
    return importlib.metadata.version("ziglang")


@lru_cache(maxsize=64)
def preprocessed(source: Path, _content: bytes, offsets: str, macros: tuple[str, ...]) -> str:
    """Return a source, in which `arguments.inc` has these offsets, as the preprocessor leaves it with these options.

    Tiles of a kernel differ in symbols that only the assembler sees, so that one text serves all of them. `_content`
    stands for the source and the files that it can include. Raises AssemblyError if the preprocessor refuses it.
    """
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:
        work = Path(folder)
        (work / "arguments.inc").write_text(offsets, encoding="utf-8")
        text = work / f"{source.stem}.s"
        options = [*_PREPROCESS, *macros, f"-I{work}", f"-I{source.parent}"]
        return _run([*options, str(source), "-o", str(text)], source, text).decode()


def assembled(text: str, symbols: Mapping[str, int], source: Path) -> bytes:
    """Return the object file of a preprocessed source with these symbols.

    Raises AssemblyError if the assembler refuses it; `source` is what it tells about.
    """
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:
        written, built = Path(folder, f"{source.stem}.s"), Path(folder, f"{source.stem}.o")
        written.write_text(text, encoding="utf-8")
        options = [f"-Wa,-defsym,{name}={value}" for name, value in symbols.items()]
        return _run([*_ASSEMBLE, *options, str(written), "-o", str(built)], source, built)


def linked(objects: Sequence[bytes], entry: str, source: Path) -> bytes:
    """Return the static program of object files; raises AssemblyError, about `source`, if the linker refuses them."""
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:
        work = Path(folder)
        files = [work / f"{number}.o" for number in range(len(objects))]
        for file, content in zip(files, objects, strict=True):
            file.write_bytes(content)
        image = work / "kernel.elf"
        return _run([*_LINK, f"--entry={entry}", *map(str, files), "-o", str(image)], source, image)


def _run(arguments: Sequence[str], source: Path, built: Path) -> bytes:
    """Run a tool of zig and return what it writes to the file `built`; raises AssemblyError if it does not.

    The tools themselves, and not `zig cc`, which asks a cache of its own about files that are as good as always new.
    """
    done = subprocess.run([_zig(), *arguments], cwd=built.parent, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not built.is_file():
        raise AssemblyError(_first_error(source, done.stderr))
    return built.read_bytes()


@cache
def _zig() -> str:
    """Return the program that the package carries: to start Python to start it takes longer than to assemble."""
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise AssemblyError("the package ziglang, which assembles kernels, is not installed: pip install ziglang")
    return str(Path(found.origin).with_name("zig"))


def _first_error(source: Path, messages: str) -> str:
    found = _DIAGNOSTIC.search(messages)
    if found:
        return f"{Path(found['file']).name}:{found['line']}: {found['what'].strip()}: correct the assembly source"
    linked = _LINK_ERROR.search(messages)
    reason = linked["what"].strip() if linked else (messages.strip().splitlines() or ["no message"])[-1]
    return f"{source.name}: the assembler failed: {reason}"
