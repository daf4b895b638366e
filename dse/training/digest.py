"""Identity of the training code, for cache keys. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path

import kernels_asm.arithmetic

_FOLDER = Path(__file__).parents[1]
_SOURCES = ("augmentation.py", "networks/*.py", "nn/*.py", "training/*.py", "uncertainty.py")


@cache
def training_digest() -> str:
    """Return the SHA-256 of the sources that decide how a training ends, and of the version of PyTorch."""
    content = hashlib.sha256()
    ours = (path for pattern in _SOURCES for path in sorted(_FOLDER.glob(pattern)))
    for path in (*ours, Path(kernels_asm.arithmetic.__file__)):
        content.update(hashlib.sha256(path.read_bytes()).digest())
    content.update(importlib.metadata.version("torch").encode())
    return content.hexdigest()
