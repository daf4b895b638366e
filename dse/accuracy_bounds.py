"""Upper bounds on the accuracy of a design that has not been trained, which spare trainings that cannot matter.

No bound but 1 is certain for a network that nobody trained, so each of these is an assumption that a study checks
against every training that it does make: once one contradicts it, the bound is dropped and whatever it excluded is
evaluated after all (`dse.staging`). What it wrongly excludes without being contradicted, the study cannot see:
`NestedBound` says how likely that is.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np

from dse.design import Design, NetworkChoice
from dse.networks import FeatureMaps, Network
from kernels_asm import EndValue, LayerFunction

STANDARD_ERRORS: Final = 4.0
"""Of the difference of two accuracies, by which a network may be above one that loses less."""

FEWEST: Final = 5
"""Trainings that must be known before what they gained says how much another can."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A complete trial: its number and design, its accuracy (0..1) with standard error, and that after each epoch."""

    number: int
    design: Design
    accuracy: float
    standard_error: float
    epochs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a training is: the epoch that it has finished, from 1, and the accuracy after it, 0..1."""

    epoch: int
    accuracy: float


class AccuracyBound(ABC):
    """An assumption on how accurate designs can be."""

    name: str
    """What a pruned trial says it was pruned by."""

    @abstractmethod
    def of(self, design: Design, trained: Sequence[Trained], reached: Reached | None = None) -> float:
        """Return the most that a design's accuracy can be, 1 where nothing is known.

        Args:
            design: The design.
            trained: What has been trained.
            reached: How far the training of the design is; None before its first epoch has ended.

        """

    @abstractmethod
    def contradiction(self, trained: Sequence[Trained]) -> str | None:
        """Return, in one line, what of the trainings shows that the assumption is wrong, or None."""


@dataclass(frozen=True)
class DeclaredBound(AccuracyBound):
    """What the user declares: no design of the study is more accurate than this, 0 to 1."""

    most: float
    name = "declared"

    def of(self, design: Design, trained: Sequence[Trained], reached: Reached | None = None) -> float:  # noqa: ARG002
        """See `AccuracyBound`."""
        return self.most

    def contradiction(self, trained: Sequence[Trained]) -> str | None:
        """See `AccuracyBound`."""
        above = next((one for one in trained if one.accuracy > self.most), None)
        return None if above is None else f"trial {above.number} reached {above.accuracy:.2%}, above {self.most:.2%}"


class NestedBound(AccuracyBound):
    """A network that can tell no more apart than another one is not more accurate, but for the noise of trainings.

    One network is nested in another if it is no wider, if its maps are kept no finer, and if the output of each of its
    layers is a function of what the other's arithmetic puts out there: a clip of 7 is a function of one of 31, and what
    a sum that wraps puts out a function of the exact sum. Its accuracy is taken to be at most that of the other and
    `STANDARD_ERRORS` standard errors of a difference of two such accuracies. If accuracies are normal and their means
    in that order, one nested network in 32,000 is above the bound of one outer network; the study misses it if it would
    have been on the front.

    Args:
        network_of: Builds the network.

    """

    name = "nested"

    def __init__(self, network_of: Callable[[NetworkChoice], Network]) -> None:
        self._network_of = cache(network_of)
        self._is_nested = cache(self._find_nested)

    def of(self, design: Design, trained: Sequence[Trained], reached: Reached | None = None) -> float:  # noqa: ARG002
        """See `AccuracyBound`."""
        return min((1.0, *(_most_of(one) for one in trained if self._is_nested(design, one.design))))

    def contradiction(self, trained: Sequence[Trained]) -> str | None:
        """See `AccuracyBound`."""
        for outer in trained:
            for inner in trained:
                if inner.accuracy > _most_of(outer) and self._is_nested(inner.design, outer.design):
                    return (
                        f"trial {inner.number} reached {inner.accuracy:.2%}, and trial {outer.number}, which loses "
                        f"less, {outer.accuracy:.2%}"
                    )
        return None

    def _find_nested(self, inner: Design, outer: Design) -> bool:
        if not _is_network_nested(inner.network, outer.network):
            return False
        shapes = [layer.shape for layer in self._network_of(inner.network).binary_layers]
        pairs = zip(inner.layer_functions(shapes), outer.layer_functions(shapes), shapes, strict=True)
        return all(is_function_of(one, other, shape.window) for one, other, shape in pairs)


class GainBound(AccuracyBound):
    """A training gains no more, from an epoch to its end, than the most that any other of the study has gained.

    But for the noise: `STANDARD_ERRORS` standard errors of a difference of two accuracies. It says nothing before an
    epoch has ended, nor before `FEWEST` trainings of as many epochs are known.
    """

    name = "gain"

    def of(self, design: Design, trained: Sequence[Trained], reached: Reached | None = None) -> float:  # noqa: ARG002
        """See `AccuracyBound`."""
        return 1.0 if reached is None else min(1.0, _most_after(reached, trained))

    def contradiction(self, trained: Sequence[Trained]) -> str | None:
        """See `AccuracyBound`."""
        for one in trained:
            others = [other for other in trained if other is not one]
            for epoch, accuracy in enumerate(one.epochs, start=1):
                if one.accuracy > _most_after(Reached(epoch, accuracy), others):
                    return (
                        f"trial {one.number} went from {accuracy:.2%} after epoch {epoch} to {one.accuracy:.2%}, "
                        "further than any other"
                    )
        return None


def _most_after(reached: Reached, trained: Sequence[Trained]) -> float:
    """Return what `GainBound` allows; infinity where too little is known."""
    known = [one for one in trained if len(one.epochs) > reached.epoch]
    if len(known) < FEWEST:
        return math.inf
    gain = max(one.accuracy - one.epochs[reached.epoch - 1] for one in known)
    error = max(one.standard_error for one in known)
    return reached.accuracy + gain + STANDARD_ERRORS * math.sqrt(2) * error


def _is_network_nested(inner: NetworkChoice, outer: NetworkChoice) -> bool:
    """Whether one network is no wider than another, keeps maps no finer, and is like it in all else."""
    is_coarser = inner.maps is outer.maps or outer.maps is FeatureMaps.FLOAT32
    alike = replace(inner, width_multiplier=outer.width_multiplier, maps=outer.maps) == outer
    return alike and is_coarser and inner.width_multiplier <= outer.width_multiplier


@cache
def is_function_of(inner: LayerFunction, outer: LayerFunction, window: int) -> bool:
    """Return whether outputs of `inner` follow from those of `outer`, both over a window of so many products."""
    if inner == outer:
        return True
    if not (isinstance(inner, EndValue) and isinstance(outer, EndValue)):
        return False  # running sums are no function of the dot product
    dots = np.arange(-window, window + 1, 2)
    outputs = np.stack([outer.apply(dots), inner.apply(dots)])
    return bool(np.unique(outputs, axis=1).shape[1] == np.unique(outputs[0]).size)


def _most_of(outer: Trained) -> float:
    """Return the bound on networks nested in this one; their own error is taken to be as large."""
    return outer.accuracy + STANDARD_ERRORS * math.sqrt(2) * outer.standard_error
