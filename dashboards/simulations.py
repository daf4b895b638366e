"""What the background process computes for the kernel page."""

from __future__ import annotations

from dashboards.kernel_query import KernelRequest
from dse.kernel_profile import KernelProfile, profile_kernel
from isa_models import load_core
from kernels_asm.any_variant import parse_variant

TIMELINE_INSTRUCTIONS = 400
"""Instructions from the middle of the run whose way through the pipeline is shown."""


def profile(request: KernelRequest) -> KernelProfile:
    """Run and time the kernel; its output is compared with the oracle's. Errors as `dse.kernel_profile`."""
    core = load_core(request.core, dict(request.overrides))
    return profile_kernel(parse_variant(request.variant), request.shape, core, TIMELINE_INSTRUCTIONS)
