"""A kernel variant on a layer and a core: its cycles, why it takes them, and how far it is from the core's bound."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dse.binary_bound import binary_bound
from dse.emulation import LayerTiming, time_layer
from dse.fused_emulation import FusedTiming, time_fused
from isa_models import Core, Simulation
from kernels_asm import ConvShape
from kernels_asm.any_variant import AnyVariant
from kernels_asm.fused import FusedVariant


@dataclass(frozen=True, slots=True)
class KernelProfile:
    """What `profile_kernel` found; the kernel's output was the oracle's.

    Attributes:
        timing: The layer's kernel on the core.
        core: The core.
        bound: Binary products a cycle that the core could do at best: see `dse.binary_bound`.

    """

    timing: LayerTiming | FusedTiming
    core: Core
    bound: float

    @property
    def simulation(self) -> Simulation:
        """Where the cycles went."""
        return self.timing.simulation

    @property
    def outputs(self) -> str:
        """What of the kernel was compared with the oracle."""
        variant = self.timing.variant
        if not isinstance(variant, FusedVariant):
            return "output"
        return "bits" if variant.transform.element is None else "bits and map"

    @property
    def share(self) -> float:
        """Products a cycle as a share of the core's bound, 0 to 1."""
        return self.timing.products_per_cycle / self.bound

    @property
    def milliseconds(self) -> float:
        """Time of the layer at the core's clock."""
        return self.simulation.cycles / self.core.clock_hz * 1e3

    def to_json(self) -> dict[str, Any]:
        """Return the simulation's dictionary with what is known of the kernel in front of it."""
        return {
            "variant": str(self.timing.variant),
            "layer": asdict(self.timing.shape),
            "products": self.timing.shape.products,
            "products_per_cycle": self.timing.products_per_cycle,
            "core_bound_products_per_cycle": self.bound,
            "share_of_core_bound": self.share,
            "milliseconds": self.milliseconds,
            **self.simulation.to_json(),
        }


def profile_kernel(variant: AnyVariant, shape: ConvShape, core: Core, timeline: int = 0) -> KernelProfile:
    """Time a layer's kernel on a core; arguments and errors as those of `dse.emulation.time_layer`."""
    timing = (
        time_fused(shape, variant, core, timeline)
        if isinstance(variant, FusedVariant)
        else time_layer(shape, variant, core, timeline)
    )
    return KernelProfile(timing, core, binary_bound(core))
