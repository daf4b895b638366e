"""Whether a core has the extension of the instruction set that a tile's kernel needs."""

from __future__ import annotations

from dse.errors import UsageError
from isa_models import Core
from kernels_asm import Tile


def require_feature(tile: Tile, core: Core) -> None:
    """Raise UsageError if the core lacks the instructions of the tile's kernel."""
    if tile.feature is not None and tile.feature not in core.features:
        raise UsageError(
            f"tile {tile} needs the ISA feature '{tile.feature}', which {core.name} has not: "
            "choose the tile without .udot or another core"
        )
