"""Networks, their repairs and their latency as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.table import Table

from dse.cli.columns import aligned
from dse.evaluation import LATENCY_SCOPE
from dse.network_latency import NetworkLatency
from dse.networks import BinaryConv, Layer, Network
from dse.networks.repair_costs import RepairCost


def networks_table(networks: Sequence[Network]) -> Table:
    """Return the networks, all for the same input, and their sizes."""
    first = networks[0]
    size = "x".join(map(str, first.input_shape))
    table = _table(
        "network", f"Networks at width {first.width_multiplier:g} for images of {size}, {first.classes} classes"
    )
    for heading in (
        "binary layers",
        "binary products",
        "bytes of binary weights",
        "float multiply-adds",
        "float parameters",
    ):
        table.add_column(heading, justify="right")
    for network in networks:
        sizes = (
            len(network.binary_layers),
            network.binary_products,
            network.binary_weight_bytes,
            network.float_multiply_adds,
            network.float_parameters,
        )
        table.add_row(network.name, *(f"{size:,}" for size in sizes))
    return table


def network_table(network: Network) -> Table:
    """Return a network's layers."""
    size = "x".join(map(str, network.input_shape))
    table = _table("layer", f"{network.name}, width {network.width_multiplier:g}, images of {size}")
    table.caption = f"repairs: {network.repairs}"
    for heading in ("type", "input", "output"):
        table.add_column(heading)
    for heading in ("window", "binary products", "float multiply-adds"):
        table.add_column(heading, justify="right")
    table.add_column("what stands around it")
    for layer in network.layers:
        binary = layer if isinstance(layer, BinaryConv) else None
        table.add_row(
            layer.name,
            type(layer).__name__,
            str(binary.shape) if binary else "",
            f"{layer.out_height}x{layer.out_width}x{layer.out_channels}",
            f"{binary.shape.window:,}" if binary else "",
            f"{binary.shape.products:,}" if binary else "",
            f"{layer.multiply_adds:,}",
            _around(layer),
        )
    return table


def repairs_table(rows: Iterable[RepairCost]) -> Table:
    """Return what repairs cost."""
    table = Table(title="Repairs and their work for an element of a block's output", box=box.SIMPLE)
    for heading in ("option", "choice", "as written", "folded", "why"):
        table.add_column(heading)
    for row in rows:
        table.add_row(row.option, row.choice, str(row.written), str(row.folded), row.reason)
    return table


def latency_lines(found: NetworkLatency, arithmetic: str) -> Iterator[str]:
    """Return a line for each shape, the total, and which tiles were tried."""
    network, core = found.network, found.core
    size = "x".join(map(str, network.input_shape))
    yield (
        f"{network.name} at width {network.width_multiplier:g}, images of {size}, on {core.name} at "
        f"{core.clock_hz / 1e9:g} GHz, {arithmetic}: outputs identical with the oracle"
    )
    rows = [("layer", "times", "cycles each", "products a cycle", "ms together", "tile", "first of its layers")]
    rows += [
        (
            str(shape.shape),
            str(len(shape.layers)),
            f"{shape.cycles:,}",
            f"{shape.products_per_cycle:.1f}",
            f"{shape.total_cycles / core.clock_hz * 1e3:.3f}",
            str(shape.tile),
            shape.layers[0],
        )
        for shape in found.shapes
    ]
    yield from aligned(rows)
    yield (
        f"convolutions together: {found.convolution_cycles:,} cycles, "
        f"{network.binary_products / found.convolution_cycles:.1f} products a cycle"
    )
    behind_rows = [("behind them", "times", "cycles each", "ms together")]
    behind_rows += [
        (
            str(behind.work),
            str(len(behind.layers)),
            f"{behind.cycles:,}",
            f"{behind.total_cycles / core.clock_hz * 1e3:.3f}",
        )
        for behind in found.passes
    ]
    yield from aligned(behind_rows)
    yield f"total of the {LATENCY_SCOPE}: {found.cycles:,} cycles, {found.milliseconds:.3f} ms"
    yield "not an exhaustive search: of each shape these were tried, of so many plain tiles and their variations"
    yield from aligned(
        [
            (f"  {shape.shape}", f"{len(shape.tried)} of {shape.legal}", ", ".join(map(str, shape.tried)))
            for shape in found.shapes
        ]
    )


def _table(first_column: str, title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE)
    table.add_column(first_column, no_wrap=True)
    return table


def _around(layer: Layer) -> str:
    """Return in a few words what a binary block has beside convolution and batch norm."""
    if not isinstance(layer, BinaryConv):
        return ""
    shortcut = layer.shortcut
    around = []
    if layer.sums_pool > 1:
        around.append(f"maximum of {layer.sums_pool}x{layer.sums_pool} sums")
    if layer.sums_relu:
        around.append("ReLU of the sums")
    if shortcut:
        pooled = f", averages {shortcut.pool}x{shortcut.pool}" if shortcut.pool > 1 else ""
        copied = f", channels {shortcut.copies} times" if shortcut.copies > 1 else ""
        projected = ", 1x1 convolution" if shortcut.projects else ""
        around.append(f"shortcut around {shortcut.spans}{pooled}{copied}{projected}")
    return "; ".join(around)
