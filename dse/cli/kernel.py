"""`dse kernel`: the variants of the convolution kernel, what they are made of, whether they are right and how fast.

A variant is one of the convolution alone or one with its output transform fused: see `kernels_asm.any_variant`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.kernel_compare import compare
from dse.cli.kernel_list import list_variants
from dse.cli.layer_option import (
    DEFAULT_KERNEL,
    DEFAULT_LAYER,
    DEFAULT_PADDING_VALUE,
    Layer,
    Padding,
    PaddingChoice,
    Stride,
    Window,
    emulable_layer,
)
from dse.cli.options import DEFAULT_CORE, CoreName, Debug, Json, Overrides, check_writable, parse_overrides

if TYPE_CHECKING:
    from kernels_asm.any_variant import AnyVariant

app = typer.Typer(
    help="List, show, run, profile and compare the variants of the convolution kernel.", no_args_is_help=True
)
app.command("list")(list_variants)
app.command("compare")(compare)

TIMELINE_INSTRUCTIONS = 400
"""Instructions from the middle of the run whose way through the pipeline the page shows."""

Variant = Annotated[
    str,
    typer.Argument(
        help="Text of a variant, such as acc8-exact-clip31-int8-8x3, or of a fused one, such as "
        "acc16-int8+shortcut.slabs-tree4x14r1c3.ooo.pixels."
    ),
]
Source = Annotated[
    bool, typer.Option("--source", help="Print where the source file is, one line a function, and nothing else.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random activations and weights.")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the profile as one self-contained HTML file.")]


@app.command()
def show(
    variant: Variant,
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    padding_value: PaddingChoice = DEFAULT_PADDING_VALUE,
    source: Source = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a variant's parameters, registers and packed sizes for a layer, and its instructions with source lines."""
    from kernels_asm import ConvShape
    from kernels_asm.any_variant import parse_variant

    chosen = parse_variant(variant)
    if source:
        _show_source(chosen, as_json)
        return
    shape = ConvShape.parse(layer, kernel, stride, padding, padding_value)

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
    padding_value: PaddingChoice = DEFAULT_PADDING_VALUE,
    seed: Seed = 0,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Run a variant once on random data in the emulator and compare its output with the oracle, bit for bit."""
    from dse.cli.kernel_text import check_line
    from dse.kernel_check import check_kernel
    from kernels_asm.any_variant import parse_variant

    chosen = parse_variant(variant)
    done = check_kernel(chosen, emulable_layer(layer, kernel, stride, padding, padding_value), seed)
    typer.echo(json.dumps(done.to_json()) if as_json else check_line(done))


@app.command()
def profile(
    variant: Variant,
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    padding_value: PaddingChoice = DEFAULT_PADDING_VALUE,
    core: CoreName = DEFAULT_CORE,
    override: Overrides = None,
    html: Html = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Time a variant on a core and tell why it takes that long: bound, ports, stalls, cycles of each instruction."""
    from isa_models.core import load_core
    from kernels_asm.any_variant import parse_variant

    chosen = parse_variant(variant)
    shape = emulable_layer(layer, kernel, stride, padding, padding_value)
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


def _show_source(variant: AnyVariant, as_json: bool) -> None:
    """Print the path of each function's source file."""
    from kernels_asm.any_variant import source_files

    paths = [str(path) for path in source_files(variant)]
    fields = dict(zip(("source", "transform_source"), paths, strict=False))
    typer.echo(json.dumps(fields) if as_json else "\n".join(paths))
