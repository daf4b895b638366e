"""The stages of a training: what a network computes in each, and how long and how fast it learns there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.nn.precision import Precision


class StageArithmetic(StrEnum):
    """How the sums of the binary layers are treated."""

    EXACT = "exact"
    """Left as they are: a wide accumulator and no clip."""
    TARGET = "target"
    """As the design says."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training, with a learning rate schedule and an optimiser of its own; the weights go on.

    Attributes:
        share: Length relative to the other stages: shares of 2 and 1, or 0.67 and 0.33, or 80 and 40 epochs of 120.
        arithmetic: How sums are treated.
        features: What the convolutions take for features.
        weights: What they take for weights.
        rate_factor: Factor on the recipe's learning rate.

    Raises:
        UsageError: A number is out of range, or an arithmetic of whole numbers is asked of real ones.

    """

    share: float = 1.0
    arithmetic: StageArithmetic = StageArithmetic.TARGET
    features: Precision = Precision.BINARY
    weights: Precision = Precision.BINARY
    rate_factor: float = 1.0

    def __post_init__(self) -> None:
        for field, value in (("share", self.share), ("rate_factor", self.rate_factor)):
            if not 0 < value < math.inf:
                raise UsageError(f"stage: {field} is {value}: give a number above 0")
        real = Precision.REAL in (self.features, self.weights)
        if real and self.arithmetic is StageArithmetic.TARGET:
            raise UsageError(
                "stage: accumulators and clips are of whole numbers: with real features or weights give "
                "arithmetic exact"
            )

    @property
    def deployable(self) -> bool:
        """Whether a network that ends with this stage is what the kernels compute."""
        return self == Stage(self.share, rate_factor=self.rate_factor)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Stage:
        """Return the stage of these fields, those left out as by default; raises UsageError for others."""
        known = {"share", "arithmetic", "features", "weights", "rate_factor"}
        if not isinstance(values, Mapping) or not set(values) <= known:
            raise UsageError(f"stage {values!r}: give {', '.join(sorted(known))}")
        try:
            return cls(
                share=float(values.get("share", 1.0)),
                arithmetic=StageArithmetic(values.get("arithmetic", "target")),
                features=Precision(values.get("features", "binary")),
                weights=Precision(values.get("weights", "binary")),
                rate_factor=float(values.get("rate_factor", 1.0)),
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"stage {dict(values)!r}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            name: str(value) if isinstance(value, StrEnum) else float(value) for name, value in asdict(self).items()
        }


PLAIN: Final = (Stage(),)
"""Everything from the first step on."""

INSERT_ARITHMETIC: Final = (Stage(2.0, StageArithmetic.EXACT), Stage(1.0, rate_factor=0.3))
"""Train, then insert clip and narrow accumulator, and continue: the scheme of Vorabbi et al. (arXiv 2304.00952).

The shares and the factor are chosen here, not there.
"""

TWO_STAGE: Final = (Stage(1.0, StageArithmetic.EXACT, weights=Precision.REAL), Stage(1.0))
"""Binary features with real weights first, then binary weights as well (Martinez et al., arXiv 2003.11535)."""

REAL: Final = (Stage(1.0, StageArithmetic.EXACT, Precision.REAL, Precision.REAL),)
"""A network of real numbers throughout, which can teach a binary one; no kernel computes it."""

STAGES: Final[Mapping[str, tuple[Stage, ...]]] = MappingProxyType(
    {"plain": PLAIN, "insert-arithmetic": INSERT_ARITHMETIC, "two-stage": TWO_STAGE}
)
"""Stages by name, all of which end with a network that kernels compute."""


def named_stages(name: str) -> tuple[Stage, ...]:
    """Return the stages called `name`; raises UsageError for a name that is not in `STAGES`."""
    if name not in STAGES:
        raise UsageError(f"stages: {name!r} {unknown_word(name, STAGES)}")
    return STAGES[name]


def last_epochs(stages: Sequence[Stage], epochs: int) -> tuple[int, ...]:
    """Return the number of the last epoch of each stage, from 1: the shares, rounded, and at least one epoch each.

    Raises:
        UsageError: There are fewer epochs than stages.

    """
    if epochs < len(stages):
        raise UsageError(f"recipe: epochs is {epochs}: give at least {len(stages)}, one for each stage")
    total = math.fsum(stage.share for stage in stages)
    ends: list[int] = []
    for number in range(1, len(stages) + 1):
        end = round(epochs * math.fsum(stage.share for stage in stages[:number]) / total)
        earliest, latest = (ends[-1] if ends else 0) + 1, epochs - (len(stages) - number)
        ends.append(min(max(end, earliest), latest))
    return tuple(ends)
