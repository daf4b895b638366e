"""What the background process computes for pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dashboards.kernel_query import KernelRequest
from dse.accumulator_map import AccumulatorMap, accumulator_map
from dse.cache import EvaluationCache
from dse.kernel_profile import KernelProfile, profile_kernel
from dse.roofline import Ceilings, ceilings
from dse.validation_charts import ValidationSet, validation_sets
from isa_models import load_core
from kernels_asm.any_variant import parse_variant

TIMELINE_INSTRUCTIONS = 400
"""Instructions from the middle of the run whose way through the pipeline is shown."""


def profile(request: KernelRequest) -> KernelProfile:
    """Run and time the kernel; its output is compared with the oracle's. Errors as `dse.kernel_profile`."""
    core = load_core(request.core, dict(request.overrides))
    return profile_kernel(parse_variant(request.variant), request.shape, core, TIMELINE_INSTRUCTIONS)


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """The validation of a core; `cache`: folder of the evaluation cache."""

    core: str
    cache: str


def validate(request: ValidationRequest) -> tuple[ValidationSet, ...]:
    """Simulate what was measured on the core. Errors as `dse.validation_charts.validation_sets`."""
    return validation_sets(request.core, EvaluationCache(Path(request.cache)))


@dataclass(frozen=True, slots=True)
class CoreRequest:
    """A core with changed fields."""

    core: str
    overrides: tuple[tuple[str, str], ...] = ()


def core_ceilings(request: CoreRequest) -> Ceilings:
    """Return what the core can do at best. Errors as `dse.roofline.ceilings`."""
    return ceilings(load_core(request.core, dict(request.overrides)))


@dataclass(frozen=True, slots=True)
class MapRequest:
    """One core of the map of accumulator widths; `cache`: folder of the evaluation cache."""

    core: str
    network: str
    cache: str


def map_core(request: MapRequest) -> AccumulatorMap:
    """Time the network's layers with each width. Errors as `dse.accumulator_map.accumulator_map`."""
    return accumulator_map(request.core, request.network, EvaluationCache(Path(request.cache)))
