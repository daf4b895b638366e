"""The result of a simulation as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isa_models import Hotspot, Simulation, TimelineEntry

BAR_COLUMNS = 40
"""Length of the bar of a port that is busy all the time."""
MOST_HOTSPOTS = 48
"""Instructions listed of a longer function: those that take the most cycles."""
PICTURE_COLUMNS = 100
"""Cycles of a timeline that are drawn; of a longer one only the numbers are shown."""

_CORE_WIDTH = 16
_EIGHTHS = " ▏▎▍▌▋▊▉"


def heading(name_width: int) -> str:
    """Return the line above `line`s for functions whose names have at most `name_width` characters."""
    return f"{'function':{name_width}}  {'core':{_CORE_WIDTH}}  {'cycles':>11}  {'instructions':>12}  {'IPC':>5}  bound"


def line(simulation: Simulation, name_width: int) -> str:
    """Return a result in one line."""
    bound = simulation.bound
    return (
        f"{simulation.function or '':{name_width}}  {simulation.core:{_CORE_WIDTH}}  {simulation.cycles:>11,}  "
        f"{simulation.instructions:>12,}  {simulation.ipc:>5.2f}  {bound.what} {bound.cycles:,.0f}"
    )


def report(simulation: Simulation, *, show_timeline: bool) -> str:
    """Return the whole result: totals, bound, ports, stalls, caches, hotspots and, where wanted, the timeline."""
    blocks = [_totals(simulation), _ports(simulation), _stalls(simulation), _hotspots(simulation)]
    if show_timeline:
        blocks.append(_timeline(simulation.timeline or ()))
    return "\n\n".join("\n".join(block) for block in blocks)


def _totals(simulation: Simulation) -> Iterator[str]:
    bound = simulation.bound
    yield (
        f"{simulation.function} on {simulation.core}: {simulation.cycles:,} cycles, "
        f"{simulation.instructions:,} instructions, {simulation.ipc:.2f} a cycle"
    )
    excess = f" ({simulation.cycles / bound.cycles - 1:+.1%})" if bound.cycles else ""
    yield f"bound: {bound.what} alone needs {bound.cycles:,.1f} cycles; all together took {simulation.cycles:,}{excess}"
    caches = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in simulation.caches.items())
    yield f"caches: {caches}; branch mispredictions {simulation.mispredictions:,}"


def _ports(simulation: Simulation) -> Iterator[str]:
    width = max(map(len, simulation.ports))
    yield "ports, share of the cycles in which each is busy"
    for name, share in simulation.ports.items():
        yield f"  {name:{width}}  {share:>6.1%}  {_bar(share)}".rstrip()


def _bar(share: float) -> str:
    whole, part = divmod(round(share * BAR_COLUMNS * 8), 8)
    return "█" * whole + _EIGHTHS[part].strip()


def _stalls(simulation: Simulation) -> Iterator[str]:
    yield "cycles by what they were spent on"
    for reason, cycles in simulation.stalls.items():
        yield f"  {cycles:>11,}  {cycles / simulation.cycles:>6.1%}  {reason}"


def _hotspots(simulation: Simulation) -> Iterator[str]:
    hotspots = simulation.hotspots
    shown = hotspots
    if len(hotspots) > MOST_HOTSPOTS:
        hottest = sorted(hotspots, key=lambda hotspot: -hotspot.cycles)[:MOST_HOTSPOTS]
        shown = tuple(sorted(hottest, key=lambda hotspot: hotspot.address))
    sources = [hotspot.source or f"{hotspot.address:#x}" for hotspot in shown]
    place, text = max(map(len, sources)), max(len(hotspot.text) for hotspot in shown)
    yield f"  {'line':{place}}  {'instruction':{text}}  {'times':>11}  {'cycles':>11}  {'share':>6}  spent on"
    for source, hotspot in zip(sources, shown, strict=True):
        yield (
            f"  {source:{place}}  {hotspot.text:{text}}  {hotspot.count:>11,}  {hotspot.cycles:>11,}  "
            f"{hotspot.cycles / simulation.cycles:>6.1%}  {_reasons(hotspot)}"
        ).rstrip()
    if len(shown) < len(hotspots):
        rest = simulation.cycles - sum(hotspot.cycles for hotspot in shown)
        yield f"  and {len(hotspots) - len(shown)} more instructions that took {rest:,} cycles"


def _reasons(hotspot: Hotspot) -> str:
    return ", ".join(f"{reason} {cycles:,}" for reason, cycles in hotspot.stalls.items())


def _timeline(timeline: Sequence[TimelineEntry]) -> Iterator[str]:
    """Draw each instruction from dispatch (D) over waiting (=), execution (e) and completion (E) to retirement (R)."""
    if not timeline:
        yield "timeline: no instruction in this window"
        return
    start = min(entry.dispatch for entry in timeline)
    is_drawn = max(entry.retire for entry in timeline) - start < PICTURE_COLUMNS
    text = max(len(entry.text) for entry in timeline)
    yield f"  {'index':>7}  {'instruction':{text}}  dispatch    issue  complete   retire"
    for entry in timeline:
        picture = f"  {_picture(entry, start)}" if is_drawn else ""
        yield (
            f"  {entry.index:>7}  {entry.text:{text}}  {entry.dispatch:>8}  {entry.issue:>7}  {entry.complete:>8}  "
            f"{entry.retire:>7}{picture}"
        )


def _picture(entry: TimelineEntry, start: int) -> str:
    cells = [" "] * (entry.retire - start + 1)
    spans = (
        (entry.dispatch, entry.issue, "="),
        (entry.issue, entry.complete, "e"),
        (entry.complete, entry.retire, "-"),
    )
    for first, end, mark in spans:
        for cycle in range(first, end):
            cells[cycle - start] = mark
    for cycle, mark in ((entry.dispatch, "D"), (entry.complete, "E"), (entry.retire, "R")):
        cells[cycle - start] = mark
    return "".join(cells)
