"""Assemble and link a kernel variant to a loadable AArch64 image, with the clang that the `ziglang` package carries.

Images are cached by the content of everything that goes into them: sources, parameters, flags, the assembler. Where
`kernels_asm.placing` can do what the linker does, it does, with the same code at the same addresses.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from uuid import uuid4

import platformdirs

from kernels_asm import toolchain
from kernels_asm.arguments import ArgumentBlock
from kernels_asm.errors import AssemblyError
from kernels_asm.placing import AssembledFunction, functions_of, place
from kernels_asm.reclipping import STAND_IN_CLIP, with_clip
from kernels_asm.shape import ConvShape
from kernels_asm.side_by_side import name_in_source, section_of, side_by_side
from kernels_asm.toolchain import assembled, linked, preprocessed
from kernels_asm.variant import KernelVariant

_PACKAGE = Path(__file__).parent
SOURCES = _PACKAGE / "asm"

_MAKERS = ("placing.py", "reclipping.py", "side_by_side.py")
"""Of this package: what makes bytes of an image besides the assembler and the linker."""


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

    @property
    def content(self) -> tuple[str, tuple[tuple[str, int], ...]]:
        """Its source as the preprocessor leaves it, and its symbols."""
        return _text(self.source, self.arguments), tuple(self.parameters.items())


@dataclass(frozen=True, slots=True)
class KernelSource:
    """What the image of a kernel is made of, for which see `assemble`."""

    source: Path
    parameters: Mapping[str, int]
    arguments: ArgumentBlock
    callee: Callee | None = None

    def digest(self, driver: Path | None = None) -> str:
        """Return the SHA-256 of everything that goes into the image."""
        return source_digest(self.source, self.parameters, self.arguments, driver, self.callee)

    def macros(self, *, with_driver: bool = False) -> tuple[str, ...]:
        """Return the preprocessor's options for the names of functions."""
        macros = (f"-DKERNEL={self.arguments.function}",) if with_driver else ()
        return (*macros, f"-DCALLEE={self.callee.arguments.function}") if self.callee else macros


def cache_directory() -> Path:
    """Return the folder for assembled images; environment BNN_DSE_CACHE moves it."""
    chosen = os.environ.get("BNN_DSE_CACHE")
    root = Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("bnn-dse")
    return root / "kernels"


def _stored_at(digest: str) -> Path:
    return cache_directory() / f"{digest}.elf"


def variant_source(variant: KernelVariant) -> Path:
    """Return the source file of a variant."""
    return SOURCES / variant.tile.source


def assemble_variant(variant: KernelVariant, shape: ConvShape) -> KernelImage:
    """Return the image of the variant for the layer.

    Raises InputError if the variant cannot compute the layer, AssemblyError if the assembler refuses the source.
    """
    kernel = variant_kernel(variant, shape)
    return assemble(kernel.source, kernel.parameters, kernel.arguments)


def variant_kernel(variant: KernelVariant, shape: ConvShape) -> KernelSource:
    """Return what the image of the variant for the layer is made of; raises InputError as `assemble_variant`."""
    return KernelSource(variant_source(variant), variant.parameters(shape), variant.tile.arguments)


def assemble(
    source: Path,
    parameters: Mapping[str, int],
    arguments: ArgumentBlock,
    driver: Path | None = None,
    callee: Callee | None = None,
) -> KernelImage:
    """Assemble and link one source file, which defines the function that `arguments` is for, with the given symbols.

    It can include the `.inc` files of its folder, by `#include "NAME.inc"` alone, as images are kept by the content of
    those, and `arguments.inc` with the offsets into the argument block.
    A callee is assembled in the same way, apart, and linked to it.
    With a driver, a second source file that defines `_start` and there calls the function by the macro KERNEL, the
    image is a whole static program for Linux.
    Raises AssemblyError, one line with file and line, if the assembler or linker refuses a source.
    """
    kernel = KernelSource(source, parameters, arguments, callee)
    digest = kernel.digest(driver)
    stored = _stored_at(digest)
    elf = _stored_image(stored)
    if elf is None:
        elf = (None if driver else _with_other_clip(kernel)) or _build(kernel, driver)
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
        toolchain.version(),
        *toolchain.OPTIONS,
        arguments.function,
        arguments.assembly_offsets(),
        *symbols,
    ]
    content.update(_digests(parts))
    content.update(_makers())
    content.update(_content(source))
    if driver:
        content.update(_digests([driver.name, _read_source(driver)]))
    if callee:
        content.update(_digests([source_digest(callee.source, callee.parameters, callee.arguments)]))
    return content.hexdigest()


def variant_digest(variant: KernelVariant, shape: ConvShape) -> str:
    """Return the digest of the image that `assemble_variant` would return, without assembling it."""
    return variant_kernel(variant, shape).digest()


