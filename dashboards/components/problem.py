"""The message that stands above the page while the storage cannot be read."""

from __future__ import annotations

import dash_mantine_components as dmc

from dashboards import ids


def problem() -> dmc.Alert:
    """Return the hidden alert; its text is the error. What was last read stays on the page below it."""
    return dmc.Alert(id=ids.PROBLEM, hide=True, title="The study cannot be read", color="red", variant="light", mb="sm")
