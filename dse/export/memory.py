"""Which maps of an exported network share memory: one buffer after another's last use, of one element type each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from dse.export.steps import FeatureMap, Step


@dataclass(frozen=True, slots=True)
class MapMemory:
    """Where maps lie.

    Attributes:
        places: Name of the buffer of each map.
        sizes: Elements of each buffer by name; int8 where the name says so, else float32.
    """

    places: dict[FeatureMap, str]
    sizes: dict[str, int]


def place_maps(steps: Sequence[Step]) -> MapMemory:
    """Return a buffer for each map, so that no two maps that are needed at once share one."""
    last_use = {used: number for number, step in enumerate(steps) for used in _maps(step)}
    places: dict[FeatureMap, str] = {}
    sizes: dict[str, int] = {}
    busy_until: dict[str, int] = {}
    for number, step in enumerate(steps):
        for made in _maps(step):
            if made in places:
                continue
            kind = "int8" if made.in_int8 else "float"
            free = [name for name in sizes if name.startswith(kind) and busy_until[name] < number]
            # the smallest that holds it, else the largest, which grows
            fitting = sorted(free, key=lambda name: (sizes[name] < made.size, abs(sizes[name] - made.size)))
            name = fitting[0] if fitting else f"{kind}_map_{sum(other.startswith(kind) for other in sizes)}"
            places[made] = name
            sizes[name] = max(sizes.get(name, 0), made.size)
            busy_until[name] = last_use[made]
    return MapMemory(places, sizes)


def _maps(step: Step) -> list[FeatureMap]:
    """Return the maps that a step reads or writes."""
    values = (getattr(step, field.name) for field in fields(step))
    return [value for value in values if isinstance(value, FeatureMap)]