@cache
def _makers() -> bytes:
    return _digests(_read_source(_PACKAGE / name) for name in _MAKERS)


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


def _read_source(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise AssemblyError(f"{path}: {reason}: give a readable assembly source") from error


def _stored_image(path: Path) -> bytes | None:
    """Return a cached image; None where there is none whose checksum, the last 32 bytes, is right."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    elf, checksum = content[:-32], content[-32:]
    return elf if hashlib.sha256(elf).digest() == checksum else None


def _store_image(path: Path, elf: bytes) -> None:
    """Keep an image for the next time; where that fails the next time takes longer, no more.

    Whoever may read what a user writes may read it too, as a cache may be shared.
    """
    temporary = path.with_name(f".{path.stem[:16]}-{uuid4().hex}.tmp")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("xb") as file:
                file.write(elf + hashlib.sha256(elf).digest())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _with_other_clip(kernel: KernelSource) -> bytes | None:
    """Return the image made from the stored one of the stand-in for all clips to bytes; None if it cannot be."""
    clip = kernel.parameters.get("CLIP", 0)
    if not 0 < clip < STAND_IN_CLIP or _PACKAGE not in kernel.source.parents:
        return None
    stand_in = replace(kernel, parameters={**kernel.parameters, "CLIP": STAND_IN_CLIP})
    image = _stored_image(_stored_at(stand_in.digest()))
    return None if image is None else with_clip(image, clip)


def _build(kernel: KernelSource, driver: Path | None) -> bytes:
    objects = [_object(path, kernel, driver) for path in (kernel.source, driver) if path]
    if kernel.callee:
        objects.append(_callee_object(*kernel.callee.content, kernel.callee.source))
    placed = None if driver else _placed(objects, kernel.arguments.function)
    return placed or linked(objects, "_start" if driver else kernel.arguments.function, kernel.source)


def _object(source: Path, kernel: KernelSource, driver: Path | None) -> bytes:
    text = _text(source, kernel.arguments, kernel.macros(with_driver=driver is not None))
    return assembled(text, kernel.parameters, source)


@lru_cache(maxsize=64)
def _callee_object(text: str, parameters: tuple[tuple[str, int], ...], source: Path) -> bytes:
    """Return the object file of a callee, which is the same for most tiles."""
    return assembled(text, dict(parameters), source)


def _placed(objects: Sequence[bytes], entry: str) -> bytes | None:
    """Return the image of objects that need no linker; None if they do."""
    functions = [functions_of(content) for content in objects]
    known = [function for found in functions if found is not None for function in found.values()]
    return place(known, entry) if None not in functions and len(known) == len(objects) else None


def assemble_together(kernels: Iterable[KernelSource]) -> None:
    """Assemble kernels, those of one source in one run, and keep their images where `assemble` finds them.

    It leaves out what it cannot make so, as where there is an error in one of them: `assemble` tells about that.
    Raises AssemblyError if a source cannot be read or preprocessed.
    """
    missing = {digest: one for one in kernels if _stored_image(_stored_at(digest := one.digest())) is None}
    copies: dict[str, list[str]] = {}
    for digest, kernel in missing.items():
        if (image := _with_other_clip(kernel)) is not None:
            _store_image(_stored_at(digest), image)
            continue
        copies.setdefault(_text(kernel.source, kernel.arguments, kernel.macros()), []).append(digest)
    for text, digests in copies.items():
        if len(digests) > 1:
            _store_together(text, {digest: missing[digest] for digest in digests})


def _store_together(text: str, kernels: Mapping[str, KernelSource]) -> None:
    """Assemble copies of a preprocessed source, one for each digest, and store the images that can be placed."""
    copies = [kernel.parameters for kernel in kernels.values()]
    try:
        functions = functions_of(assembled(side_by_side(text, copies), {}, next(iter(kernels.values())).source))
    except AssemblyError:
        return
    for number, (digest, kernel) in enumerate(kernels.items()):
        function = (functions or {}).get(section_of(number))
        elf = None if function is None else _placed_with_callee(_as_in_source(function), kernel)
        if elf is not None:
            _store_image(_stored_at(digest), elf)


def _as_in_source(function: AssembledFunction) -> AssembledFunction:
    """Return the function of a copy with the names that its source gives."""
    return replace(function, symbols=tuple(replace(one, name=name_in_source(one.name)) for one in function.symbols))


def _placed_with_callee(function: AssembledFunction, kernel: KernelSource) -> bytes | None:
    if kernel.callee is None:
        return place([function], kernel.arguments.function)
    callee = functions_of(_callee_object(*kernel.callee.content, kernel.callee.source))
    return None if callee is None else place([function, *callee.values()], kernel.arguments.function)


def _text(source: Path, arguments: ArgumentBlock, macros: tuple[str, ...] = ()) -> str:
    return preprocessed(source.resolve(), _content(source), arguments.assembly_offsets(), macros)
