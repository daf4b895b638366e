"""Products per cycle of the convolution kernel: the best tile of each arithmetic on each core.

python -m benchmarks.bench_kernels
"""

from __future__ import annotations

import itertools

from rich.console import Console
from rich.table import Table

from dse.emulation import LayerTiming, time_layer
from isa_models import list_cores, load_core
from kernels_asm import Arithmetic, ConvShape, KernelVariant, OutputType, all_tiles, legal_tiles
from kernels_asm.arithmetic import OVERFLOWS_OF

LAYERS = (ConvShape(14, 14, 32, 32), ConvShape(14, 14, 64, 64), ConvShape(14, 14, 128, 128))
ARITHMETICS = (
    Arithmetic(32),
    *(Arithmetic(width, overflow, 31, OutputType.INT8) for width in (16, 8) for overflow in OVERFLOWS_OF[width]),
)


def main() -> None:
    """Print a table for each core and layer."""
    for core, layer in itertools.product(list_cores(), LAYERS):
        Console(width=140).print(_table(core, layer))


def _table(core: str, layer: ConvShape) -> Table:
    best = [_best(core, layer, arithmetic) for arithmetic in ARITHMETICS]
    conventional = best[0].simulation.cycles
    table = Table(title=f"{core}, {layer}: best tile of each arithmetic")
    for heading in ("arithmetic", "tile", "cycles", "products/cycle", "speed-up over 32 bits", "bound"):
        table.add_column(heading)
    for arithmetic, timing in zip(ARITHMETICS, best, strict=True):
        table.add_row(
            f"{arithmetic.accumulator}-bit {arithmetic.overflow}, {arithmetic.output}",
            str(timing.variant.tile),
            f"{timing.simulation.cycles:,}",
            f"{timing.products_per_cycle:.1f}",
            f"{conventional / timing.simulation.cycles:.2f}",
            timing.simulation.bound.what,
        )
    return table


def _best(core: str, layer: ConvShape, arithmetic: Arithmetic) -> LayerTiming:
    tiles = legal_tiles(arithmetic, layer, all_tiles(load_core(core).features))
    variants = [KernelVariant(arithmetic, tile) for tile in tiles]
    return min((time_layer(layer, variant, load_core(core)) for variant in variants), key=lambda t: t.simulation.cycles)


if __name__ == "__main__":
    main()
