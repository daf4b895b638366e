"""Decoding an image file that need not be trusted."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from dse.data.dataset import Images
from dse.data.errors import DatasetError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 50_000_000
"""An image of more is refused before it is decoded: a few kilobytes of PNG can claim gigabytes."""

_FORMATS = ("PNG", "JPEG")
_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "CMYK"})
"""What converts to 8-bit RGB without loss of scale; 16-bit grey would be cut off at 255."""


def read_image(path: Path, size: int) -> Images:
    """Return the image as (3, size, size): its largest central square, resized with an antialiased triangle filter.

    Grey becomes three equal channels, transparency is dropped, and the orientation is that of the stored pixels. The
    pixels of a JPEG depend on the decoder to a few levels, and so on the version of Pillow.

    A file that lacks any of its pixels is refused in either format, and a PNG with any wrong byte that matters, as its
    parts carry checksums. A JPEG carries none: flipped bits in its data may decode, to other pixels.

    Args:
        path: A PNG or JPEG file, whatever its suffix.
        size: Rows and columns to return.

    Raises:
        DatasetError: It is missing, damaged, no PNG or JPEG, has more than `MAX_PIXELS`, or 16 bits of grey.

    """
    if not path.is_file():  # a folder, a dangling link; and a pipe would block for ever
        raise DatasetError(f"{path}: no regular file; only images may be in a class folder")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # _check_header has a tighter limit
            with Image.open(path, formats=_FORMATS) as image:
                _check_header(image, path)
                image.verify()  # checksums of a PNG; the image must be opened again after it
            with Image.open(path, formats=_FORMATS) as image:
                square = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
    except DatasetError:
        raise
    except UnidentifiedImageError as error:
        raise DatasetError(f"{path}: neither PNG nor JPEG, or damaged; replace or remove it") from error
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise DatasetError(f"{path}: corrupt or truncated image ({error}); replace or remove it") from error
    return np.asarray(square).transpose(2, 0, 1)


def _check_header(image: Image.Image, path: Path) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise DatasetError(f"{path}: {width}x{height} pixels, at most {MAX_PIXELS} are allowed; make it smaller")
    if image.mode not in _MODES:
        raise DatasetError(f"{path}: pixels of mode {image.mode}; save it as 8-bit grey or RGB")
