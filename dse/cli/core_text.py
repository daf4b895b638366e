"""Core descriptions as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dse.cli.columns import aligned

if TYPE_CHECKING:
    from isa_models.core import Core

_PROVENANCE = ("source", "confidence")


def core_summary(core: Core) -> dict[str, Any]:
    """Return what a list of cores tells of each."""
    return {
        "name": core.name,
        "kind": core.kind,
        "clock_hz": core.clock_hz,
        "widths": _widths(core),
        "features": list(core.features),
        "description": core.description,
    }


def listing(cores: Sequence[Core]) -> str:
    """Return a table with one line a core."""
    rows = [("name", "kind", "clock", "widths", "description")]
    for core in cores:
        widths = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in _widths(core).items())
        rows.append((core.name, core.kind, f"{core.clock_hz / 1e9:g} GHz", widths, core.description))
    return "\n".join(aligned(rows))


def description(core: Core) -> str:
    """Return a core's fields, then its parts and instruction classes with figures, confidence and source."""
    fields = core.model_dump(mode="json", exclude_defaults=True)
    classes: dict[str, dict[str, Any]] = fields.pop("classes")
    sources: dict[str, str] = fields.pop("sources")
    parts = {name: value for name, value in fields.items() if isinstance(value, dict) and "source" in value}
    lines = [f"{name}: {value_text(value)}" for name, value in fields.items() if name not in parts]
    lines += ["", *_entries("part", parts), "", *_entries("instruction class", classes), "", "sources"]
    lines += [f"  {line}" for line in aligned(list(sources.items()))]
    return "\n".join(lines)


def _widths(core: Core) -> dict[str, int]:
    if core.kind == "in-order":
        return {"issue": core.width}
    return {"decode": core.decode_width, "retire": core.retire_width, "window": core.window, "ports": len(core.ports)}


def _entries(heading: str, entries: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    rows = [(heading, "confidence", "source", "figures")]
    for name, entry in entries.items():
        figures = ", ".join(f"{key} {value_text(value)}" for key, value in entry.items() if key not in _PROVENANCE)
        rows.append((name, entry["confidence"], entry["source"], figures))
    yield from aligned(rows)


def value_text(value: Any) -> str:
    """Return a field of a description as text."""
    if isinstance(value, list):
        return " ".join(map(value_text, value)) or "none"
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {value_text(inner)}" for key, inner in value.items()) + ")"
    return str(value)
