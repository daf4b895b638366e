"""The table of a core's description, alone or beside another one, where differences are marked."""

from __future__ import annotations

from typing import Any

import dash_ag_grid as dag

from dashboards import ids
from dashboards.components.trial_table import GRID_THEME
from dse.core_table import CoreEntry, CoreRow

ROW_HEIGHT = 28


def core_table() -> dag.AgGrid:
    """Return the table without rows; `core_columns` gives its columns."""
    return dag.AgGrid(
        id=ids.CORES_TABLE,
        columnDefs=core_columns("", None),
        rowData=[],
        getRowId="params.data.id",
        defaultColDef={"sortable": True, "resizable": True, "suppressMovable": True},
        rowClassRules={"differs": "params.data.differs"},
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "animateRows": False,
            "rowHeight": ROW_HEIGHT,
            "tooltipShowDelay": 300,
        },
        style={"height": 560},
    )


def core_columns(core: str, beside: str | None) -> list[dict[str, Any]]:
    """Return the columns for one core or two."""
    columns: list[dict[str, Any]] = [
        _text("section", "Part of", width=130),
        _text("name", "Entry", width=210),
        *_core_columns("", core),
    ]
    if beside is not None:
        columns += [
            {"field": "mark", "headerName": "", "width": 54, "headerTooltip": "≠: the figures differ"},
            *_core_columns("beside_", beside),
        ]
    return columns


def core_row_data(rows: tuple[CoreRow, ...], *, two: bool, differences: bool) -> list[dict[str, Any]]:
    """Return the rows of the table; `two`: of two cores; `differences`: only those whose figures differ."""
    return [
        {
            "id": f"{row.section}/{row.name}",
            "section": row.section,
            "name": row.name,
            "differs": two and row.differs,
            "mark": "≠" if two and row.differs else "",
            **_cells("", row.entry),
            **(_cells("beside_", row.beside) if two else {}),
        }
        for row in rows
        if not (two and differences) or row.differs
    ]


def _core_columns(prefix: str, name: str) -> list[dict[str, Any]]:
    return [
        _text(f"{prefix}figures", name, minWidth=230, flex=2),
        _text(f"{prefix}confidence", "Confidence", width=116),
        {**_text(f"{prefix}source", "Source", width=104), "tooltipField": f"{prefix}source_text"},
    ]


def _cells(prefix: str, entry: CoreEntry | None) -> dict[str, Any]:
    if entry is None:
        return {f"{prefix}figures": "-"}
    return {
        f"{prefix}figures": entry.figures,
        f"{prefix}confidence": entry.confidence or "",
        f"{prefix}source": entry.source or "",
        f"{prefix}source_text": entry.source_text or "",
    }


def _text(field: str, title: str, **options: int) -> dict[str, Any]:
    return {"field": field, "headerName": title, "filter": "agTextColumnFilter", "tooltipField": field, **options}
