"""Times binary layers by emulating their kernels on a core's timing model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.cache import Record
from dse.emulation import latency_key, time_layer
from isa_models import Core
from kernels_asm import ConvShape, KernelVariant


class EmulatedTimer:
    """A `dse.evaluation.LayerTimer` for one core.

    Args:
        core: The core to time on.

    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def key(self, shape: ConvShape, variant: KernelVariant) -> Mapping[str, Any]:
        """Return what the timing depends on: kernel source, variant, shape, core and timing model."""
        return latency_key(shape, variant, self._core)

    def time(self, shape: ConvShape, variant: KernelVariant) -> Record:
        """Run the layer in the emulator, compare its output with the oracle, and return where its cycles went.

        Raises KernelError or IsaModelError if the kernel cannot be built, run or timed, and KernelMismatchError if its
        output is wrong.
        """
        simulation = time_layer(shape, variant, self._core).simulation
        return {
            "cycles": simulation.cycles,
            "instructions": simulation.instructions,
            "products": shape.products,
            "bound": f"{simulation.bound.what}, {simulation.bound.cycles:,.0f} cycles",
            "stalls": dict(simulation.stalls),
            "ports": dict(simulation.ports),
        }
