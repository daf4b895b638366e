"""Which designs the design page shows, and what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.address import Query, whole_number
from dashboards.selection import LARGEST_NUMBER, PARAMETER, default_trial
from dashboards.source import Snapshot
from dashboards.trial_record import Epoch, KernelCycles, history, layer_kernels
from dse.errors import UsageError
from dse.recorded_kernel import RecordedKernel, read_kernel
from dse.results import LayerResult, TrialResult
from kernels_asm import KernelError

BESIDE = "beside"
"""Parameter of the address; also named in assets/design.js."""


@dataclass(frozen=True, slots=True)
class DesignLayer:
    """A layer of a design: its result, its kernels as recorded, and its convolution if the trial recorded it."""

    result: LayerResult
    kernels: tuple[KernelCycles, ...]
    convolution: RecordedKernel | None


@dataclass(frozen=True, slots=True)
class ShownDesign:
    """A trial with its layers and the epochs of its training."""

    trial: TrialResult
    layers: tuple[DesignLayer, ...]
    epochs: tuple[Epoch, ...]


def shown_designs(query: Query, snapshot: Snapshot) -> tuple[ShownDesign, ...]:
    """Return the trial of the address and the one beside it, the conventional one unless another is named.

    Raises UsageError if there is no such trial.
    """
    results = snapshot.results
    number = _number(query, PARAMETER)
    number = default_trial(results) if number is None else number
    if number is None:
        none_kept = "no design keeps the constraints: choose a trial by its number"
        raise UsageError(none_kept if results.complete else "no trial has finished yet")
    beside = _number(query, BESIDE)
    if beside is None and results.conventional is not None:
        beside = results.conventional.number
    numbers = [number] if beside in (None, number) else [number, beside]
    return tuple(_design(one, snapshot) for one in numbers if one is not None)


def _number(query: Query, name: str) -> int | None:
    number = whole_number(query, name, LARGEST_NUMBER)
    if number is None and name in query:
        raise UsageError(f"{name} of the address is no trial: give its number, such as {name}=0")
    return number


def _design(number: int, snapshot: Snapshot) -> ShownDesign:
    trial = snapshot.results.trial(number)
    if trial is None:
        raise UsageError(f"this study has no trial {number}")
    attributes = snapshot.trial_attributes(number)
    kernels = layer_kernels(attributes)
    layers = tuple(
        DesignLayer(layer, kernels.get(layer.name, ()), _convolution(kernels.get(layer.name, ())))
        for layer in trial.attributes.layers
    )
    return ShownDesign(trial, layers, history(attributes))


def _convolution(kernels: tuple[KernelCycles, ...]) -> RecordedKernel | None:
    try:
        return next((found for kernel in kernels if (found := read_kernel(kernel.text)) is not None), None)
    except KernelError:  # of a version whose kernels have other names
        return None
