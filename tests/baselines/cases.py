"""The named cases, how they are measured, and how a difference is told."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dse.emulation import time_layer
from dse.fused_emulation import time_fused
from dse.int8_emulation import Int8Timing, time_int8
from dse.references import ReferenceTiming, time_indirect_16bit, time_one_channel_direct
from isa_models import Core, Simulation, load_core
from kernels_asm import (
    Arithmetic,
    ConvShape,
    KernelVariant,
    LaneTile,
    LoopOrder,
    OutputType,
    Overflow,
    PaddingValue,
    Schedule,
    Tile,
    TreeTile,
)
from kernels_asm.fused import FusedVariant
from kernels_asm.int8_conv import Int8Path, Int8Variant

RECORDED = Path(__file__).with_name("cycles.json")
CORES = ("cortex-a53", "cortex-a72")
ACCEPT = "make accept-baselines"

Figures = dict[str, int]
"""Instructions, and cycles by core."""


@dataclass(frozen=True)
class Case:
    """One kernel variant on one layer."""

    shape: ConvShape
    arithmetic: Arithmetic
    tile: Tile

    def simulate(self, core: Core) -> Simulation:
        """Time it on a core."""
        return time_layer(self.shape, KernelVariant(self.arithmetic, self.tile), core).simulation


@dataclass(frozen=True)
class FusedCase:
    """One fused variant, given by its text, on one layer."""

    shape: ConvShape
    variant: str

    def simulate(self, core: Core) -> Simulation:
        """Time it on a core."""
        return time_fused(self.shape, FusedVariant.parse(self.variant), core).simulation


@dataclass(frozen=True)
class RivalCase:
    """A kernel that the others are compared with, given by what times it, on one layer."""

    shape: ConvShape
    time: Callable[[ConvShape, Core], ReferenceTiming | Int8Timing]

    def simulate(self, core: Core) -> Simulation:
        """Time it on a core."""
        return self.time(self.shape, core).simulation


def smull(shape: ConvShape, core: Core) -> Int8Timing:
    return time_int8(shape, Int8Variant(Int8Path.SMULL, Int8Path.SMULL.default_tile, 7), core)


BYTE = Arithmetic(8, Overflow.EXACT, 31, OutputType.INT8)
HALVES = Arithmetic(16, Overflow.EXACT, 31, OutputType.INT8)
CASES: dict[str, Case | FusedCase | RivalCase] = {
    "bytes-exact-clip": Case(ConvShape(14, 14, 64, 64), BYTE, LaneTile(4, 4)),
    "bytes-exact-128-channels": Case(ConvShape(14, 14, 128, 64), BYTE, LaneTile(4, 4)),
    "bytes-widened": Case(ConvShape(4, 4, 512, 32), BYTE, LaneTile(4, 2)),
    "bytes-saturating": Case(
        ConvShape(14, 14, 64, 64), Arithmetic(8, Overflow.SATURATE, 31, OutputType.INT8), LaneTile(4, 4)
    ),
    "bytes-wrapping": Case(
        ConvShape(14, 14, 64, 64), Arithmetic(8, Overflow.WRAP, 31, OutputType.INT8), LaneTile(8, 2)
    ),
    "halves-exact-unclipped": Case(ConvShape(14, 14, 64, 64), Arithmetic(16, output=OutputType.INT16), LaneTile(4, 4)),
    "halves-saturating": Case(
        ConvShape(7, 7, 128, 32), Arithmetic(16, Overflow.SATURATE, 15, OutputType.INT8), LaneTile(8, 2)
    ),
    "words-conventional": Case(ConvShape(14, 14, 64, 64), Arithmetic(32), LaneTile(4, 4)),
    "one-output-at-a-time": Case(ConvShape(7, 7, 64, 16), BYTE, LaneTile(1, 1)),
    "sixteen-channels": Case(ConvShape(7, 7, 64, 64), BYTE, LaneTile(16, 1)),
    "strided": Case(ConvShape(14, 14, 32, 64, stride=2), BYTE, LaneTile(8, 2)),
    "tree": Case(ConvShape(14, 14, 128, 64), HALVES, TreeTile(4, 14, 1, 3)),
    "tree-in-order": Case(ConvShape(14, 14, 128, 64), HALVES, TreeTile(4, 14, 1, 3, Schedule.IN_ORDER)),
    "tree-of-pixel-pairs": Case(ConvShape(14, 14, 64, 64), HALVES, TreeTile(4, 14, 1, 3)),
    "tree-of-pixel-pairs-in-order": Case(ConvShape(14, 14, 64, 64), HALVES, TreeTile(4, 14, 1, 3, Schedule.IN_ORDER)),
    "tree-of-two-rows": Case(ConvShape(7, 7, 512, 32), HALVES, TreeTile(4, 7, 2, 3, order=LoopOrder.CHANNELS)),
    "tree-of-saturating-bytes": Case(
        ConvShape(14, 14, 128, 64), Arithmetic(8, Overflow.SATURATE, 31, OutputType.INT8), TreeTile(8, 14)
    ),
    "tree-of-words": Case(ConvShape(14, 14, 128, 64), Arithmetic(32), TreeTile(4, 7, 1, 3)),
    "tree-strided": Case(ConvShape(28, 28, 64, 64, stride=2), HALVES, TreeTile(4, 14, 1, 3)),
    "tree-pointwise": Case(ConvShape(14, 14, 128, 128, 1, 1, 1, 0), HALVES, TreeTile(8, 14)),
    "fused-bits": FusedCase(ConvShape(14, 14, 128, 64), "acc16-bits.slabs-tree4x14r1c3.ooo.pixels"),
    "fused-int8": FusedCase(ConvShape(14, 14, 64, 64), "acc16-int8+shortcut.slabs-tree4x14r1c3.io.pixels"),
    "fused-int8-by-pixels": FusedCase(ConvShape(14, 14, 48, 48), "acc16-int8+shortcut.by2-tree4x7r2c3.ooo.pixels"),
    "fused-float": FusedCase(ConvShape(14, 14, 64, 64), "acc32-float+shortcut.by2-tree4x7r1c3.ooo.pixels"),
    "fused-padded-with-zeros": FusedCase(
        ConvShape(14, 14, 64, 64, padding_value=PaddingValue.ZERO), "acc16-int8.slabs-tree4x14r1c3.ooo.pixels"
    ),
    "indirect-reference": RivalCase(ConvShape(14, 14, 128, 64), time_indirect_16bit),
    "one-channel-reference": RivalCase(ConvShape(14, 14, 128, 64), time_one_channel_direct),
    "int8-smull": RivalCase(ConvShape(7, 7, 64, 64), smull),
    "pointwise": Case(ConvShape(14, 14, 128, 128, 1, 1, 1, 0), BYTE, LaneTile(8, 2)),
}


def measure(case: Case | FusedCase | RivalCase) -> Figures:
    """Run a case on every core."""
    simulations = {core: case.simulate(load_core(core)) for core in CORES}
    figures = {core: simulation.cycles for core, simulation in simulations.items()}
    return {"instructions": simulations[CORES[0]].instructions, **figures}


def recorded() -> dict[str, Figures]:
    """Return the accepted figures."""
    figures: dict[str, Figures] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return figures


def accept() -> None:
    """Record the present figures of every case."""
    figures = {name: measure(case) for name, case in CASES.items()}
    RECORDED.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def difference(name: str, was: Figures, now: Figures) -> str:
    """Say what changed, a line a figure; empty if nothing did."""
    lines = [
        f"{name}: {figure} {was.get(figure)} -> {now.get(figure)}{_share(was.get(figure), now.get(figure))}"
        for figure in sorted(was.keys() | now.keys())
        if was.get(figure) != now.get(figure)
    ]
    return "\n".join([*lines, f"if this is meant: {ACCEPT}"]) if lines else ""


def _share(was: int | None, now: int | None) -> str:
    return f" ({(now - was) / was:+.2%})" if was and now else ""
