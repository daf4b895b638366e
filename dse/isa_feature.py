"""Whether a core has the extension of the instruction set that a kernel needs."""

from __future__ import annotations

from dse.errors import UsageError
from isa_models import Core
from kernels_asm import Tile


def require_tile_feature(tile: Tile, core: Core) -> None:
    """Raise UsageError if the core lacks the instructions of the tile's kernel."""
    require_feature(f"tile {tile}", tile.feature, core, "the tile without .udot")


def require_feature(kernel: str, feature: str | None, core: Core, instead: str) -> None:
    """Raise UsageError if the core lacks a feature; messages call the kernel so and name what to choose instead."""
    if feature is not None and feature not in core.features:
        raise UsageError(
            f"{kernel} needs the ISA feature '{feature}', which {core.name} has not: choose {instead} or another core"
        )
