"""Reading a dataset's files whole, with checksums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dse.data.errors import DatasetError


@dataclass(frozen=True)
class Checksum:
    """The published hash of a file.

    Attributes:
        algorithm: A name that `hashlib` knows ("sha256"; "md5" where the publisher gives nothing stronger).
        value: The hash in lower-case hexadecimal digits.

    """

    algorithm: str
    value: str

    def verify(self, content: bytes, where: str) -> None:
        """Raise a DatasetError that names `where` unless `content` has this hash."""
        found = hashlib.new(self.algorithm, content, usedforsecurity=False).hexdigest()
        if found != self.value:
            raise DatasetError(
                f"{where}: {self.algorithm} is {found[:16]}..., expected {self.value[:16]}...; "
                "the file is damaged or not the published one: replace it with a fresh copy"
            )


def read_file(path: Path, advice: str) -> bytes:
    """Return the bytes of the file at `path`.

    Raises:
        DatasetError: It is missing (the message ends with `advice`) or cannot be read.

    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path}: no such file; {advice}") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
