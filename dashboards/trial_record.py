"""What a trial records beyond what every view needs: the kernels of its layers and the course of its training.

Read leniently: studies of earlier versions lack some of it, and a page says so where it does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KernelCycles:
    """One kernel of a layer, as the trial names it, and its cycles."""

    text: str
    cycles: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a training: its number, the mean loss and the accuracy on the validation split, 0..1."""

    number: int
    loss: float
    accuracy: float


def layer_kernels(attributes: Mapping[str, Any]) -> dict[str, tuple[KernelCycles, ...]]:
    """Return the kernels of each layer by its name, none for a study that did not record them."""
    return {
        layer["name"]: tuple(_kernels(layer))
        for layer in _records(attributes.get("layers"))
        if isinstance(layer.get("name"), str)
    }


def history(attributes: Mapping[str, Any]) -> tuple[Epoch, ...]:
    """Return the epochs of a trial's training, none if it recorded none or has none yet."""
    return tuple(
        Epoch(entry["epoch"], float(entry["loss"]), float(entry["accuracy"]))
        for entry in _records(attributes.get("history"))
        if isinstance(entry.get("epoch"), int) and _is_number(entry.get("loss")) and _is_number(entry.get("accuracy"))
    )


def core_overrides(study_attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields of the core's description that the study changed."""
    spec = study_attributes.get("spec")
    overrides = spec.get("overrides") if isinstance(spec, Mapping) else None
    return {str(name): str(value) for name, value in overrides.items()} if isinstance(overrides, Mapping) else {}


def _kernels(layer: Mapping[str, Any]) -> list[KernelCycles]:
    return [
        KernelCycles(entry["kernel"], entry["cycles"])
        for entry in _records(layer.get("kernels"))
        if isinstance(entry.get("kernel"), str) and isinstance(entry.get("cycles"), int)
    ]


def _records(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, (list, tuple)) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
