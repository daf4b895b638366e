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

from dse.design import Design, NetworkChoice, Sums
from dse.errors import UsageError
from dse.networks import Repairs
from dse.networks.feature_maps import FeatureMaps
from kernels_asm import Overflow
from kernels_asm.arithmetic import OVERFLOWS_OF

WIDTH_MULTIPLIERS: Final = (0.5, 0.75, 1.0, 1.5, 2.0)
ACCUMULATORS: Final = (8, 16, 32)
OVERFLOWS: Final = tuple(Overflow)
CLIPS: Final = (0, 63, 31, 15, 7, 3)
"""0 is no clip. A clip of 63 is nearly free and one of 3 costs several points of accuracy."""


@dataclass(frozen=True)
class _Parameter:
    """A parameter of Optuna's.

    Attributes:
        name: Its name; where it is a rank, that says so.
        values: What it can be.
        is_rank: Whether neighbours among the values are alike. A sampler is told the place of such a value, as it would
            otherwise have to learn of each value anew that it is much like the next.

    """

    name: str
    values: tuple[Any, ...]
    is_rank: bool = False

    @property
    def distribution(self) -> BaseDistribution:
        """What a sampler draws from."""
        return IntDistribution(0, len(self.values) - 1) if self.is_rank else CategoricalDistribution(self.values)

    def suggest(self, trial: Trial) -> Any:
        """Ask `trial` for the parameter."""
        if self.is_rank:
            return trial.suggest_int(self.name, 0, len(self.values) - 1)
        return trial.suggest_categorical(self.name, self.values)

    def read(self, parameters: Mapping[str, Any]) -> Any:
        """Return the value that a trial's parameters stand for; the only one where they leave it out."""
        if self.name not in parameters and len(self.values) == 1:
            return self.values[0]
        found = parameters[self.name]
        return self.values[found] if self.is_rank else found

    def write(self, value: Any) -> Any:
        """Return what stands for a value; raises ValueError if it is none of the values."""
        rank = self.values.index(value)
        return rank if self.is_rank else value


