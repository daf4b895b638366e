"""Makes the image of a kernel that clips from that of the same kernel with another clip, which is in its immediates.

A search times kernels with one clip to bytes in place of all, and a design's own kernels differ from the fastest of
them in the clip alone: to look for it in the code takes a thousandth of the time of assembling it anew. The bounds of a
clip to [-c, c] are set by two instructions that stand for nothing else:

    movi  vN.16b, #c
    neg   vM.16b, vN.16b

Where a kernel has no such pair, it has to be assembled. Tests compare the images of the kernels with assembled ones,
and who runs a kernel checks its output in its own clip.

Encodings: Arm Architecture Reference Manual, C7.2 (MOVI, NEG).
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Final

from kernels_asm.placing import code_in

STAND_IN_CLIP: Final = 127
"""The clip of the images that others are made from: the largest to bytes, which stands for all in searches."""

_MOVI: Final = 0x4F00_E400
_NEG: Final = 0x6E20_B800
_REGISTER: Final = 0x1F
_WORD: Final = 4


def with_clip(image: bytes, clip: int) -> bytes | None:
    """Return an image with another clip, 1 to 127, than `STAND_IN_CLIP`; None where that is not found in it."""
    code = code_in(image)
    words = struct.unpack_from(f"<{len(code) // _WORD}I", image, code.start)
    places = [place for place, pair in enumerate(pairwise(words)) if _sets_bounds(*pair)]
    changed = bytearray(image)
    for place in places:
        word = _movi(words[place] & _REGISTER, clip)
        struct.pack_into("<I", changed, code.start + _WORD * place, word)
    return bytes(changed) if places else None


def _sets_bounds(first: int, second: int) -> bool:
    """Whether two instructions set the bounds of the clip: its positive one, and that one's negative."""
    register = first & _REGISTER
    return first == _movi(register, STAND_IN_CLIP) and second & ~_REGISTER == _NEG | register << 5


def _movi(register: int, byte: int) -> int:
    return _MOVI | byte >> 5 << 16 | (byte & 0x1F) << 5 | register
