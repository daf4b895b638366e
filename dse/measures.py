"""The quantities of a design that a study can optimise or constrain, by name: `latency_ms`, `accuracy`, and others."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from dse.errors import UsageError
from dse.near_match import unknown_word


class MeasureKind(StrEnum):
    """What is measured; the name says in which unit."""

    LATENCY = "latency_ms"
    """Of the binary layers on a core, in milliseconds."""
    ACCURACY = "accuracy"
    """On the validation images, 0 to 1."""
    MEMORY = "memory_bytes"
    """Peak of the feature maps that are alive at once around the binary layers."""
    WEIGHTS = "weight_bytes"
    """Packed weights, thresholds and batch-norm constants of the binary layers."""
    CODE = "code_bytes"
    """Machine code of the distinct kernels that the binary layers call."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity.

    Attributes:
        kind: What is measured.
        core: A latency's further core, None for the study's own. No other kind has one.

    """

    kind: MeasureKind
    core: str | None = None

    @classmethod
    def parse(cls, text: str) -> Measure:
        """Read what `str` writes, such as "latency_ms@cortex-a53"; raises UsageError, with the nearest name."""
        name, at, core = text.strip().partition("@")
        if name not in set(MeasureKind):
            raise UsageError(f"{name!r} {unknown_word(name, MeasureKind)}")
        if not at:
            return cls(MeasureKind(name))
        if name != MeasureKind.LATENCY or not core:
            raise UsageError(f"{text!r}: only {MeasureKind.LATENCY} has a core: write latency_ms@cortex-a53")
        return cls(MeasureKind.LATENCY, core)

    def __str__(self) -> str:
        return self.kind if self.core is None else f"{self.kind}@{self.core}"

    @property
    def is_maximised(self) -> bool:
        """Whether more of it is better."""
        return self.kind is MeasureKind.ACCURACY

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Optuna's word for the way in which it is better."""
        return "maximize" if self.is_maximised else "minimize"

    def loss(self, value: float) -> float:
        """Return a value as a number that is better where it is less."""
        return -value if self.is_maximised else value

    @property
    def label(self) -> str:
        """Name with the unit in which people read it: "accuracy %"."""
        words = {
            MeasureKind.LATENCY: "latency ms",
            MeasureKind.ACCURACY: "accuracy %",
            MeasureKind.MEMORY: "memory KiB",
            MeasureKind.WEIGHTS: "weights KiB",
            MeasureKind.CODE: "code KiB",
        }[self.kind]
        return words if self.core is None else f"{words} {self.core}"

    @property
    def title(self) -> str:
        """Title of an axis."""
        words = {
            MeasureKind.LATENCY: "Latency (ms) of the binary layers",
            MeasureKind.ACCURACY: "Validation accuracy (%)",
            MeasureKind.MEMORY: "Peak memory (KiB) of feature maps",
            MeasureKind.WEIGHTS: "Weights (KiB) of the binary layers",
            MeasureKind.CODE: "Code (KiB) of the kernels",
        }[self.kind]
        return words if self.core is None else f"{words} on {self.core}"

    def shown(self, value: float) -> float:
        """Return a value in the unit of `label` and `title`."""
        if self.kind is MeasureKind.ACCURACY:
            return 100 * value
        return value if self.kind is MeasureKind.LATENCY else value / 1024

    def text(self, value: float) -> str:
        """Return a value as text in the unit of `label`, without the unit."""
        digits = {MeasureKind.LATENCY: 4, MeasureKind.ACCURACY: 2}.get(self.kind, 1)
        return f"{self.shown(value):.{digits}f}"


LATENCY: Final = Measure(MeasureKind.LATENCY)
ACCURACY: Final = Measure(MeasureKind.ACCURACY)