@dataclass(frozen=True)
class SearchSpace:
    """Every combination of the values below whose accumulators can overflow so: at 32 bits, only `exact`.

    Attributes:
        width_multipliers: Factors on the network's channel counts.
        accumulators: Accumulator widths in bits.
        overflows: Overflow policies of accumulators below 32 bits.
        clips: Clips of the output; 0 is none.
        maps: In what feature maps are kept.
        depth_multipliers: Factors on the blocks of the network's stages.
        input_sizes: Rows and columns of the images; 0: as the data set has them.
        repairs: Options of the binary blocks, as `dse.networks.Repairs` writes them; "": the network's usual ones.
        layer_counts: Binary layers of the network at each depth multiplier, where accumulator, overflow policy and clip
            are chosen for each layer; empty: they are chosen once, for all layers.

    """

    width_multipliers: tuple[float, ...] = WIDTH_MULTIPLIERS
    accumulators: tuple[int, ...] = ACCUMULATORS
    overflows: tuple[Overflow, ...] = OVERFLOWS
    clips: tuple[int, ...] = CLIPS
    maps: tuple[FeatureMaps, ...] = tuple(FeatureMaps)
    depth_multipliers: tuple[float, ...] = (1.0,)
    input_sizes: tuple[int, ...] = (0,)
    repairs: tuple[str, ...] = ("",)
    layer_counts: tuple[int, ...] = ()

    @property
    def is_per_layer(self) -> bool:
        """Whether accumulator, overflow policy and clip are chosen for each layer."""
        return bool(self.layer_counts)

    def distributions(self) -> dict[str, BaseDistribution]:
        """Return the Optuna distribution of every parameter."""
        return {parameter.name: parameter.distribution for parameter in self._parameters}

    def suggest(self, trial: Trial) -> Design:
        """Ask `trial` for its parameters and return the design."""
        return self.design({parameter.name: parameter.suggest(trial) for parameter in self._parameters})

    def design(self, parameters: Mapping[str, Any]) -> Design:
        """Return the design of a trial's parameters.

        At 32 bits, `overflow` does not count; nor do parameters of layers that the network does not have.
        """
        network = _network(*(parameter.read(parameters) for parameter in self._of_network))
        layers = self._of_layers[: self.sums_count(network)]
        return Design(network, tuple(_sums(*(parameter.read(parameters) for parameter in layer)) for layer in layers))

    def parameters(self, design: Design) -> dict[str, Any]:
        """Return a design of this space as trial parameters, which `design` reads back.

        Raises ValueError if one of its values is none of the space's.
        """
        network = design.network
        values = [
            network.width_multiplier,
            network.maps.value,
            network.depth_multiplier,
            network.input_size or 0,
            "" if network.repairs is None else str(network.repairs),
        ]
        count = len(self._of_layers)
        for one in (*design.sums, *design.sums[-1:] * count)[:count]:
            values += [one.accumulator, one.overflow.value, one.clip or 0]
        chosen = zip((*self._of_network, *itertools.chain(*self._of_layers)), values, strict=True)
        written = {parameter.name: parameter.write(value) for parameter, value in chosen}
        return {parameter.name: written[parameter.name] for parameter in self._parameters}

    def networks(self) -> Iterator[NetworkChoice]:
        """Yield what can be chosen of the network, each once, in the order of the values."""
        for choice in itertools.product(
            self.width_multipliers,
            (maps.value for maps in self.maps),
            self.depth_multipliers,
            self.input_sizes,
            self.repairs,
        ):
            yield _network(*choice)

    @cached_property
    def sums(self) -> tuple[Sums, ...]:
        """What a layer can compute in, each once, in the order of the values."""
        return tuple(
            Sums(accumulator, overflow, clip or None)
            for accumulator, clip in itertools.product(self.accumulators, self.clips)
            for overflow in self._overflows_of(accumulator)
        )

    def sums_count(self, network: NetworkChoice) -> int:
        """Return how often sums are chosen for a network: once, or for each of its binary layers."""
        if not self.is_per_layer:
            return 1
        return self.layer_counts[self.depth_multipliers.index(network.depth_multiplier)]

    def designs(self) -> Iterator[Design]:
        """Yield every design once, legal or not."""
        for network in self.networks():
            for sums in itertools.product(self.sums, repeat=self.sums_count(network)):
                yield Design(network, sums)

    def rank(self, design: Design) -> tuple[int, ...]:
        """Return where a design of this space stands in the order of `designs`, for comparisons."""
        count = self.sums_count(design.network)
        return self._network_ranks[design.network], *map(self._sums_ranks.__getitem__, design.layer_sums(count))

    def __contains__(self, design: Design) -> bool:
        """Whether a design is one of this space, legal or not."""
        return (
            design.network in self._network_ranks
            and len(design.sums) in (1, self.sums_count(design.network))
            and all(one in self._sums_ranks for one in design.sums)
        )

    @cached_property
    def _network_ranks(self) -> dict[NetworkChoice, int]:
        return {network: rank for rank, network in enumerate(self.networks())}

    @cached_property
    def _sums_ranks(self) -> dict[Sums, int]:
        return {sums: rank for rank, sums in enumerate(self.sums)}

    @cached_property
    def _of_network(self) -> tuple[_Parameter, ...]:
        """The parameters of a network, as `_network` takes them."""
        return (
            _Parameter("width_rank", tuple(sorted(self.width_multipliers)), is_rank=True),
            _Parameter("maps", tuple(maps.value for maps in self.maps)),
            _Parameter("depth_rank", tuple(sorted(self.depth_multipliers)), is_rank=True),
            _Parameter("input_rank", tuple(sorted(self.input_sizes, key=_zero_last)), is_rank=True),
            _Parameter("repairs", self.repairs),
        )

    @cached_property
    def _of_layers(self) -> tuple[tuple[_Parameter, ...], ...]:
        """The parameters of the sums of each layer, as `_sums` takes them; of one where they are chosen once."""
        layers = max(self.layer_counts, default=1)
        numbers = [f"_{number}" for number in range(1, layers + 1)] if self.is_per_layer else [""]
        return tuple(
            (
                _Parameter(f"accumulator{number}", self.accumulators),
                _Parameter(f"overflow{number}", tuple(overflow.value for overflow in self.overflows)),
                _Parameter(f"clip_rank{number}", tuple(sorted(self.clips, key=_zero_last)), is_rank=True),
            )
            for number in numbers
        )

    @cached_property
    def _parameters(self) -> tuple[_Parameter, ...]:
        """All parameters; of depth, input size and repairs, those that have several values."""
        width, maps, *further = self._of_network
        several = (parameter for parameter in further if len(parameter.values) > 1)
        return width, *itertools.chain(*self._of_layers), maps, *several

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
            "depths": list(self.depth_multipliers),
            "input_sizes": list(self.input_sizes),
            "repairs": list(self.repairs),
            "layer_counts": list(self.layer_counts),
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
                depth_multipliers=tuple(map(float, values["depths"])),
                input_sizes=tuple(map(int, values["input_sizes"])),
                repairs=tuple(map(str, values["repairs"])),
                layer_counts=tuple(map(int, values["layer_counts"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"search space: missing or malformed list {error}") from error


def _network(width: float, maps: str, depth: float, size: int, repairs: str) -> NetworkChoice:
    return NetworkChoice(width, FeatureMaps(maps), depth, size or None, Repairs.parse(repairs) if repairs else None)


def _sums(accumulator: int, overflow: str, clip: int) -> Sums:
    return Sums(int(accumulator), Overflow(overflow) if accumulator < 32 else Overflow.EXACT, clip or None)


def _zero_last(value: int) -> float:
    """Return what sorts 0, which is no limit, behind every number."""
    return value or math.inf
