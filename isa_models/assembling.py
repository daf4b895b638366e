"""Assemble and link AArch64 code with the clang and lld that the `ziglang` package carries.

Linked images are kept on disk by the content of everything that goes into them, so that the same source starts no
compiler a second time. Every ISA extension that the assembler knows may be used: which of them a core has is for its
description to say.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from uuid import uuid4

import platformdirs

from isa_models.errors import AssemblyError, InputError

TEXT_NAME = "source.S"
"""What source lines of code that came without a file are told by."""

_EXTENSIONS = ("v9a", "aes", "bf16", "fp16fml", "i8mm", "mte", "sha3", "sm4")
_ASSEMBLE = ("cc", "-target", "aarch64-linux-musl", f"-mcpu={'+'.join(('generic', *_EXTENSIONS))}", "-c", "-g")
_LINK = (
    *("ld.lld", "-m", "aarch64linux", "--static", "--entry=0"),
    *("-z", "separate-code"),  # code on pages of its own, which the machine maps without the right to write
    *("-z", "max-page-size=4096"),  # less padding to disassemble
    *("--unresolved-symbols=ignore-all", "--emit-relocs"),  # so that only functions that need a missing symbol fail
)
_DIAGNOSTIC = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<what>.+)$", re.MULTILINE)
_ERROR = re.compile(r"error: (?P<what>.+)")
_CONTINUED_LINE = re.compile(r"\\[ \t]*\r?\n")
_INCLUSION = re.compile(
    r'^[ \t]*(?:#[ \t]*include|\.include|\.incbin)[ \t]*"([^"\n\0]+)"', re.MULTILINE | re.IGNORECASE
)
_PERHAPS_INCLUSION = re.compile(
    r"(?<![a-z])(?:include|incbin|import|embed)(?![a-z])"  # anywhere, as in `__has_include` or a macro's argument
    r"|\w[ \t]*##[ \t]*\w"  # a word that the preprocessor puts together
    r"|(?:^|[;:/])[ \t]*\.(?!L)\w*\\",  # a directive, and no local label, that a macro puts together
    re.MULTILINE | re.IGNORECASE,
)
_CHECKSUM_BYTES = 32

Build = Callable[[Path], bytes]
"""Makes an image, with a temporary folder to work in."""


def cache_directory() -> Path:
    """Return the folder of linked images; environment BNN_DSE_CACHE moves it."""
    chosen = os.environ.get("BNN_DSE_CACHE")
    root = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("bnn-dse")
    return root / "images"


def image_of_text(text: str) -> bytes:
    """Assemble GNU-syntax source, preprocessor directives included, and return the linked ELF image.

    Raises AssemblyError, one line with `TEXT_NAME` and line, if the assembler refuses it.
    """
    content = text if text.endswith("\n") else text + "\n"
    files = _included(content.encode(), [Path()])

    def build(work: Path) -> bytes:
        source = work / TEXT_NAME
        source.write_text(content, encoding="utf-8")
        return _link([_assemble(source, Path(), work)], work)

    return _cached(None if files is None else [content.encode(), *files], build)


def image_of_source(path: Path) -> bytes:
    """Assemble a `.S` (preprocessed) or `.s` file, which may include files of its folder, and return the linked image.

    Raises AssemblyError, one line with file and line, if the assembler refuses it.
    """
    content = read_file(path)
    files = _included(content, [path.parent, Path()])

    def build(work: Path) -> bytes:
        return _link([_assemble(path, path.parent, work)], work)

    return _cached(None if files is None else [path.name.encode(), content, *files], build)


def image_of_objects(paths: Sequence[Path]) -> bytes:
    """Link relocatable objects and static libraries, of which every member counts, and return the image.

    Undefined symbols stay undefined. Raises AssemblyError if the linker refuses a file or a symbol is defined twice.
    """

    def build(work: Path) -> bytes:
        return _link(paths, work)

    return _cached([read_file(path) for path in paths], build)


def read_file(path: Path) -> bytes:
    """Return a file's bytes; raises InputError, one line, if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: give a readable file") from None
    except ValueError:
        raise InputError(f"{str(path)!r}: a path cannot hold a null character: give a readable file") from None


