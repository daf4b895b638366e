"""Trained networks on disk: one safetensors file with the weights, what they belong to and how good they are."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from dse.atomic_file import replace_file
from dse.errors import DseError, UsageError, one_line
from dse.layer_functions import function_values, parse_function
from dse.networks import FeatureMaps, Repairs, build_network
from dse.nn.model import BinaryModel
from dse.training.recipe import Recipe
from dse.training.safetensors_file import DamagedFileError, pack, tensors_digest, unpack
from dse.training.trained import EpochResult, TrainedNetwork

FORMAT = 5
"""Version of the metadata that is written. No time is in it, so that equal trainings make equal files."""

_READABLE = (3, 4, FORMAT)
"""Versions that are read; 3 has the seconds of the training too, which are left alone."""

_FIRST_SCALED = 5
"""Before, bytes of int8 maps counted in sixteenths whatever the sums were clipped to: those weights mean other maps."""

_ENTRY = "trained"


class WeightsError(DseError):
    """A weights file is missing, damaged, of another version, or cannot be written."""


def weights_bytes(trained: TrainedNetwork) -> bytes:
    """Return `trained` as the content of a safetensors file; its metadata entry `trained` is JSON."""
    network = trained.network
    description = {
        "format": FORMAT,
        "network": {
            "name": network.name,
            "width_multiplier": network.width_multiplier,
            "input_shape": network.input_shape,
            "classes": network.classes,
            "repairs": network.repairs.to_dict(),
            "maps": network.maps,
            "depth_multiplier": network.depth_multiplier,
        },
        "network_digest": network.digest,
        "functions": list(map(function_values, trained.functions)),
        "accuracy": trained.accuracy,
        "standard_error": trained.standard_error,
        "test_accuracy": trained.test_accuracy,
        "test_standard_error": trained.test_standard_error,
        "history": [asdict(epoch) for epoch in trained.history],
        "recipe": trained.recipe.to_dict(),
        "seed": trained.seed,
    }
    return pack(_ENTRY, description, trained.state_dict)


def parse_weights(content: bytes, where: str) -> TrainedNetwork:
    """Return the trained network that `weights_bytes` made `content` of.

    Args:
        content: A whole file.
        where: What to call it in messages.

    Raises:
        WeightsError: It is damaged, of another version, or of a network that this version builds otherwise.

    """
    try:
        description, tensors = unpack(_ENTRY, content)
    except DamagedFileError as error:
        raise WeightsError(f"{where}: no weights of a trained network, or damaged ({error}): train again") from error
    if description.get("format") not in _READABLE:
        raise WeightsError(f"{where}: weights of format {description.get('format')}, expected {FORMAT}: train again")
    try:
        trained = _trained(description, tensors)
        matches = trained.network.digest == description["network_digest"] and _fits(trained)
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise WeightsError(f"{where}: its description is damaged ({one_line(error)}): train again") from error
    if trained.network.maps is FeatureMaps.INT8 and description["format"] < _FIRST_SCALED:
        raise WeightsError(f"{where}: weights of another version, whose int8 maps have another scale: train again")
    if not matches:
        raise WeightsError(f"{where}: another version built network {trained.network.name} otherwise: train again")
    return trained


def weights_digest(trained: TrainedNetwork) -> str:
    """Return the SHA-256 of what `trained` computes: network, arithmetic, precision and weights."""
    last = trained.recipe.stages[-1]
    content = hashlib.sha256(tensors_digest(trained.state_dict).encode())
    content.update(repr((trained.network.digest, trained.functions, last.features, last.weights)).encode())
    return content.hexdigest()


def save_weights(path: Path, trained: TrainedNetwork) -> None:
    """Write `trained` to `path`, whole or not at all.

    Raises:
        WeightsError: The file cannot be written.

    """
    try:
        replace_file(path, weights_bytes(trained))
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror})") from error


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


def _trained(description: dict[str, Any], tensors: dict[str, Tensor]) -> TrainedNetwork:
    network = description["network"] | {
        "input_shape": tuple(description["network"]["input_shape"]),
        "repairs": Repairs.from_dict(description["network"]["repairs"]),
        "maps": FeatureMaps(description["network"]["maps"]),
    }
    return TrainedNetwork(
        network=build_network(**network),
        functions=tuple(map(parse_function, description["functions"])),
        accuracy=description["accuracy"],
        standard_error=description["standard_error"],
        test_accuracy=description["test_accuracy"],
        test_standard_error=description["test_standard_error"],
        seconds=None,
        history=tuple(EpochResult(**epoch) for epoch in description["history"]),
        state_dict=tensors,
        recipe=Recipe.from_dict(description["recipe"]),
        seed=description["seed"],
    )


def _fits(trained: TrainedNetwork) -> bool:
    """Whether names and shapes of the tensors are those of the network's parameters and buffers."""
    expected = BinaryModel(trained.network, trained.functions).state_dict()
    found = trained.state_dict
    return {k: v.shape for k, v in expected.items()} == {k: v.shape for k, v in found.items()}
