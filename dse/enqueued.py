"""Known designs that a study evaluates early: texts such as `accumulator=8 clip=31 maps=int8`, or files of them.

Where a study chooses layer by layer, `clip=31*2/none/15` names the values of the layers in their order; one value is
that of all. Options of `repairs` stand with semicolons between them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dse.design import Design
from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.space import SearchSpace

_SHORT = {"width": "width_multiplier", "depth": "depth_multiplier"}
_LAYERED = ("accumulator", "overflow", "clip")


def _number_or_none(text: str) -> int | None:
    return None if text in ("none", "0") else int(text)


_READERS: Mapping[str, Callable[[str], Any]] = {
    "width_multiplier": float,
    "accumulator": int,
    "overflow": str,
    "clip": _number_or_none,
    "maps": str,
    "depth_multiplier": float,
    "input_size": _number_or_none,
    "repairs": str,
}
"""What a text names, and how its value is read."""


def enqueued_designs(
    entries: Iterable[str], conventional: Design, space: SearchSpace, reason: Callable[[Design], str | None]
) -> tuple[Design, ...]:
    """Return the designs of the entries, each once, in their order.

    What a text leaves out is as in the conventional design.

    Args:
        entries: Texts, or names of files with one a line, where `#` begins a comment.
        conventional: The study's conventional design.
        space: Designs of the study.
        reason: Says why a design is illegal, None for a legal one.

    Raises:
        UsageError: A file cannot be read, or a text is malformed, outside the space or illegal.

    """
    designs = [_design(where, text, conventional, space, reason) for where, text in _texts(entries)]
    return tuple(dict.fromkeys(designs))


def _texts(entries: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each text, and where it stands."""
    for entry in entries:
        if "=" in entry:
            yield f"design {entry!r}", entry
            continue
        try:
            lines = Path(entry).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            what = getattr(error, "strerror", None) or "no UTF-8"
            raise UsageError(
                f"designs {entry}: cannot be read ({what}): give a file, or a text such as accumulator=8"
            ) from error
        for number, line in enumerate(lines, start=1):
            text = line.partition("#")[0].strip()
            if text:
                yield f"{entry}:{number}", text


def _design(
    where: str, text: str, conventional: Design, space: SearchSpace, reason: Callable[[Design], str | None]
) -> Design:
    fields = _fields(where, text, _READERS)
    try:
        design = _with_fields(conventional, fields, space)
    except (ValueError, UsageError):
        design = None
    if design is None or design not in space:
        ranges = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in space.to_dict().items())
        raise UsageError(f"{where}: outside the study's ranges, which are {ranges}")
    if (illegal := reason(design)) is not None:
        raise UsageError(f"{where}: not worth evaluating: {illegal}")
    return design


def _with_fields(design: Design, fields: Mapping[str, str], space: SearchSpace) -> Design:
    """Return a design with other fields; raises ValueError or UsageError for values that no design has."""
    values = design.to_dict()
    for name, text in fields.items():
        values[name] = [_READERS[name](part) for part in _parts(text)] if name in _LAYERED else _READERS[name](text)
    layers = max(len(values[name]) if isinstance(values[name], list) else 1 for name in _LAYERED)
    for name in _LAYERED:
        listed = values[name] if isinstance(values[name], list) else [values[name]]
        values[name] = listed * layers if len(listed) == 1 else listed
    if values.get("repairs") is not None:
        values["repairs"] = _searched_repairs(values["repairs"], space)
    return Design.from_dict(values)


def _parts(text: str) -> Iterator[str]:
    """Yield the values of layers, "31*2/none": those that repeat, so often; raises ValueError for a bad count."""
    for part in text.split("/"):
        value, _, count = part.partition("*")
        yield from [value] * int(count or 1)


def _searched_repairs(text: str, space: SearchSpace) -> str:
    """Return the first repairs of the space that have all these options; raises ValueError without one."""
    wanted = set(text.split(";"))
    found = next((repairs for repairs in space.repairs if wanted <= set(repairs.split(","))), None)
    if found is None:
        raise ValueError(f"no repairs of the space have {text}")
    return found


def _fields(where: str, text: str, known: Mapping[str, Any]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for part in re.split(r"[\s,]+", text.strip()):
        name, equals, value = part.partition("=")
        name = _SHORT.get(name, name)
        if not (equals and value):
            raise UsageError(f"{where}: {part!r} is no FIELD=VALUE: write accumulator=8 clip=31")
        if name not in known:
            raise UsageError(f"{where}: {name} {unknown_word(name, [*_SHORT, *known])}")
        if name in fields:
            raise UsageError(f"{where}: {name} is given twice: give it once")
        fields[name] = value
    return fields
