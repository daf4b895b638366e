"""The listing of a kernel: every instruction with its cycles, stronger in colour the more, and what they went to."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag

from dashboards.components.trial_table import GRID_THEME
from dse.chart_theme import STALL_COLOURS
from dse.kernel_page import reason_line
from dse.stall_families import group_stalls
from isa_models import Hotspot, Simulation

HEIGHT = 520
MONOSPACE = "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace"


def listing(simulation: Simulation, side: str) -> dag.AgGrid:
    """Return the instructions in the order of the code, opened at the hottest; `side` tells two listings apart."""
    rows = [_row(number, hotspot, simulation) for number, hotspot in enumerate(simulation.hotspots)]
    most = max((row["cycles"] for row in rows), default=0) or 1
    for row in rows:
        row["heat"] = round(100 * row["cycles"] / most, 1)
    hottest = max(range(len(rows)), key=lambda number: rows[number]["cycles"], default=0)
    return dag.AgGrid(
        id={"type": "listing", "side": side},
        columnDefs=[
            {"field": "source", "headerName": "Line", "width": 150, "tooltipField": "source"},
            {"field": "code", "headerName": "Instruction", "width": 220, "tooltipField": "code"},
            _number("count", "Times", 95),
            _number("cycles", "Cycles", 105),
            _number("share", "Share", 80, "d3.format('.1%')(params.value)"),
            {
                "field": "reasons",
                "headerName": "Spent on",
                "minWidth": 260,
                "flex": 1,
                "cellRenderer": "StallBar",
                "tooltipField": "reasons",
                "sortable": False,
            },
        ],
        rowData=rows,
        getRowId="params.data.id",
        defaultColDef={
            "sortable": True,
            "resizable": True,
            "suppressMovable": True,
            "cellStyle": {"function": "heatCell(params)"},
        },
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "animateRows": False,
            "rowHeight": 24,
            "tooltipShowDelay": 300,
        },
        scrollTo={"rowIndex": hottest, "rowPosition": "middle"},
        style={"height": min(HEIGHT, 60 + 24 * len(rows))},
        className="listing",
    )


def _row(number: int, hotspot: Hotspot, simulation: Simulation) -> dict[str, Any]:
    families = group_stalls(hotspot.stalls, hotspot.cycles)
    return {
        "id": str(number),
        "source": hotspot.source or f"{hotspot.address:#x}",
        "code": hotspot.text,
        "count": hotspot.count,
        "cycles": hotspot.cycles,
        "share": hotspot.cycles / max(simulation.cycles, 1),
        "reasons": reason_line(hotspot),
        "families": [
            [STALL_COLOURS[family], round(100 * group.cycles / max(hotspot.cycles, 1), 1)]
            for family, group in families.items()
        ],
    }


def _number(field: str, title: str, width: int, text: str = "d3.format(',')(params.value)") -> dict[str, Any]:
    return {
        "field": field,
        "headerName": title,
        "type": "rightAligned",
        "width": width,
        "valueFormatter": {"function": text},
    }
