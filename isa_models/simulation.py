"""The result of timing one trace on one core."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Hotspot:
    """One static instruction: how often it ran and by how many cycles it moved the end, by reason."""

    address: int
    source: str | None
    text: str
    count: int
    cycles: int
    stalls: dict[str, int]


@dataclass(frozen=True, slots=True)
class Bound:
    """The resource that alone would need the most time, and how many cycles that is."""

    what: str
    cycles: float


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """Cycles at which one dynamic instruction passed the stages of the pipeline."""

    index: int
    address: int
    text: str
    dispatch: int
    issue: int
    complete: int
    retire: int

    def to_json(self) -> dict[str, Any]:
        """Return the entry as a dictionary of its fields."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Simulation:
    """How long a trace takes on a core, and why.

    `function`: name of the function that was traced, None for a trace that comes from none. `cycles`: until the last
    instruction has retired; of a core that issues in order, until it has issued (an Advanced SIMD operation: started).
    What goes on after that, such as a division whose result nobody takes, is counted nowhere but in `timeline`.
    `ports`: busy share of each port or unit, 0 to 1. `stalls`: cycles by reason, which add up to `cycles`; those in
    which work flowed freely are charged to the width of the pipeline ("front end", "issue pairing"). `caches`: hits and
    misses. `hotspots`: by address. `bounds`: cycles of the run that each resource alone would need, `bound` the largest
    of them. `timeline`: the window asked for, else None.
    """

    core: str
    cycles: int
    instructions: int
    ports: dict[str, float]
    stalls: dict[str, int]
    caches: dict[str, int]
    mispredictions: int
    hotspots: tuple[Hotspot, ...]
    bounds: tuple[Bound, ...]
    timeline: tuple[TimelineEntry, ...] | None = None
    function: str | None = None

    @property
    def ipc(self) -> float:
        """Instructions per cycle."""
        return self.instructions / self.cycles if self.cycles else 0.0

    @property
    def bound(self) -> Bound:
        """What limits the code at best: the resource with the largest lower bound."""
        return max(self.bounds, key=lambda bound: bound.cycles)

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers; `timeline` is None where none was asked for."""
        return {
            "function": self.function,
            "core": self.core,
            "cycles": self.cycles,
            "instructions": self.instructions,
            "ipc": self.ipc,
            "ports": dict(self.ports),
            "stalls": dict(self.stalls),
            "caches": dict(self.caches),
            "mispredictions": self.mispredictions,
            "bound": _bound_json(self.bound),
            "bounds": [_bound_json(bound) for bound in self.bounds],
            "hotspots": [
                {
                    "address": hotspot.address,
                    "source_line": hotspot.source,
                    "text": hotspot.text,
                    "count": hotspot.count,
                    "cycles": hotspot.cycles,
                    "stalls": dict(hotspot.stalls),
                }
                for hotspot in self.hotspots
            ],
            "timeline": None if self.timeline is None else [entry.to_json() for entry in self.timeline],
        }


def _bound_json(bound: Bound) -> dict[str, Any]:
    return {"what": bound.what, "cycles": bound.cycles}
