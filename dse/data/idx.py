"""The gzipped IDX format of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/), unsigned bytes only."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dse.data.errors import DatasetError

_UNSIGNED_BYTE = 0x08


def parse_idx(content: bytes, path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Return the array that the gzipped IDX file `content` holds.

    Args:
        content: The bytes of the file.
        path: Where they came from, for messages.
        dimensions: How many dimensions the array must have (3 for images, 1 for labels).

    Raises:
        DatasetError: The file is corrupt, truncated, or something else than bytes with so many dimensions.

    """
    try:
        raw = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DatasetError(f"{path}: corrupt or truncated gzip file ({error}); replace it with a fresh copy") from error
    header = 4 + 4 * dimensions
    if len(raw) < header or raw[:4] != bytes((0, 0, _UNSIGNED_BYTE, dimensions)):
        raise DatasetError(f"{path}: not an IDX file of bytes in {dimensions} dimensions; replace it with a fresh copy")
    shape = struct.unpack(f">{dimensions}I", raw[4:header])
    expected = math.prod(shape)  # of Python's integers, as a damaged header may say anything
    if len(raw) - header != expected:
        raise DatasetError(
            f"{path}: holds {len(raw) - header} bytes of data where its header promises {expected}; "
            "replace it with a fresh copy"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)


def format_idx(array: NDArray[np.uint8]) -> bytes:
    """Return `array` as a gzipped IDX file; the same array gives the same bytes (no time stamp, no name)."""
    header = bytes((0, 0, _UNSIGNED_BYTE, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0)
