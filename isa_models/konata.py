"""A timeline as a log of the Konata pipeline viewer: text format "Kanata", version 0004.

One command a line, fields separated by tabs: `C=` and `C` set and advance the cycle, `I` opens an instruction, `L`
labels it, `S` and `E` begin and end a stage, `R` retires it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from isa_models.errors import InputError
from isa_models.simulation import TimelineEntry

HEADER = "Kanata\t0004"

WAITING, EXECUTING, DONE = "Ds", "Ex", "Cm"
"""Stages: from dispatch to issue, from issue to completion, from completion to retirement."""

_THREAD = _LANE = 0
_RETIRED = 0
_LEFT_PANE, _DETAIL = 0, 1


def konata_log(timeline: Sequence[TimelineEntry]) -> str:
    """Return the log of a timeline; raises InputError for an empty one."""
    if not timeline:
        raise InputError("the timeline holds no instruction: ask for a window of the executed ones")
    events = sorted(
        (event for number, entry in enumerate(timeline) for event in _events(number, entry)),
        key=lambda event: event[:2],
    )
    cycle = events[0][0]
    lines = [HEADER, f"C=\t{cycle}"]
    for moment, group in groupby(events, key=lambda event: event[0]):
        if moment > cycle:
            lines.append(f"C\t{moment - cycle}")
            cycle = moment
        lines += [line for *_, line in group]
    return "\n".join(lines) + "\n"


def _events(number: int, entry: TimelineEntry) -> list[tuple[int, int, str]]:
    """Return (cycle, rank among those of this cycle, line): instructions open in order, then stages change."""
    begin = [
        f"I\t{number}\t{entry.index}\t{_THREAD}",
        f"L\t{number}\t{_LEFT_PANE}\t{entry.address:x}: {entry.text}",
        f"L\t{number}\t{_DETAIL}\texecuted as instruction {entry.index}",
    ]
    events = [(entry.dispatch, number, line) for line in begin]
    stages = ((WAITING, entry.dispatch, entry.issue), (EXECUTING, entry.issue, entry.complete),
              (DONE, entry.complete, entry.retire))  # fmt: skip
    for name, start, end in stages:
        if start < end:
            events.append((start, number, f"S\t{number}\t{_LANE}\t{name}"))
            events.append((end, number, f"E\t{number}\t{_LANE}\t{name}"))
    events.append((entry.retire, number, f"R\t{number}\t{entry.index}\t{_RETIRED}"))
    return events
