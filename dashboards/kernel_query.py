"""Which kernel an address asks for: a layer of a trial, or any variant, layer and core, and what is changed to try it.

Only cores that come with the package are taken, and the study's own, never another path, and only numbers that a core's
description has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dashboards.address import Query, single, whole_number
from dashboards.selection import LARGEST_NUMBER, PARAMETER, default_trial
from dashboards.source import Snapshot
from dashboards.trial_record import KernelCycles, core_overrides, layer_kernels
from dse.cli.layer_option import DEFAULT_LAYER, check_emulable
from dse.cli.options import DEFAULT_CORE
from dse.core_fields import check_override
from dse.errors import UsageError
from dse.recorded_kernel import RecordedKernel, read_kernel, read_shape
from isa_models import list_cores, load_core
from kernels_asm import ConvShape, InputError, parse_tile
from kernels_asm.any_variant import AnyVariant, parse_variant

DEFAULT_VARIANT = "acc8-exact-clip31-int8-8x3"
MOST_OVERRIDES = 8

VARIANT, SHAPE, CORE, LAYER, TILE, OVERRIDE = "variant", "shape", "core", "layer", "tile", "override"
"""Parameters of an address; also named in assets/kernel.js."""


@dataclass(frozen=True, slots=True)
class KernelRequest:
    """A kernel to profile: texts and sizes only, so that requests can be compared and sent to another process."""

    variant: str
    shape: ConvShape
    core: str
    overrides: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """The layer of a trial that a kernel is of, all layers of the trial, and the kernels of this one by their texts."""

    trial: int
    layer: str
    layers: tuple[str, ...]
    kernels: tuple[KernelCycles, ...]


@dataclass(frozen=True, slots=True)
class KernelQuery:
    """What an address asks for.

    Attributes:
        before: The kernel.
        after: The same with what was changed, None if nothing was.
        tile: The tile that was chosen instead, None if it was not changed.
        changes: The fields of the core that were changed.
        origin: Where the kernel comes from, None if the address names it outright.

    """

    before: KernelRequest
    after: KernelRequest | None
    tile: str | None
    changes: tuple[tuple[str, str], ...]
    origin: Origin | None


def read_kernel_query(query: Query, snapshot: Snapshot | None) -> KernelQuery:
    """Return what the address asks for, the costliest layer of the study's chosen trial if it names nothing.

    Raises UsageError or kernels_asm.InputError, or isa_models.InputError, that say what of it is wrong.
    """
    base, origin = _base(query, snapshot)
    check_emulable(base.shape)
    core = load_core(base.core, dict(base.overrides))
    changes = _changes(query)
    for field, value in changes:
        check_override(core, field, value)
    merged = tuple(sorted((dict(base.overrides) | dict(changes)).items()))
    load_core(base.core, dict(merged))
    tile = single(query, TILE)
    variant = base.variant if tile is None else str(with_tile(parse_variant(base.variant), tile))
    parse_variant(variant).check(base.shape)
    after = replace(base, variant=variant, overrides=merged)
    return KernelQuery(base, None if after == base else after, tile, changes, origin)


def without_changes(query: Query) -> Query:
    """Return what an address asks for but for what is changed to try it."""
    return {name: values for name, values in query.items() if name not in (TILE, OVERRIDE)}


def with_tile(variant: AnyVariant, tile: str) -> AnyVariant:
    """Return the variant with another tile; raises kernels_asm.InputError if there is no such variant."""
    return replace(variant, tile=parse_tile(tile))  # type: ignore[arg-type]  # a fused one refuses what is no tree


def _base(query: Query, snapshot: Snapshot | None) -> tuple[KernelRequest, Origin | None]:
    own = snapshot.results.core if snapshot is not None else DEFAULT_CORE
    if {VARIANT, SHAPE, CORE} & set(query):
        return _named(query, own), None
    number = whole_number(query, PARAMETER, LARGEST_NUMBER)
    if number is None and PARAMETER in query:
        raise UsageError("the address names no trial: give its number, such as ?trial=0")
    if snapshot is None:
        return _named(query, own), None
    is_default = number is None
    number = default_trial(snapshot.results) if is_default else number
    try:
        return _of_trial(number, single(query, LAYER), snapshot)
    except (UsageError, InputError):
        if not is_default:
            raise
        return _named(query, own), None


def _named(query: Query, own: str) -> KernelRequest:
    core = single(query, CORE) or DEFAULT_CORE
    variant = parse_variant(single(query, VARIANT) or DEFAULT_VARIANT)
    shape = read_shape(single(query, SHAPE) or DEFAULT_LAYER)
    variant.check(shape)
    return KernelRequest(str(variant), shape, known_core(core, own))


def known_core(name: str, own: str | None = None) -> str:
    """Return the name of a core that comes with the package, or the study's own, which may be the path of its file.

    Raises UsageError for anything else, such as another path.
    """
    if name not in (*list_cores(), own):
        raise UsageError(f"core {name[:80]!r} is none of {', '.join(list_cores())}")
    return name


def _of_trial(number: int | None, layer: str | None, snapshot: Snapshot) -> tuple[KernelRequest, Origin]:
    trial = snapshot.results.trial(number) if number is not None else None
    if number is None or trial is None:
        raise UsageError(f"this study has no trial {number}" if number is not None else "no trial has finished yet")
    kernels = layer_kernels(snapshot.trial_attributes(number))
    runnable = {name: found for name, of_layer in kernels.items() if (found := _convolution(of_layer)) is not None}
    if not runnable:
        raise UsageError(f"trial {number} did not record which kernels its layers run")
    name = layer if layer is not None else _costliest(kernels, runnable)
    if name not in runnable:
        raise UsageError(f"trial {number} has no layer {name[:80]!r}: it has {', '.join(runnable)}")
    overrides = tuple(sorted(core_overrides(snapshot.study_attributes).items()))
    found = runnable[name]
    request = KernelRequest(str(found.variant), found.shape, snapshot.results.core, overrides)
    return request, Origin(number, name, tuple(runnable), kernels[name])


def _convolution(kernels: tuple[KernelCycles, ...]) -> RecordedKernel | None:
    return next((found for kernel in kernels if (found := read_kernel(kernel.text)) is not None), None)


def _costliest(kernels: Mapping[str, tuple[KernelCycles, ...]], runnable: Mapping[str, RecordedKernel]) -> str:
    return max(runnable, key=lambda name: sum(kernel.cycles for kernel in kernels[name]))


def _changes(query: Query) -> tuple[tuple[str, str], ...]:
    """Return the overrides, each field once, the last one given."""
    changes: dict[str, str] = {}
    for text in query.get(OVERRIDE, ()):
        field, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"override {text[:80]!r}: write FIELD=VALUE, such as l2.latency=30")
        changes[field] = value
    if len(changes) > MOST_OVERRIDES:
        raise UsageError(f"{len(changes)} overrides: at most {MOST_OVERRIDES} can be tried at once")
    return tuple(changes.items())