def _assemble(source: Path, folder: Path, work: Path) -> Path:
    target = work / "source.o"
    # absolute, as "@name" is a file of options for the assembler, and "-name" an option
    messages = _run([*_ASSEMBLE, f"-I{folder.resolve()}", str(source.absolute()), "-o", str(target)], work)
    if messages is not None:
        raise AssemblyError(f"{_place(messages, source)}: {_reason(messages)}: correct the assembly source")
    return target


def _link(objects: Iterable[Path], work: Path) -> bytes:
    names = [str(path) for path in objects]
    target = work / "image.elf"
    messages = _run([*_LINK, "--whole-archive", *names, "-o", str(target)], work)
    if messages is not None:
        raise AssemblyError(f"{', '.join(Path(name).name for name in names)}: cannot be linked: {_reason(messages)}")
    return target.read_bytes()


def _run(arguments: Sequence[str], work: Path) -> str | None:
    """Run a tool of the package; return None, or what it says where it fails."""
    folder = str(work / "zig")  # a cache that is thrown away, as it would not notice changes of `.include`d files
    done = subprocess.run(
        [_zig(), *arguments],
        env=os.environ | {"ZIG_LOCAL_CACHE_DIR": folder, "ZIG_GLOBAL_CACHE_DIR": folder},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return done.stderr if done.returncode else None


def _place(messages: str, source: Path) -> str:
    """Return file and line of the first error; a few are told by a line of the preprocessor's output, of no use."""
    found = _DIAGNOSTIC.search(messages)
    if found is None:
        return source.name
    name = Path(found["file"]).name
    return source.name if re.fullmatch(rf"{re.escape(source.stem)}-[0-9a-f]+\.s", name) else f"{name}:{found['line']}"


def _reason(messages: str) -> str:
    found = _ERROR.search(messages)
    return found["what"].strip() if found else (messages.strip().splitlines() or ["no message"])[-1]


def _included(content: bytes, folders: Sequence[Path], seen: frozenset[Path] = frozenset()) -> list[bytes] | None:
    """Contents of the files that a source includes, theirs in turn; None where one cannot be told from the text."""
    text = _CONTINUED_LINE.sub("", content.decode(errors="replace"))
    if _PERHAPS_INCLUSION.search(_INCLUSION.sub("", text)):
        return None
    files: list[bytes] = []
    for name in _INCLUSION.findall(text):
        found = [path for path in dict.fromkeys((folder / name).resolve() for folder in folders) if path.is_file()]
        if not found:
            return None
        for path in found:
            if path in seen:
                continue
            included = read_file(path)
            inner = _included(included, [path.parent, *folders], seen | {path})
            if inner is None:
                return None
            files += [str(path).encode(), included, *inner]
    return files


def _cached(parts: Sequence[bytes] | None, build: Build) -> bytes:
    """Return the image made of `parts`, from the disk where it is there; without parts it is built anew."""
    path = None if parts is None else cache_directory() / f"{_digest(parts)}.elf"
    stored = None if path is None else _load(path)
    if stored is not None:
        return stored
    with tempfile.TemporaryDirectory(prefix="isa-models-") as work:
        image = build(Path(work))
    if path is not None:
        _store(path, image)
    return image


def _digest(parts: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for part in (_assembler_version().encode(), *(flag.encode() for flag in (*_ASSEMBLE, *_LINK)), *parts):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


@cache
def _zig() -> str:
    """Return the program that the package carries: to start Python to start it takes as long as to assemble."""
    found = importlib.util.find_spec("ziglang")
    if found is None or found.origin is None:
        raise AssemblyError("the package ziglang, which assembles code, is not installed: pip install ziglang")
    return str(Path(found.origin).with_name("zig"))


@cache
def _assembler_version() -> str:
    return importlib.metadata.version("ziglang")


def _load(path: Path) -> bytes | None:
    """Return a stored image; None where there is none whose checksum, its last bytes, is right."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    image, checksum = content[:-_CHECKSUM_BYTES], content[-_CHECKSUM_BYTES:]
    return image if hashlib.sha256(image).digest() == checksum else None


def _store(path: Path, image: bytes) -> None:
    """Keep an image for the next time; where that fails the next time takes longer, no more.

    Whoever may read what a user writes may read it too, as a cache may be shared.
    """
    temporary = path.with_name(f".{path.stem[:16]}-{uuid4().hex}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(image + hashlib.sha256(image).digest())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
