"""Digest of the sources that decide where a kernel's data lies: its time depends on them, its own digest does not."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import dse
import isa_models
import kernels_asm

_CALLS = ("emulation.py", "fused_emulation.py", "kernel_call.py")
"""Of dse: sizes, order and alignment of the buffers of a call."""

_PLACES = ("machine.py", "memory.py")
"""Of isa_models: the addresses that they get."""


@cache
def layout_digest(*patterns: str) -> str:
    """Return the digest of what every call goes through and of files of kernels_asm: what packs data and fills fields.

    `patterns`: as of `Path.glob`, each of at least one file.
    """
    paths = [Path(dse.__file__).parent / name for name in _CALLS]
    paths += [Path(isa_models.__file__).parent / name for name in _PLACES]
    for pattern in patterns:
        found = sorted(Path(kernels_asm.__file__).parent.glob(pattern))
        if not found:
            raise AssertionError(f"no file of kernels_asm matches {pattern}")
        paths += found
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()
