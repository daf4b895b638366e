"""`dse kernel`: the variants of the convolution kernel, what they are made of, whether they are right and how fast."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.layer_option import (
    DEFAULT_KERNEL,
    DEFAULT_LAYER,
    Layer,
    OptionalLayer,
    Padding,
    Stride,
    Window,
    emulable_layer,
)
from dse.cli.options import DEFAULT_CORE, Debug, Json, Overrides, check_writable, parse_overrides

if TYPE_CHECKING:
    from kernels_asm import ConvShape, KernelVariant

app = typer.Typer(help="List, show, run and profile the variants of the convolution kernel.", no_args_is_help=True)

TIMELINE_INSTRUCTIONS = 400
"""Instructions from the middle of the run whose way through the pipeline the page shows."""

Variant = Annotated[str, typer.Argument(help="Text of a variant, such as acc8-exact-clip31-int8-8x3.")]
Accumulators = Annotated[
    list[str] | None, typer.Option("--accumulator", help="Only accumulators of so many bits; repeatable.")
]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--only", help="Only variants with this part, such as wrap, clip15 or 8x3; repeatable.", metavar="PART"
    ),
]
Source = Annotated[bool, typer.Option("--source", help="Print where the source file is, and nothing else.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random activations and weights.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the profile as one self-contained HTML file.")]


@app.command("list")
def list_variants(
    layer: OptionalLayer = None,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    accumulator: Accumulators = None,
    only: Parts = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show what variants there are; with a layer, those that can compute it and the vector registers they use."""
    from dse.cli.kernel_text import listing, overview
    from dse.errors import UsageError
    from kernels_asm import ConvShape
    from kernels_asm.variant_list import can_compute, sampled_variants

    wanted = [f"acc{bits.removeprefix('acc')}" for bits in accumulator or ()] + (only or [])
    samples = _samples(wanted)
    variants = tuple(sampled_variants(samples))
    if not variants:
        raise UsageError(f"no kernel has {' and '.join(wanted)}: see dse kernel list for what goes together")
    if layer is None:
        if (kernel, stride, padding) != (DEFAULT_KERNEL, 1, 1):
            raise UsageError("--kernel, --stride and --padding describe a layer: give --layer with them")
        parts = _part_fields()
        fields = {"parameters": parts, "variants": [str(variant) for variant in variants]}
        shown = overview(parts, variants) if not wanted else "\n".join(map(str, variants))
        typer.echo(json.dumps(fields, indent=2) if as_json else shown)
        return
    shape = ConvShape.parse(layer, kernel, stride, padding)
    able = tuple(variant for variant in variants if can_compute(variant, shape))
    if not able:
        raise UsageError(f"no such variant can compute layer {shape}; {_refusal(variants[0], shape)}")
    if as_json:
        rows = [{"variant": str(variant), "registers": _register_fields(variant, shape)} for variant in able]
        typer.echo(json.dumps({"layer": asdict(shape), "variants": rows}, indent=2))
        return
    typer.echo(listing(able, len(variants), shape, [_register_fields(variant, shape) for variant in able]))


@app.command()
def show(
    variant: Variant,
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    source: Source = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a variant's parameters, registers and packed sizes for a layer, and its instructions with source lines."""
    from kernels_asm import ConvShape, KernelVariant
    from kernels_asm.assembler import variant_source

    chosen = KernelVariant.parse(variant)
    if source:
        typer.echo(json.dumps({"source": str(variant_source(chosen))}) if as_json else variant_source(chosen))
        return
    shape = ConvShape.parse(layer, kernel, stride, padding)

    from dse.cli.kernel_text import description
    from dse.kernel_description import describe_kernel

    described = describe_kernel(chosen, shape)
    typer.echo(json.dumps(described.to_json(), indent=2) if as_json else description(described))


@app.command()
def run(
    variant: Variant,
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Run a variant once on random data in the emulator and compare its output with the oracle, bit for bit."""
    from dse.emulation import checked_run, random_operands
    from kernels_asm import KernelVariant

    chosen = KernelVariant.parse(variant)
    shape = emulable_layer(layer, kernel, stride, padding)
    done = checked_run(chosen, shape, *random_operands(shape, seed))
    if as_json:
        fields = {"variant": str(chosen), "layer": asdict(shape), "seed": seed, "instructions": done.instructions,
                  "output": list(done.output.shape), "identical": True}  # fmt: skip
        typer.echo(json.dumps(fields))
        return
    size = "x".join(map(str, done.output.shape))
    typer.echo(
        f"{chosen}, layer {shape}, seed {seed}: {done.instructions:,} instructions for {shape.products:,} products; "
        f"output {size} of {chosen.arithmetic.output}, all {done.output.size:,} values identical with the oracle"
    )


@app.command()
def profile(
    variant: Variant,
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    core: Annotated[str, typer.Option("--core", help="Name of a core, or a YAML file.")] = DEFAULT_CORE,
    override: Overrides = None,
    html: Html = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Time a variant on a core and tell why it takes that long: bound, ports, stalls, cycles of each instruction."""
    from isa_models.core import load_core
    from kernels_asm import KernelVariant

    chosen = KernelVariant.parse(variant)
    shape = emulable_layer(layer, kernel, stride, padding)
    loaded = load_core(core, parse_overrides(override))
    if html is not None:
        check_writable(html)

    from dse.kernel_profile import profile_kernel

    found = profile_kernel(chosen, shape, loaded, timeline=TIMELINE_INSTRUCTIONS if html is not None else 0)
    if html is not None:
        from dse.kernel_page import write_kernel_page

        write_kernel_page(found, html)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
        return
    from dse.cli.kernel_text import profile_heading
    from dse.cli.simulation_text import report

    typer.echo(f"{profile_heading(found)}\n\n{report(found.simulation, show_timeline=False)}")
    if html is not None:
        typer.echo(f"page in {html}")


def _samples(wanted: Sequence[str]) -> dict[str, list[str]]:
    """Return the texts that each part is restricted to."""
    from kernels_asm.variant_list import part_of

    samples: dict[str, list[str]] = {}
    for text in wanted:
        samples.setdefault(part_of(text).name, []).append(text)
    return samples


def _refusal(variant: KernelVariant, shape: ConvShape) -> str:
    """Return why a variant cannot compute the layer, for one that cannot."""
    from kernels_asm import InputError

    try:
        variant.check(shape)
    except InputError as error:
        return f"{variant}: {error}"
    raise AssertionError(f"{variant} can compute {shape}")


def _part_fields() -> list[dict[str, object]]:
    from kernels_asm.variant import PARTS

    return [
        {"name": part.name, "form": part.form, "meaning": part.meaning, "listed": list(part.samples)} for part in PARTS
    ]


def _register_fields(variant: KernelVariant, shape: ConvShape) -> dict[str, int]:
    return dict(variant.tile.registers(variant.arithmetic, shape))
