"""`dse kernel compare`: what binarising buys on a layer and a core."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from dse.cli.columns import aligned
from dse.cli.layer_option import DEFAULT_KERNEL, DEFAULT_LAYER, Layer, Padding, Stride, Window, emulable_layer
from dse.cli.options import DEFAULT_CORE, CoreName, Debug, Json, Overrides, parse_overrides

if TYPE_CHECKING:
    from dse.kernel_comparison import Comparison, KernelTime


def compare(
    layer: Layer = DEFAULT_LAYER,
    kernel: Window = DEFAULT_KERNEL,
    stride: Stride = 1,
    padding: Padding = 1,
    core: CoreName = DEFAULT_CORE,
    override: Overrides = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Time a few good kernels of each kind on a layer: our trees and lanes, two references and int8."""
    from isa_models.core import load_core

    shape = emulable_layer(layer, kernel, stride, padding)
    loaded = load_core(core, parse_overrides(override))

    from dse.kernel_comparison import compare_kernels

    found = compare_kernels(shape, loaded, _report)
    typer.echo(json.dumps(found.to_json(), indent=2) if as_json else "\n".join(_lines(found)))


def _report(kernel: str) -> None:
    """Tell someone who waits at a terminal what is under way."""
    if sys.stderr.isatty():
        typer.echo(f"timing {kernel}", err=True)


def _lines(found: Comparison) -> Iterator[str]:
    yield f"layer {found.shape} on {found.core}: {found.shape.products:,} products, outputs identical with the oracles"
    rows = [("kernel", "cycles", "products a cycle", "times the first", "chosen among")]
    rows += [
        (time.kernel, f"{time.cycles:,}", f"{time.products_per_cycle:.1f}", f"{found.ratio(time):.2f}", _choice(time))
        for time in found.times
    ]
    yield from aligned(rows)
    for kind, reason in found.refused.items():
        yield f"no {kind}: {reason}"
    yield "not an exhaustive search, but a few tiles of each kind that are likely good: make bench-kernels tries all"


def _choice(time: KernelTime) -> str:
    from dse.kernel_comparison import REFERENCE

    return time.kind if time.kind == REFERENCE else f"{time.tried} of {time.legal} {time.kind}s"
