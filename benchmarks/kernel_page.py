"""`docs/kernels.md`: how fast the kernels are on every core, and against what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.kernel_results import WIDTHS, KernelResults, LayerRow
from benchmarks.kernel_rivals import Reference
from benchmarks.kernel_search import PREFETCHED, REORDERED, UNROLLED
from benchmarks.kernel_targets import Reached, reached
from dse.tile_candidates import PREFETCH
from kernels_asm import Arithmetic
from kernels_asm.tree_tile import LARGEST_CODE

_HEAD = """# How fast the kernels are

Made by `{command}`; do not edit.

Every figure is a simulation: the kernel ran on the emulated machine, its output was compared with the oracle's bit for
bit, and the recorded run was timed on the core's model with warm caches. How far the models are from silicon is in
[validation.md](validation.md); no whole kernel has been timed on a board yet.

A layer is written `HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT kROWSxCOLUMNS sSTRIDE pPADDING`. Products are binary
multiplications, those with padding included. The **bound** of a core is what it could do with EOR, CNT and ADD alone,
three vector operations for 128 products: no loads, no loop, no outputs.

![Binary products a cycle by core and layer](kernels/products.svg)
"""

_TARGETS = """## Targets

What the kernels are meant to reach, and what the bound's arithmetic says of it.
"""

_LAYERS = f"""## Best tile of each layer

16-bit exact sums, clipped to [-31, 31], int8 output. The search is exhaustive: every tile that is legal for the layer
(lane tiles, and tree tiles of up to 32 pixels in the core's order of instructions, with either order of loops and one
or two rows) was run and timed on the whole layer. The best {UNROLLED} trees of each core were timed unrolled as well
(`.u3`: three steps of the window without a branch, each a block of up to 128 channels of the tile's columns of the
window), with every number of steps that the layer allows in at most {LARGEST_CODE // 1024} KiB of code, for the models
have no cache of instructions. The
{PREFETCHED} trees of each core that would be the fastest if no line was waited for were also tried with their weights
prefetched {" or ".join(map(str, PREFETCH))} bytes ahead. What that wins rests on latencies of L2 and memory and on
prefetchers that are guesses.

- *of the bound*: share of the core's bound.
- *what bounds it*: the resource that alone would take the most cycles, and the share of the cycles that it would take.
- *median tile*: products a cycle of the middle one of all the tiles that were timed.
- the columns named after other kernels: how many times as long they take as ours. `{Reference.INDIRECT}` and
  `{Reference.ONE_CHANNEL}` are binary convolutions as libraries have them, with float32 output; `int8_conv` computes
  the layer in int8, with the best of a few of its tiles, which is named.
"""

_WIDTHS = f"""## What accumulator width costs

Products a cycle of the best tile of each accumulator; clip 31 and int8 output throughout, so that what follows a layer
costs the same. *saturate* and *wrap* compute something else once counts leave 8 bits: whether a network bears that is
a matter of its training. *running* sums are a signed byte an output, which stops at its bounds after each block of
channels. *exact* in 8 bits widens its sums in time; tree tiles do so at each step, with the code that
they have for 16 bits.

Here, but for 16 bits, the search is narrower: trees have the fewest pixels that cover a row in
as many tiles, with pixels in the outer loop; each core's best {REORDERED} are tried with channels there as well.
"""

_BLOCKS = f"""## A residual block

Cycles of convolution, batch norm, shortcut and the packed signs for the next layer, for a layer in a residual block.
The int8 flow is one kernel, which takes the sums of a tile through a batch norm in fixed point while they are in L1:
the best of the trees that cover a row in as many tiles, with each way of its batch norm, of which each core's best
{UNROLLED} were timed unrolled as well. The float flow is
`indirect_16bit_8x4` + `float_batch_norm`, the latter with one pixel at once or two, whichever is faster. Each kernel
starts with caches as it leaves them itself.
"""


def page(results: KernelResults, command: str) -> str:
    """Return the whole page in Markdown; `command` is what makes it."""
    return f"{_HEAD.format(command=command)}\n{tables(results)}"


def tables(results: KernelResults) -> str:
    """Return the parts of the page that have rows, without its head."""
    parts: list[str] = []
    if targets := list(reached(results)):
        parts += [_TARGETS, _targets(targets)]
    by_core = groupby(results.layers, key=lambda row: row.core)
    parts += [_LAYERS, *(_core_section(list(rows)) for _, rows in by_core)]
    if results.widths:
        parts += [_WIDTHS, _widths(results)]
    if results.blocks:
        parts += [_BLOCKS, _blocks(results)]
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _core_section(rows: Sequence[LayerRow]) -> str:
    first = rows[0]
    others = f"{Reference.INDIRECT} | {Reference.ONE_CHANNEL} | int8_conv ({first.int8_path})"
    columns = f"layer | best tile | products/cycle | of the bound | what bounds it | median tile | {others}"
    lines = [f"### {first.core}: bound {first.bound:.1f} products a cycle", "", *_heading(columns)]
    for row in rows:
        cycles = row.best.cycles
        figures = f"{row.products_per_cycle:.1f} | {row.products_per_cycle / row.bound:.1%}"
        bound = f"{row.best.bound}, {row.best.bound_cycles / cycles:.0%}"
        middle = f"{row.shape.products / row.median_cycles:.1f} of {row.tiles}"
        ratios = " | ".join(f"{row.reference_cycles[reference] / cycles:.2f}" for reference in Reference)
        int8 = f"{row.int8_cycles / cycles:.1f} ({row.int8_tile})"
        lines.append(f"| {row.shape} | `{row.best.tile}` | {figures} | {bound} | {middle} | {ratios} | {int8} |")
    return "\n".join([*lines, ""])


def _widths(results: KernelResults) -> str:
    lines = _heading(f"core | layer | {' | '.join(_name(arithmetic) for arithmetic in WIDTHS)}")
    for row in results.widths:
        figures = [f"{row.shape.products / row.best[arithmetic].cycles:.1f}" for arithmetic in WIDTHS]
        lines.append(f"| {row.core} | {row.shape} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _blocks(results: KernelResults) -> str:
    lines = _heading("core | layer | fused variant | int8 flow | float flow | times as fast")
    for row in results.blocks:
        convolution, behind = row.conventional
        float_flow = f"{convolution:,} + {behind:,} = {convolution + behind:,}"
        lines.append(
            f"| {row.core} | {row.shape} | `{row.variant}` | {row.cycles:,} | {float_flow} | {row.ratio:.2f} |"
        )
    return "\n".join(lines)


def _targets(targets: Iterable[Reached]) -> str:
    lines = _heading("core | layer | figure | asked, at least | reached | met | what the bound's arithmetic says")
    for target in targets:
        figures = f"{target.asked:g} | {target.reached:.2f} | {'yes' if target.is_met else 'no'}"
        lines.append(f"| {target.core} | {target.shape} | {target.what} | {figures} | {target.arithmetic} |")
    return "\n".join(lines)


def _name(arithmetic: Arithmetic) -> str:
    return f"{arithmetic.accumulator}-bit {arithmetic.overflow}"


def _heading(columns: str) -> list[str]:
    return [f"| {columns} |", "|" + " --- |" * len(columns.split("|"))]
