"""The exported log, replayed as the viewer does, gives the timeline back."""

from __future__ import annotations

import pytest

from isa_models import InputError, TimelineEntry, konata_log, simulate

STAGES = {"Ds": ("dispatch", "issue"), "Ex": ("issue", "complete"), "Cm": ("complete", "retire")}


def replay(log):
    """Return {index: {"begin", "text", "retire", stage: (start, end)}} as a viewer reads a log."""
    header, *lines = log.splitlines()
    assert header == "Kanata\t0004"
    cycle, seen = None, {}
    for line in lines:
        command, *fields = line.split("\t")
        if command == "C=":
            cycle = int(fields[0])
        elif command == "C":
            assert int(fields[0]) > 0
            cycle += int(fields[0])
        elif command == "I":
            assert int(fields[0]) == len(seen)
            seen[int(fields[0])] = {"begin": cycle, "index": int(fields[1])}
        else:
            entry = seen[int(fields[0])]
            if command == "L" and fields[1] == "0":
                entry["text"] = fields[2]
            elif command == "S":
                entry[fields[2]] = (cycle, None)
            elif command == "E":
                entry[fields[2]] = (entry[fields[2]][0], cycle)
            elif command == "R":
                entry["retire"] = cycle
    return list(seen.values())


@pytest.mark.parametrize("core", ["cortex-a53", "cortex-a72"])
def test_replay_gives_the_timeline(core):
    code = ".globl f\nf: mov x2, #9\n1: ldr q0, [x0], #16\n cnt v0.16b, v0.16b\n subs x2, x2, #1\n b.ne 1b\n ret\n"
    timeline = simulate(code, core, args=["buf:144:1"], timeline=(4, 30)).timeline
    assert timeline is not None
    replayed = replay(konata_log(timeline))
    assert len(replayed) == len(timeline) == 26
    for entry, seen in zip(timeline, replayed, strict=True):
        assert seen["index"] == entry.index
        assert seen["text"] == f"{entry.address:x}: {entry.text}"
        assert (seen["begin"], seen["retire"]) == (entry.dispatch, entry.retire)
        for stage, (start, end) in STAGES.items():
            span = (getattr(entry, start), getattr(entry, end))
            assert seen.get(stage, (span[0],) * 2) == (span if stage in seen else (span[1],) * 2)


def test_stages_without_a_cycle_are_left_out():
    (seen,) = replay(konata_log([TimelineEntry(7, 0x1000, "nop", dispatch=3, issue=3, complete=5, retire=5)]))
    assert seen == {"begin": 3, "index": 7, "text": "1000: nop", "Ex": (3, 5), "retire": 5}


def test_instructions_that_enter_out_of_order_are_opened_in_order():
    """An in-order core's older instruction may take longer to issue; identifiers must still appear when they start."""
    late = TimelineEntry(0, 0x1000, "a", dispatch=5, issue=5, complete=6, retire=6)
    early = TimelineEntry(1, 0x1004, "b", dispatch=5, issue=6, complete=7, retire=7)
    assert [seen["index"] for seen in replay(konata_log([late, early]))] == [0, 1]


def test_empty_timeline():
    with pytest.raises(InputError, match="holds no instruction"):
        konata_log([])
