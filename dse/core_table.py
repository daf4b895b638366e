"""A core's description as rows of a table, alone or beside another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dse.cli.core_text import value_text
from isa_models import Core

_APART = ("name", "description", "kind", "classes", "sources")
_PROVENANCE = ("source", "confidence")


@dataclass(frozen=True, slots=True)
class CoreEntry:
    """One entry of a description: its figures as text, and where they come from; no source for what carries none."""

    figures: str
    source: str | None = None
    source_text: str | None = None
    confidence: str | None = None


@dataclass(frozen=True, slots=True)
class CoreRow:
    """An entry of one or of both of two descriptions, by the part of the description that it belongs to."""

    section: str
    name: str
    entry: CoreEntry | None
    beside: CoreEntry | None

    @property
    def differs(self) -> bool:
        """Whether the two descriptions have other figures here."""
        return (self.entry.figures if self.entry else None) != (self.beside.figures if self.beside else None)


def core_rows(core: Core, beside: Core | None = None) -> tuple[CoreRow, ...]:
    """Return every entry of `core`, and those that only `beside` has, in the order of the description."""
    mine, other = _entries(core), {} if beside is None else _entries(beside)
    keys = [*mine, *(key for key in other if key not in mine)]
    keys.sort(key=lambda key: _SECTIONS.index(key[0]))
    return tuple(CoreRow(*key, mine.get(key), other.get(key)) for key in keys)


_SECTIONS = ("pipeline", "part", "instruction class")


def _entries(core: Core) -> dict[tuple[str, str], CoreEntry]:
    fields = core.model_dump(mode="json", exclude_defaults=True)
    general = {name: value for name, value in fields.items() if name not in _APART}
    found: dict[tuple[str, str], CoreEntry] = {}
    for name, value in general.items():
        is_part = isinstance(value, dict) and "source" in value
        found["part" if is_part else "pipeline", name] = (
            _entry(value, core) if is_part else CoreEntry(value_text(value))
        )
    for name, timing in fields["classes"].items():
        found["instruction class", name] = _entry(timing, core)
    return found


def _entry(fields: Mapping[str, Any], core: Core) -> CoreEntry:
    figures = ", ".join(f"{key} {value_text(value)}" for key, value in fields.items() if key not in _PROVENANCE)
    source = fields["source"]
    return CoreEntry(figures, source, core.sources.get(source), fields["confidence"])
