"""Runs a kernel variant of either kind once and says what of it was compared with the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from dse.emulation import checked_run, random_operands
from dse.fused_emulation import random_fused_operands, run_fused
from kernels_asm import ConvShape, KernelVariant
from kernels_asm.any_variant import AnyVariant
from kernels_asm.fused import FusedVariant

Size = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class KernelCheck:
    """A run whose outputs were, bit for bit, the oracle's.

    Attributes:
        variant: The kernel.
        shape: The layer.
        seed: Of the random data.
        instructions: Instructions executed.
        outputs: Size, (height, width, channels), of the "output" map, the "bits", or both.
        element: Type of the output map's elements; None where bits are the only output.

    """

    variant: AnyVariant
    shape: ConvShape
    seed: int
    instructions: int
    outputs: Mapping[str, Size]
    element: str | None

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return {
            "variant": str(self.variant),
            "layer": asdict(self.shape),
            "seed": self.seed,
            "instructions": self.instructions,
            **{name: list(size) for name, size in self.outputs.items()},
            "identical": True,
        }


def check_kernel(variant: AnyVariant, shape: ConvShape, seed: int) -> KernelCheck:
    """Run a variant on random data of that seed.

    Raises InputError if it cannot compute the layer, KernelMismatchError if an output is not the oracle's.
    """
    return (
        _check_fused(variant, shape, seed) if isinstance(variant, FusedVariant) else _check_plain(variant, shape, seed)
    )


def _check_plain(variant: KernelVariant, shape: ConvShape, seed: int) -> KernelCheck:
    run = checked_run(variant, shape, *random_operands(shape, seed))
    return KernelCheck(variant, shape, seed, run.instructions, {"output": _size(shape)}, str(variant.arithmetic.output))


def _check_fused(variant: FusedVariant, shape: ConvShape, seed: int) -> KernelCheck:
    variant.check(shape)
    run = run_fused(shape, variant, random_fused_operands(shape, variant.transform, seed))
    names = ("bits",) if run.output is None else ("output", "bits")
    element = None if run.output is None else run.output.dtype.name
    return KernelCheck(variant, shape, seed, run.instructions, dict.fromkeys(names, _size(shape)), element)


def _size(shape: ConvShape) -> Size:
    return shape.out_height, shape.out_width, shape.channels_out
