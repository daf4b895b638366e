"""Tensors with a description in one safetensors file, which holds no code that reading it could run.

The description is JSON in the metadata entry of a name that says what the file is; the SHA-256 of the tensors is in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from dse.errors import one_line

_DIGEST = "tensors_sha256"


class DamagedFileError(ValueError):
    """The bytes are not what `pack` made for an entry of that name; the message says why, in a few words."""


def pack(entry: str, description: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> bytes:
    """Return a file with these tensors and this description (JSON values) under the metadata entry `entry`."""
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    metadata = {entry: json.dumps({**description, _DIGEST: tensors_digest(contiguous)})}
    return safetensors.torch.save(contiguous, metadata=metadata)


def unpack(entry: str, content: bytes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the description and the tensors that `pack` made `content` of; raises DamagedFileError."""
    try:
        tensors = safetensors.torch.load(content)
        description = _description(entry, content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise DamagedFileError(one_line(error)) from error
    if tensors_digest(tensors) != description.pop(_DIGEST, None):
        raise DamagedFileError("its tensors do not have their SHA-256")
    return description, tensors


def tensors_digest(tensors: Mapping[str, Tensor]) -> str:
    """Return the SHA-256 of names, types, shapes and values."""
    content = hashlib.sha256()
    for name in sorted(tensors):
        content.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        content.update(tensors[name].numpy().tobytes())
    return content.hexdigest()


def _description(entry: str, content: bytes) -> dict[str, Any]:
    """Return the metadata; the format is 8 bytes of header length, a JSON header, then the tensors."""
    length = int.from_bytes(content[:8], "little")
    description = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][entry])
    if not isinstance(description, dict):
        raise ValueError("its metadata is no mapping")
    return description
