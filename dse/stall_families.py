"""The stall reasons of the timing engines, gathered into the few families that a chart can tell apart.

The engines name a reason down to the register or the port (`isa_models.engines.stalls`): twenty and more for one layer.
A family says which kind of limit it is; the reasons in it say where exactly to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class StallFamily(Enum):
    """A kind of limit: what people read in the legend, and what it means. In the order in which bars stack them."""

    PORT = "port busy", "ready, but the port or unit that executes it is taken"
    VECTOR = "waiting for a vector result", "an operand in a vector register is not there yet"
    SCALAR = "waiting for a scalar result", "an operand in a general register, or the flags, is not there yet"
    WIDTH = (
        "pipeline width",
        "as many instructions or results a cycle as the front end, renaming, dispatch or issue can take",
    )
    SPACE = "window or queue full", "older instructions that are not done hold every entry"
    MEMORY = "caches and stores", "data that came from beyond the L1 cache, or straight from a store in flight"
    BRANCH = "branch misprediction", "the front end starts again on the right path"
    OTHER = "other", "cycles that the study gives no known reason for"

    def __init__(self, label: str, meaning: str) -> None:
        self.label = label
        self.meaning = meaning


@dataclass(frozen=True, slots=True)
class FamilyCycles:
    """The cycles of one family in a layer, in total and by reason, the largest first."""

    family: StallFamily
    cycles: float
    reasons: tuple[tuple[str, float], ...]


UNATTRIBUTED = "no reason recorded"
"""Reason under which `OTHER` counts the cycles of a layer that its stalls do not cover."""

_DEPENDENCE = "dependence on "
_PORT = "port "
_FAMILIES = {
    "front end": StallFamily.WIDTH,
    "results per cycle": StallFamily.WIDTH,
    "issue pairing": StallFamily.WIDTH,
    "dispatch": StallFamily.WIDTH,
    "window full": StallFamily.SPACE,
    "queue full": StallFamily.SPACE,
    "L1 miss": StallFamily.MEMORY,
    "L2 miss": StallFamily.MEMORY,
    "store to load": StallFamily.MEMORY,
    "branch misprediction": StallFamily.BRANCH,
}


def family_of(reason: str) -> StallFamily:
    """Return the family of a reason. `OTHER` is for studies of a version whose engines knew further reasons."""
    if reason.startswith(_PORT):
        return StallFamily.PORT
    if reason.startswith(_DEPENDENCE):
        is_vector = reason.removeprefix(_DEPENDENCE).startswith("v")
        return StallFamily.VECTOR if is_vector else StallFamily.SCALAR
    return _FAMILIES.get(reason, StallFamily.OTHER)


def group_stalls(stalls: Mapping[str, float], cycles: float) -> dict[StallFamily, FamilyCycles]:
    """Gather the stalls of a layer of `cycles` cycles; families without a cycle are left out.

    The engines charge every cycle to a reason, so that the families add up to `cycles`. What a study leaves uncovered
    goes to `OTHER`.
    """
    members: dict[StallFamily, list[tuple[str, float]]] = {family: [] for family in StallFamily}
    for reason, count in stalls.items():
        members[family_of(reason)].append((reason, count))
    members[StallFamily.OTHER].append((UNATTRIBUTED, cycles - sum(stalls.values())))
    groups = {}
    for family, reasons in members.items():
        present = sorted((reason for reason in reasons if reason[1] > 0), key=lambda reason: -reason[1])
        if present:
            groups[family] = FamilyCycles(family, sum(count for _, count in present), tuple(present))
    return groups
