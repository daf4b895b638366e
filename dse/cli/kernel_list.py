"""`dse kernel list`: what variants there are, and which of them can compute a layer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.layer_option import (
    DEFAULT_KERNEL,
    DEFAULT_PADDING_VALUE,
    OptionalLayer,
    Padding,
    PaddingChoice,
    Stride,
    Window,
)
from dse.cli.options import Debug, Json

if TYPE_CHECKING:
    from kernels_asm import ConvShape
    from kernels_asm.any_variant import AnyVariant
    from kernels_asm.variant_text import VariantPart

Accumulators = Annotated[
    list[str] | None, typer.Option("--accumulator", help="Only accumulators of so many bits; repeatable.")
]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--only", help="Only variants with this part, such as wrap, clip15 or 8x3; repeatable.", metavar="PART"
    ),
]
Fused = Annotated[bool, typer.Option("--fused", help="Those with a fused output transform, instead of those without.")]


def list_variants(
    layer: OptionalLayer = None,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    padding_value: PaddingChoice = DEFAULT_PADDING_VALUE,
    fused: Fused = False,
    accumulator: Accumulators = None,
    only: Parts = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show what variants there are; with a layer, those that can compute it and the vector registers they use."""
    from dse.errors import UsageError
    from kernels_asm import ConvShape

    wanted = [f"acc{bits.removeprefix('acc')}" for bits in accumulator or ()] + (only or [])
    variants = _wanted_variants(wanted, fused)
    if layer is not None:
        _list_able(variants, ConvShape.parse(layer, kernel, stride, padding, padding_value), as_json)
        return
    if (kernel, stride, padding, padding_value) != (DEFAULT_KERNEL, 1, 1, DEFAULT_PADDING_VALUE):
        raise UsageError("--kernel, --stride, --padding and --padding-value describe a layer: give --layer with them")
    if as_json:
        typer.echo(json.dumps(_overview_fields(variants, fused, wanted), indent=2))
    elif wanted:
        typer.echo("\n".join(map(str, variants)))
    else:
        typer.echo(_overview(variants, fused))


def _wanted_variants(wanted: Sequence[str], fused: bool) -> tuple[AnyVariant, ...]:
    """Return the listed variants of a kind that have the parts; raises UsageError if there are none."""
    from dse.errors import UsageError
    from kernels_asm.variant_list import part_of, sampled_fused, sampled_variants

    samples: dict[str, list[str]] = {}
    for text in wanted:
        samples.setdefault(part_of(text, _parts(fused)).name, []).append(text)
    sampled: Iterable[AnyVariant] = sampled_fused(samples) if fused else sampled_variants(samples)
    variants = tuple(sampled)
    if not variants:
        raise UsageError(f"no kernel has {' and '.join(wanted)}: see dse kernel list for what goes together")
    return variants


def _list_able(variants: Sequence[AnyVariant], shape: ConvShape, as_json: bool) -> None:
    """Print those that can compute the layer; raises UsageError if none can."""
    from dse.cli.kernel_text import listing
    from dse.errors import UsageError
    from kernels_asm.variant_list import can_compute

    able = tuple(variant for variant in variants if can_compute(variant, shape))
    if not able:
        raise UsageError(f"no such variant can compute layer {shape}; {_refusal(variants[0], shape)}")
    registers = [dict(variant.tile.registers(variant.arithmetic, shape)) for variant in able]
    if as_json:
        rows = [{"variant": str(variant), "registers": use} for variant, use in zip(able, registers, strict=True)]
        typer.echo(json.dumps({"layer": asdict(shape), "variants": rows}, indent=2))
        return
    typer.echo(listing(able, len(variants), shape, registers))


def _refusal(variant: AnyVariant, shape: ConvShape) -> str:
    """Return why a variant cannot compute the layer, for one that cannot."""
    from kernels_asm import InputError

    try:
        variant.check(shape)
    except InputError as error:
        return f"{variant}: {error}"
    raise AssertionError(f"{variant} can compute {shape}")


def _overview(variants: Sequence[AnyVariant], fused: bool) -> str:
    """Return the table of the kind asked for; that of fused variants stands below the other as well."""
    from dse.cli.kernel_text import OVERVIEW_HINTS, overview

    tables = [overview("a fused variant" if fused else "a variant", _part_fields(fused), variants)]
    if not fused:
        tables.append(overview("a fused variant", _part_fields(fused=True), _wanted_variants((), fused=True)))
    return "\n\n".join([*tables, OVERVIEW_HINTS])


def _overview_fields(variants: Sequence[AnyVariant], fused: bool, wanted: Sequence[str]) -> dict[str, object]:
    fields: dict[str, object] = {"parameters": _part_fields(fused), "variants": [str(variant) for variant in variants]}
    return fields if fused or wanted else fields | {"fused": _overview_fields(_wanted_variants((), True), True, ())}


def _parts(fused: bool) -> tuple[VariantPart, ...]:
    from kernels_asm.fused import PARTS as FUSED_PARTS
    from kernels_asm.variant import PARTS

    return FUSED_PARTS if fused else PARTS


def _part_fields(fused: bool) -> list[dict[str, object]]:
    return [
        {"name": part.name, "form": part.form, "meaning": part.meaning, "listed": list(part.samples)}
        for part in _parts(fused)
    ]
