"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from uuid import uuid4


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whatever is there; whoever reads it, also after a crash, finds the old file or the new.

    Raises:
        OSError: The file cannot be written; the old one is as it was.

    """
    temporary = write_temporary(path, data)
    try:
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_temporary(path: Path, data: bytes) -> Path:
    """Write and synchronise a new file beside `path`; on failure nothing stays behind.

    Whoever may read what a user writes may read it too: those of `tempfile` are for the user alone, and a cache may be
    shared.

    Raises:
        OSError: It cannot be written.

    """
    temporary = path.with_name(f".{path.name[:16]}-{uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return temporary
