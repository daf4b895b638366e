"""Assemble and link a kernel variant to a loadable AArch64 image, with the clang that the `ziglang` package carries.

Images are cached by the content of everything that goes into them: sources, parameters, flags, the assembler.
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import platformdirs

from kernels_asm.arguments import ArgumentBlock
from kernels_asm.errors import AssemblyError, KernelError
from kernels_asm.shape import ConvShape
from kernels_asm.variant import KernelVariant

_PACKAGE = Path(__file__).parent
SOURCES = _PACKAGE / "asm"
_TARGET = ("clang", "-target", "aarch64-linux-musl")
_PREPROCESS = (*_TARGET, "-E")
_ASSEMBLE = (*_TARGET, "-gdwarf-4", "-c")
_LINK = ("ld.lld", "-m", "aarch64linux", "-static", "--build-id=none", "--image-base=0x1000000")
_DIAGNOSTIC = re.compile(r"(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<what>.+)")
_LINK_ERROR = re.compile(r"error: (?P<what>.+)")


@dataclass(frozen=True, slots=True)
class KernelImage:
    """A linked image: the ELF file's bytes, and the SHA-256 of all that went into it."""

    elf: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Callee:
    """A function that a kernel calls by the macro CALLEE: its own source, symbols and argument block."""

    source: Path
    parameters: Mapping[str, int]
    arguments: ArgumentBlock


def cache_directory() -> Path:
    """Return the folder for assembled images; environment BNN_DSE_CACHE moves it."""
    chosen = os.environ.get("BNN_DSE_CACHE")
    root = Path(chosen) if chosen else platformdirs.user_cache_path("bnn-dse")
    return root / "kernels"


def variant_source(variant: KernelVariant) -> Path:
    """Return the source file of a variant."""
    return SOURCES / variant.tile.source


def assemble_variant(variant: KernelVariant, shape: ConvShape) -> KernelImage:
    """Return the image of the variant for the layer.

    Raises InputError if the variant cannot compute the layer, AssemblyError if the assembler refuses the source.
    """
    return assemble(variant_source(variant), variant.parameters(shape), variant.tile.arguments)


def assemble(
    source: Path,
    parameters: Mapping[str, int],
    arguments: ArgumentBlock,
    driver: Path | None = None,
    callee: Callee | None = None,
) -> KernelImage:
    """Assemble and link one source file, which defines the function that `arguments` is for, with the given symbols.

    It can include the files of its folder, and `arguments.inc` with the offsets into the argument block.
    A callee is assembled in the same way, apart, and linked to it.
    With a driver, a second source file that defines `_start` and there calls the function by the macro KERNEL, the
    image is a whole static program for Linux.
    Raises AssemblyError, one line with file and line, if the assembler or linker refuses a source.
    """
    digest = source_digest(source, parameters, arguments, driver, callee)
    stored = cache_directory() / f"{digest}.elf"
    elf = _stored_image(stored)
    if elf is None:
        elf = _build(source, parameters, arguments, driver, callee)
        _store_image(stored, elf)
    return KernelImage(elf, digest)


def source_digest(
    source: Path,
    parameters: Mapping[str, int],
    arguments: ArgumentBlock,
    driver: Path | None = None,
    callee: Callee | None = None,
) -> str:
    """Return the SHA-256 of everything that goes into the image."""
    content = hashlib.sha256()
    symbols = (f"{name}={parameters[name]}" for name in sorted(parameters))
    parts = [
        _assembler_version(),
        *_PREPROCESS,
        *_ASSEMBLE,
        *_LINK,
        arguments.function,
        arguments.assembly_offsets(),
        *symbols,
    ]
    content.update(_digests(parts))
    content.update(_content(source))
    if driver:
        content.update(_digests([driver.name, _read_source(driver)]))
    if callee:
        content.update(_digests([source_digest(callee.source, callee.parameters, callee.arguments)]))
    return content.hexdigest()


def variant_digest(variant: KernelVariant, shape: ConvShape) -> str:
    """Return the digest of the image that `assemble_variant` would return, without assembling it."""
    return source_digest(variant_source(variant), variant.parameters(shape), variant.tile.arguments)


