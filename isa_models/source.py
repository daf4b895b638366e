"""From what a person hands over (assembly text, a source file, an object, a library, an executable) to an image."""

from __future__ import annotations

import os.path
from pathlib import Path

from isa_models.assembling import image_of_objects, image_of_source, image_of_text, read_file
from isa_models.errors import ImageError, InputError
from isa_models.image import Image

Source = str | Path
"""Text in GNU syntax, or the path of a file. A string is a path if it names a file or ends like one."""

_SOURCES = (".S", ".s")
_FILE_ENDINGS = (*_SOURCES, ".o", ".a", ".elf", ".so")
_ARCHIVE_MAGIC, _ELF_MAGIC = b"!<arch>\n", b"\x7fELF"
_TYPE_OFFSET = 16
_RELOCATABLE = b"\x01\0"  # e_type of a little-endian file


def load_image(source: Source) -> Image:
    """Assemble and link what needs it, and load it.

    Raises InputError, one line, for a file that is of none of these kinds, AssemblyError for code that the assembler
    or the linker refuses, ImageError for an image that the machine cannot hold.
    """
    if not isinstance(source, str | Path):
        raise InputError(f"source of type {type(source).__name__}: give assembly text or the path of a file")
    if isinstance(source, str) and not _is_path(source):
        return Image.from_elf(image_of_text(source))
    path = Path(source)
    elf = image_of_source(path) if path.suffix in _SOURCES else _image_of_binary(path)
    try:
        return Image.from_elf(elf)
    except ImageError as error:
        raise ImageError(f"{path}: {error}") from None


def _is_path(source: str) -> bool:
    return "\n" not in source and (source.endswith(_FILE_ENDINGS) or os.path.exists(source))  # noqa: PTH110  # long text


def _image_of_binary(path: Path) -> bytes:
    content = read_file(path)
    if content.startswith(_ARCHIVE_MAGIC):
        return image_of_objects([path])
    if not content.startswith(_ELF_MAGIC):
        raise InputError(f"{path}: neither assembly source ({', '.join(_SOURCES)}) nor an ELF file or static library")
    is_relocatable = content[_TYPE_OFFSET : _TYPE_OFFSET + len(_RELOCATABLE)] == _RELOCATABLE
    return image_of_objects([path]) if is_relocatable else content
