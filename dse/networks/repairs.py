"""Repairs: what a network adds to plain binary layers to win accuracy back, each an option with its price in latency.

The choice and the names of the groups follow de Putter and Corporaal, "How to train accurate BNNs for embedded
systems?" (arXiv 2206.12322). What only training sees (distillation, stages, optimisers) belongs to the recipe, but for
`Estimator`, which decides how the feature binarizer learns. `dse.networks.layers.BinaryConv` says where each stands in
a block, `dse.networks.repair_costs` what each costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from typing import Any

from dse.errors import UsageError
from dse.near_match import unknown_word
from kernels_asm.activation import Activation


class Estimator(StrEnum):
    """Gradient of the feature binarizer, as a function of its input x; `dse.nn.estimators` has the formulas."""

    STE = "ste"
    """1 where |x| <= 1 (Hubara et al., arXiv 1602.02830)."""
    APPROX_SIGN = "approx-sign"
    """max(0, 2 - 2 |x|) (Liu et al., Bi-Real Net, arXiv 1808.00278)."""
    RESTE = "reste"
    """Derivative of sign(x) |x|^(1/p), cut off near 0 and far from it; p grows over training (arXiv 2308.06689)."""
    TANH = "tanh"
    """1 - tanh(x)^2."""
    EDE = "ede"
    """Derivative of k tanh(t x), where t grows over training (IR-Net, arXiv 1909.10788)."""
    SIGN_SWISH = "sign-swish"
    """Derivative of SignSwish (Darabi et al., arXiv 1812.11800)."""


class Normalisation(StrEnum):
    """Where a block's batch norm stands."""

    AFTER = "after"
    """Behind the convolution."""
    BEFORE = "before"
    """In front of the sign; the convolution's outputs are only multiplied by a constant, 1 / sqrt(K)."""


class Residual(StrEnum):
    """What a shortcut goes around."""

    NONE = "none"
    SINGLE = "single"
    """Two binary convolutions, as in ResNet."""
    DOUBLE = "double"
    """Every binary convolution, as in Bi-Real Net: twice as many shortcuts."""


@dataclass(frozen=True, slots=True)
class Repairs:
    """The options of every binary block of a network.

    `str` writes them as `parse` reads them: "estimator=ste,learned-threshold=no,...".

    Attributes:
        estimator: Gradient of the feature binarizer; costs nothing on the device.
        learned_threshold: Whether the sign compares with a learned number for each channel instead of 0.
        weight_scale: Whether binary weights are scaled by the mean magnitude of each output channel's latent weights
            (XNOR-Net, arXiv 1603.05279); applied to the convolution's whole numbers, behind their end value.
        normalisation: Where the batch norm stands.
        activation: What follows the sum.
        residual: What a shortcut goes around.

    Raises UsageError for a combination that makes no sense.
    """

    estimator: Estimator = Estimator.APPROX_SIGN
    learned_threshold: bool = False
    weight_scale: bool = False
    normalisation: Normalisation = Normalisation.AFTER
    activation: Activation = Activation.NONE
    residual: Residual = Residual.DOUBLE

    def __post_init__(self) -> None:
        shifted = self.learned_threshold or self.normalisation is Normalisation.BEFORE
        if self.activation is Activation.RELU and not shifted:
            raise UsageError(
                "repairs: behind activation=relu no feature is below 0, so every sign is +1: "
                "give learned-threshold=yes or normalisation=before with it, or another activation"
            )
        if self.learned_threshold and self.normalisation is Normalisation.BEFORE:
            raise UsageError(
                "repairs: with normalisation=before the batch norm's bias is the threshold already: "
                "give learned-threshold=no"
            )

    def __str__(self) -> str:
        return ",".join(f"{_option(field.name)}={_text(getattr(self, field.name))}" for field in fields(self))

    @classmethod
    def parse(cls, text: str, base: Repairs | None = None) -> Repairs:
        """Read options such as "estimator=ste,residual=single"; those not named are as in `base`.

        Raises UsageError for unknown names or values, an option named twice, and senseless combinations.
        """
        chosen: dict[str, Any] = {}
        for part in filter(None, text.split(",")):
            option, equals, value = (piece.strip() for piece in part.partition("="))
            if option not in _CHOICES or not equals:
                raise UsageError(f"repairs {part!r}: {_hint(option, _CHOICES)}: write OPTION=VALUE, {_EXAMPLE}")
            if value not in _CHOICES[option]:
                raise UsageError(f"repairs {part!r}: {_hint(value, _CHOICES[option])}")
            if _field(option) in chosen:
                raise UsageError(f"repairs {text!r}: {option} is given twice: give it once")
            chosen[_field(option)] = _CHOICES[option][value]
        return replace(base or cls(), **chosen)

    def to_dict(self) -> dict[str, Any]:
        """Return the options as JSON values; `from_dict` reads them back."""
        return {name: value if isinstance(value, bool) else str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Repairs:
        """Return what `to_dict` wrote; raises UsageError for anything else."""
        if not isinstance(values, Mapping) or set(values) != {field.name for field in fields(cls)}:
            raise UsageError(f"repairs {values!r}: give {', '.join(field.name for field in fields(cls))}")
        return cls.parse(",".join(f"{_option(name)}={_text(value)}" for name, value in values.items()))


_EXAMPLE = "such as estimator=ste,residual=single"
_SWITCH = {"no": False, "yes": True}
_CHOICES: dict[str, dict[str, Any]] = {
    "estimator": {str(choice): choice for choice in Estimator},
    "learned-threshold": _SWITCH,
    "weight-scale": _SWITCH,
    "normalisation": {str(choice): choice for choice in Normalisation},
    "activation": {str(choice): choice for choice in Activation},
    "residual": {str(choice): choice for choice in Residual},
}


def repair_choices() -> dict[str, tuple[str, ...]]:
    """Return the values that each option of `Repairs.parse` can have."""
    return {option: tuple(values) for option, values in _CHOICES.items()}


def _option(field: str) -> str:
    return field.replace("_", "-")


def _field(option: str) -> str:
    return option.replace("-", "_")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _hint(wrong: str, known: Mapping[str, object]) -> str:
    return f"{wrong!r} {unknown_word(wrong, known)}"
