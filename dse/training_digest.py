"""Identity of the training code, for cache keys. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

import hashlib
import importlib.metadata
from functools import cache
from pathlib import Path

import kernels_asm.arithmetic

_SOURCES = ("arithmetic_torch.py", "augmentation.py", "model.py", "network.py", "recipe.py", "training.py")


@cache
def training_digest() -> str:
    """Return the SHA-256 of the sources that decide how a training ends, and of the version of PyTorch."""
    folder = Path(__file__).parent
    content = hashlib.sha256()
    for path in (*(folder / name for name in _SOURCES), Path(kernels_asm.arithmetic.__file__)):
        content.update(hashlib.sha256(path.read_bytes()).digest())
    content.update(importlib.metadata.version("torch").encode())
    return content.hexdigest()