def _source_digests(source: Path) -> bytes:
    """Return the digests of the names and contents of a source and of the files that it can include."""
    paths = (source, *sorted(source.parent.glob("*.inc")))
    return b"".join(_digests([path.name, _read_source(path)]) for path in paths)


_installed_digests = cache(_source_digests)


def _content(source: Path) -> bytes:
    """Return the digests of a source; this package's are read once, as what is installed does not change in a run."""
    return _installed_digests(source) if _PACKAGE in source.parents else _source_digests(source)


def _digests(parts: Iterable[str]) -> bytes:
    return b"".join(hashlib.sha256(part.encode()).digest() for part in parts)


@cache
def _assembler_version() -> str:
    return importlib.metadata.version("ziglang")


def _read_source(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise AssemblyError(f"{path}: {reason}: give a readable assembly source") from error


def _stored_image(path: Path) -> bytes | None:
    """Return a cached image if its checksum, the last 32 bytes, is right."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    elf, checksum = content[:-32], content[-32:]
    if hashlib.sha256(elf).digest() != checksum:
        raise KernelError(f"{path}: cached kernel image is corrupt: delete the file and run again")
    return elf


def _store_image(path: Path, elf: bytes) -> None:
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(elf + hashlib.sha256(elf).digest())
        temporary.replace(path)
    except OSError as error:
        raise KernelError(f"{path.parent}: cannot store a kernel image: {error.strerror}: free space there or set "
                          "BNN_DSE_CACHE to another folder") from error  # fmt: skip
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _build(
    source: Path,
    parameters: Mapping[str, int],
    arguments: ArgumentBlock,
    driver: Path | None,
    callee: Callee | None,
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:
        work = Path(folder)
        macros = [f"-DKERNEL={arguments.function}"] if driver else []
        macros += [f"-DCALLEE={callee.arguments.function}"] if callee else []
        objects = [_object(path, parameters, arguments, tuple(macros), work) for path in (source, driver) if path]
        if callee:
            apart = work / "callee"
            apart.mkdir()
            objects.append(_object(callee.source, callee.parameters, callee.arguments, (), apart))
        entry = arguments.function if driver is None else "_start"
        image = work / "kernel.elf"
        _run([*_LINK, f"--entry={entry}", *objects, "-o", str(image)], source, image)
        return image.read_bytes()


def _object(
    source: Path, parameters: Mapping[str, int], arguments: ArgumentBlock, macros: tuple[str, ...], work: Path
) -> str:
    """Assemble a source with these symbols to an object file in the folder `work`."""
    text, built = work / f"{source.stem}.s", work / f"{source.stem}.o"
    text.write_bytes(_preprocessed(source.resolve(), _content(source), arguments.assembly_offsets(), macros))
    symbols = [f"-Wa,-defsym,{name}={value}" for name, value in parameters.items()]
    _run([*_ASSEMBLE, *symbols, str(text), "-o", str(built)], source, built)
    return str(built)


@lru_cache(maxsize=64)
def _preprocessed(source: Path, _content: bytes, offsets: str, macros: tuple[str, ...]) -> bytes:
    """Return a source, in which `arguments.inc` has these offsets, as the preprocessor leaves it.

    Tiles of a kernel differ in symbols that only the assembler sees, so that one text serves all of them.
    """
    with tempfile.TemporaryDirectory(prefix="bnn-dse-") as folder:
        work = Path(folder)
        (work / "arguments.inc").write_text(offsets, encoding="utf-8")
        text = work / f"{source.stem}.s"
        options = [*_PREPROCESS, *macros, f"-I{work}", f"-I{source.parent}"]
        _run([*options, str(source), "-o", str(text)], source, text)
        return text.read_bytes()


def _run(arguments: Sequence[str], source: Path, built: Path) -> None:
    """Run a tool of zig so that it writes the file `built`; raises AssemblyError, about `source`, if it does not.

    The tools themselves, and not `zig cc`, which asks a cache of its own about files that are as good as always new.
    """
    done = subprocess.run([_zig(), *arguments], cwd=built.parent, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not built.is_file():
        raise AssemblyError(_first_error(source, done.stderr))


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
