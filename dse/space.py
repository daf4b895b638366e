"""The search space: which designs a study may propose, and how a design is written as Optuna parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import Trial

from dse.design import Design
from dse.errors import UsageError
from dse.networks.feature_maps import FeatureMaps
from kernels_asm import Overflow
from kernels_asm.arithmetic import OVERFLOWS_OF

WIDTH_MULTIPLIERS: Final = (0.5, 0.75, 1.0, 1.5, 2.0)
ACCUMULATORS: Final = (8, 16, 32)
OVERFLOWS: Final = tuple(Overflow)
CLIPS: Final = (0, 63, 31, 15, 7, 3)
"""0 is no clip. A clip of 63 is nearly free and one of 3 costs several points of accuracy."""

ORDERED: Final = ("width_rank", "clip_rank")
"""Parameters whose neighbours are alike. A sampler is told the place of a value among the space's, smallest first and
no clip last, as it would otherwise have to learn of each value anew that it is much like the next."""


@dataclass(frozen=True)
class SearchSpace:
    """Every combination of the values below whose accumulators can overflow so: at 32 bits, only `exact`.

    Attributes:
        width_multipliers: Factors on the network's channel counts.
        accumulators: Accumulator widths in bits.
        overflows: Overflow policies of accumulators below 32 bits.
        clips: Clips of the output; 0 is none.
        maps: In what feature maps are kept.

    """

    width_multipliers: tuple[float, ...] = WIDTH_MULTIPLIERS
    accumulators: tuple[int, ...] = ACCUMULATORS
    overflows: tuple[Overflow, ...] = OVERFLOWS
    clips: tuple[int, ...] = CLIPS
    maps: tuple[FeatureMaps, ...] = tuple(FeatureMaps)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the Optuna distribution of every parameter."""
        return {
            name: IntDistribution(0, len(values) - 1) if name in ORDERED else CategoricalDistribution(values)
            for name, values in self._choices.items()
        }

    def suggest(self, trial: Trial) -> Design:
        """Ask `trial` for its parameters and return the design."""
        return self.design(
            {
                name: trial.suggest_int(name, 0, len(values) - 1)
                if name in ORDERED
                else trial.suggest_categorical(name, values)
                for name, values in self._choices.items()
            }
        )

    def design(self, parameters: Mapping[str, Any]) -> Design:
        """Return the design of a trial's parameters; at 32 bits, `overflow` does not count."""
        values = {
            name: values[parameters[name]] if name in ORDERED else parameters[name]
            for name, values in self._choices.items()
        }
        return Design(
            width_multiplier=values["width_rank"],
            accumulator=int(values["accumulator"]),
            overflow=Overflow(values["overflow"]) if values["accumulator"] < 32 else Overflow.EXACT,
            clip=values["clip_rank"] or None,
            maps=FeatureMaps(values["maps"]),
        )

    def parameters(self, design: Design) -> dict[str, Any]:
        """Return a design of this space as trial parameters, which `design` reads back.

        Raises ValueError if its width or its clip is none of the space's.
        """
        choices = self._choices
        return {
            "width_rank": choices["width_rank"].index(design.width_multiplier),
            "accumulator": design.accumulator,
            "overflow": design.overflow.value,
            "clip_rank": choices["clip_rank"].index(design.clip or 0),
            "maps": design.maps.value,
        }

    @cached_property
    def _choices(self) -> dict[str, tuple[Any, ...]]:
        return {
            "width_rank": tuple(sorted(self.width_multipliers)),
            "accumulator": self.accumulators,
            "overflow": tuple(overflow.value for overflow in self.overflows),
            "clip_rank": tuple(sorted(self.clips, key=lambda clip: clip or math.inf)),
            "maps": tuple(maps.value for maps in self.maps),
        }

    def designs(self) -> Iterator[Design]:
        """Yield every design once, legal or not."""
        for width, accumulator, clip, maps in itertools.product(
            self.width_multipliers, self.accumulators, self.clips, self.maps
        ):
            for overflow in self._overflows_of(accumulator):
                yield Design(width, accumulator, overflow, clip or None, maps)

    def _overflows_of(self, accumulator: int) -> tuple[Overflow, ...]:
        possible = OVERFLOWS_OF[accumulator]
        return tuple(overflow for overflow in self.overflows if overflow in possible) if accumulator < 32 else possible

    def to_dict(self) -> dict[str, Any]:
        """Return the space as JSON values, one list a parameter."""
        return {
            "widths": list(self.width_multipliers),
            "accumulators": list(self.accumulators),
            "overflows": [overflow.value for overflow in self.overflows],
            "clips": list(self.clips),
            "maps": [maps.value for maps in self.maps],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SearchSpace:
        """Return the space that `to_dict` wrote; raises UsageError if a list is missing or malformed."""
        try:
            return cls(
                width_multipliers=tuple(map(float, values["widths"])),
                accumulators=tuple(map(int, values["accumulators"])),
                overflows=tuple(map(Overflow, values["overflows"])),
                clips=tuple(map(int, values["clips"])),
                maps=tuple(map(FeatureMaps, values["maps"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"search space: missing or malformed list {error}") from error
