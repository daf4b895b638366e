"""The numbers of a core's description that can be overridden one by one, by the paths that overrides name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dse.errors import UsageError
from isa_models import Core

LARGEST_VALUE = 10_000
"""Largest value that `check_override` takes: more cycles or entries than any core has, and soon simulated."""

_NUMBER = re.compile(r"[0-9]{1,5}(\.[0-9]{1,2})?")
_APART = ("name", "description", "sources", "clock_hz")
"""Fields that change nothing about cycles."""


def numeric_fields(core: Core) -> dict[str, float]:
    """Return each number of the description by its dotted path, those of instruction classes last."""
    fields = core.model_dump(mode="json")
    classes = fields.pop("classes")
    found = dict(_numbers({name: value for name, value in fields.items() if name not in _APART}, ""))
    return found | dict(_numbers(classes, "classes."))


def check_override(core: Core, field: str, value: str) -> None:
    """Raise UsageError unless `field` is one of `numeric_fields` and `value` a number of at most `LARGEST_VALUE`.

    Whether the number makes sense for the field, `isa_models.load_core` tells.
    """
    if field not in numeric_fields(core):
        raise UsageError(f"core {core.name} has no number {field[:80]!r} to change")
    if not _NUMBER.fullmatch(value) or float(value) > LARGEST_VALUE:
        raise UsageError(f"{field}: {value[:40]!r} is no number from 0 to {LARGEST_VALUE:,} with two decimals at most")


def _numbers(fields: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for name, value in fields.items():
        if "." in name:
            continue  # of some classes, which the paths of overrides cannot name
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield f"{prefix}{name}", value
