"""What a study is about: everything that must be the same for two trials to be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dse.errors import UsageError

CHANGEABLE = frozenset({"trials"})
"""Fields that a later run may change."""


@dataclass(frozen=True, slots=True)
class StudySpec:
    """The settings of a study; kept on the study itself.

    Attributes:
        network: Name of the network.
        dataset: Name of the data set.
        core: Name of the core.
        overrides: Fields of the core's description that were changed, as text by dotted path.
        clock_hz: Clock of the core.
        recipe: Fields of the training recipe.
        seed: Seed of the sampler and of the trainings.
        trials: Budget of complete trials.

    """

    network: str
    dataset: str
    core: str
    clock_hz: float
    recipe: Mapping[str, Any]
    seed: int
    trials: int
    overrides: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON values."""
        return {
            "network": self.network,
            "dataset": self.dataset,
            "core": self.core,
            "overrides": dict(self.overrides),
            "clock_hz": self.clock_hz,
            "recipe": dict(self.recipe),
            "seed": self.seed,
            "trials": self.trials,
        }

    def check_resumes(self, study_name: str, stored: Mapping[str, Any]) -> None:
        """Raise UsageError, naming the first field that differs, unless this spec continues a study with `stored`."""
        for name, wanted in self.to_dict().items():
            if name not in CHANGEABLE and stored.get(name) != wanted:
                raise UsageError(
                    f"study {study_name!r} was made with {name} {_text(stored.get(name))}, not {_text(wanted)}: "
                    "give the same value to continue it, or another --name to start a new study"
                )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={text}" for name, text in value.items()) or "none"
    return str(value)
