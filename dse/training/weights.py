"""Trained networks on disk: one safetensors file with the weights, what they belong to and how good they are."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from dse.errors import DseError, UsageError, one_line
from dse.layer_functions import function_values, parse_function
from dse.networks import Repairs, build_network
from dse.nn.model import BinaryModel
from dse.training.loop import EpochResult, TrainedNetwork

FORMAT = 2
"""Version of the metadata; a file with another one is refused."""


class WeightsError(DseError):
    """A weights file is missing, damaged, of another version, or cannot be written."""


def weights_bytes(trained: TrainedNetwork) -> bytes:
    """Return `trained` as the content of a safetensors file; its metadata entry `trained` is JSON."""
    tensors = {name: tensor.contiguous() for name, tensor in trained.state_dict.items()}
    network = trained.network
    description = {
        "format": FORMAT,
        "network": {
            "name": network.name,
            "width_multiplier": network.width_multiplier,
            "input_shape": network.input_shape,
            "classes": network.classes,
            "repairs": network.repairs.to_dict(),
        },
        "network_digest": network.digest,
        "functions": list(map(function_values, trained.functions)),
        "accuracy": trained.accuracy,
        "standard_error": trained.standard_error,
        "test_accuracy": trained.test_accuracy,
        "seconds": trained.seconds,
        "history": [asdict(epoch) for epoch in trained.history],
        "tensors_sha256": _tensors_digest(tensors),
    }
    return safetensors.torch.save(tensors, metadata={"trained": json.dumps(description)})


def parse_weights(content: bytes, where: str) -> TrainedNetwork:
    """Return the trained network that `weights_bytes` made `content` of.

    Args:
        content: A whole file.
        where: What to call it in messages.

    Raises:
        WeightsError: It is damaged, of another version, or of a network that this version builds otherwise.

    """
    try:
        tensors = safetensors.torch.load(content)
        description = _description(content)
    except (SafetensorError, KeyError, ValueError) as error:
        raise WeightsError(f"{where}: no weights of a trained network, or damaged ({one_line(error)})") from error
    if description.get("format") != FORMAT:
        raise WeightsError(f"{where}: weights of format {description.get('format')}, expected {FORMAT}: train again")
    if _tensors_digest(tensors) != description.get("tensors_sha256"):
        raise WeightsError(f"{where}: damaged, its tensors do not have their SHA-256: train again")
    try:
        trained = _trained(description, tensors)
        matches = trained.network.digest == description["network_digest"] and _fits(trained)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise WeightsError(f"{where}: its description is damaged ({one_line(error)}): train again") from error
    if not matches:
        raise WeightsError(f"{where}: another version built network {trained.network.name} otherwise: train again")
    return trained


def save_weights(path: Path, trained: TrainedNetwork) -> None:
    """Write `trained` to `path`, whole or not at all.

    Raises:
        WeightsError: The file cannot be written.

    """
    temporary: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(weights_bytes(trained))
        temporary.replace(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def load_weights(path: Path) -> TrainedNetwork:
    """Return the trained network in the file at `path`.

    Raises:
        WeightsError: It cannot be read, or as for `parse_weights`.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error
    return parse_weights(content, str(path))


def _description(content: bytes) -> dict[str, Any]:
    """Return the metadata; the format is 8 bytes of header length, a JSON header, then the tensors."""
    length = int.from_bytes(content[:8], "little")
    description = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["trained"])
    if not isinstance(description, dict):
        raise ValueError("its metadata is no mapping")
    return description


def _trained(description: dict[str, Any], tensors: dict[str, Tensor]) -> TrainedNetwork:
    network = description["network"] | {
        "input_shape": tuple(description["network"]["input_shape"]),
        "repairs": Repairs.from_dict(description["network"]["repairs"]),
    }
    return TrainedNetwork(
        network=build_network(**network),
        functions=tuple(map(parse_function, description["functions"])),
        accuracy=description["accuracy"],
        standard_error=description["standard_error"],
        test_accuracy=description["test_accuracy"],
        seconds=description["seconds"],
        history=tuple(EpochResult(**epoch) for epoch in description["history"]),
        state_dict=tensors,
    )


def _fits(trained: TrainedNetwork) -> bool:
    """Whether names and shapes of the tensors are those of the network's parameters and buffers."""
    expected = BinaryModel(trained.network, trained.functions).state_dict()
    found = trained.state_dict
    return {k: v.shape for k, v in expected.items()} == {k: v.shape for k, v in found.items()}


def _tensors_digest(tensors: dict[str, Tensor]) -> str:
    content = hashlib.sha256()
    for name in sorted(tensors):
        content.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        content.update(tensors[name].numpy().tobytes())
    return content.hexdigest()
