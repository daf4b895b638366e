"""Figures that the kernels are meant to reach, and what the arithmetic of the bound says of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.kernel_results import BLOCK_LAYERS, BlockRow, KernelResults, LayerRow
from dse.binary_bound import PRODUCTS_PER_VECTOR
from kernels_asm import ConvShape

_OPERATIONS = 3
"""EOR, CNT and ADD for a vector of products."""

PRODUCTS_PER_CYCLE = {
    "cortex-a53": (35.0, 38.0),
    "cortex-a72": (54.0, 58.0),
    "cortex-a76": (72.0, 78.0),
    "neoverse-n1": (72.0, 78.0),
}
"""At least so many on the first of `BLOCK_LAYERS`, and on the others."""

BLOCK_RATIO = {"cortex-a53": 1.7, "cortex-a72": 1.5}
"""The block on the first of `BLOCK_LAYERS` at least so many times as fast as the conventional flow."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A target, what is reached of it, and a line on what the bound allows."""

    core: str
    shape: ConvShape
    what: str
    asked: float
    reached: float
    arithmetic: str

    @property
    def is_met(self) -> bool:
        """Whether the figure, not rounded, is as asked."""
        return self.reached >= self.asked


def reached(results: KernelResults) -> Iterator[Reached]:
    """Yield every target for which the results have a row."""
    rows = {(row.core, row.shape): row for row in results.layers}
    for row in results.layers:
        if row.core in PRODUCTS_PER_CYCLE and row.shape in BLOCK_LAYERS:
            first, others = PRODUCTS_PER_CYCLE[row.core]
            yield _convolution(row, first if row.shape == BLOCK_LAYERS[0] else others)
    for block in results.blocks:
        if block.core in BLOCK_RATIO and block.shape == BLOCK_LAYERS[0]:
            yield _block(block, rows[block.core, block.shape], BLOCK_RATIO[block.core])


def _convolution(row: LayerRow, asked: float) -> Reached:
    operations = row.bound * _OPERATIONS / PRODUCTS_PER_VECTOR
    line = (
        f"{_OPERATIONS} operations for {PRODUCTS_PER_VECTOR} products, {operations:.2f} a cycle, make {row.bound:.1f}; "
        f"{asked:g} leaves {1 - asked / row.bound:.0%} of the cycles for all else"
    )
    return Reached(row.core, row.shape, "products a cycle", asked, row.products_per_cycle, line)


def _block(block: BlockRow, row: LayerRow, asked: float) -> Reached:
    least = row.shape.products / row.bound
    float_flow, convolution = sum(block.conventional), row.best.cycles
    line = (
        f"products alone take {least:,.0f} cycles at the bound and {convolution:,} with the best tile, the float flow "
        f"{float_flow:,}: at most {float_flow / least:.2f}, or {float_flow / convolution:.2f} with that convolution"
    )
    return Reached(block.core, block.shape, "block against the float flow", asked, block.ratio, line)
