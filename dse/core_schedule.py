"""Which order of instructions suits a core."""

from __future__ import annotations

from isa_models import Core, InOrderCore
from kernels_asm import Schedule


def schedule_of(core: Core) -> Schedule:
    """Return the order of instructions that is meant for the core."""
    return Schedule.IN_ORDER if isinstance(core, InOrderCore) else Schedule.OUT_OF_ORDER
