"""The figures of a kernel's profile show every port, every cycle and every instruction of the window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dse.chart_theme import DARK, LIGHT, STALL_COLOURS, Theme
from dse.kernel_charts import (
    TIMELINE_ROWS,
    port_figure,
    stall_figure,
    stall_legend,
    timeline_figure,
    timeline_rows,
    timeline_start,
)
from dse.stall_families import StallFamily
from isa_models import Bound, Hotspot, Simulation, TimelineEntry

STALLS = {"port F0": 700, "dependence on v3": 250, "front end": 48, "L1 miss": 1, "port <b>": 1}


def entry(number: int) -> TimelineEntry:
    start = 1000 + number // 2
    return TimelineEntry(500 + number, 64 + 4 * (number % 2), f"add x{number}", start, start + 1, start + 3, start + 4)


def simulation(instructions: int = 100) -> Simulation:
    hotspots = (Hotspot(64, "kernel.S:7", "add", 5, 1, {}), Hotspot(68, None, "add", 5, 1, {}))
    timeline = tuple(map(entry, range(instructions)))
    return Simulation("c", 1000, 900, {"F0": 0.9, "L": 0.25}, STALLS, {}, 0, hotspots, (Bound("port F0", 9),), timeline)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_every_port_has_its_share_and_the_busiest_stands_out(theme: Theme) -> None:
    (bars,) = port_figure(simulation(), theme=theme).data
    assert dict(zip(bars.y, bars.x, strict=True)) == {"F0": 90.0, "L": 25.0}
    assert list(bars.marker.color) == [theme.accent, theme.muted]


def test_stalls_add_up_to_all_cycles_in_the_colours_of_their_families() -> None:
    (bars,) = stall_figure(simulation()).data
    assert sum(bars.x) == 1000
    assert list(bars.y) == ["port F0", "dependence on v3", "front end", "L1 miss", "port <b>"]
    families = [StallFamily.PORT, StallFamily.VECTOR, StallFamily.WIDTH, StallFamily.MEMORY, StallFamily.PORT]
    assert list(bars.marker.color) == [STALL_COLOURS[family] for family in families]
    assert [item.label for item in stall_legend(simulation())] == [
        family.label for family in StallFamily if family in families
    ]


def test_small_stalls_share_a_bar_unless_there_is_one() -> None:
    many = replace(simulation(), cycles=10_000, stalls={"port F0": 9_990, "front end": 6, "L1 miss": 4})
    (bars,) = stall_figure(many).data
    assert dict(zip(bars.y, bars.x, strict=True)) == {"port F0": 9_990, "2 more reasons": 10}
    assert bars.customdata[1] == "front end: 6<br>L1 miss: 4"
    assert [item.label for item in stall_legend(many)] == [StallFamily.PORT.label]
    (bars,) = stall_figure(replace(many, stalls={"port F0": 9_995, "front end": 5})).data
    assert list(bars.y) == ["port F0", "front end"]


def test_timeline_has_every_stage_of_every_instruction() -> None:
    shown = simulation()
    figure = timeline_figure(shown)
    waiting, executing, done = figure.data
    start = timeline_start(shown.timeline or ())
    assert start == 1000
    for bars, first, last in (
        (waiting, "dispatch", "issue"),
        (executing, "issue", "complete"),
        (done, "complete", "retire"),
    ):
        assert [base + start for base in bars.base] == [getattr(one, first) for one in shown.timeline or ()]
        ends = [base + length + start for base, length in zip(bars.base, bars.x, strict=True)]
        assert ends == [getattr(one, last) for one in shown.timeline or ()]
    assert "kernel.S:7, instruction 500 of the run" in waiting.customdata[0]
    assert "0x44, instruction 501" in waiting.customdata[1]
    assert list(figure.layout.yaxis.ticktext[:2]) == ["add x0", "add x1"]


@pytest.mark.parametrize(("count", "positions"), [(100, 100 - TIMELINE_ROWS + 1), (TIMELINE_ROWS, 1), (3, 1), (0, 0)])
def test_the_cycles_in_sight_follow_the_rows(count: int, positions: int) -> None:
    entries = tuple(map(entry, range(count)))
    cycles = timeline_rows(entries)
    assert len(cycles) == positions
    for row, (first, last) in enumerate(cycles):
        shown = entries[row : row + TIMELINE_ROWS]
        assert first == shown[0].dispatch - 1000 - 1
        assert last == shown[-1].retire - 1000 + 1


def test_no_timeline_is_said() -> None:
    figure = timeline_figure(replace(simulation(), timeline=None))
    assert figure.layout.annotations[0].text == "No timeline was recorded"
