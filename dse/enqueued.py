"""Known designs that a study evaluates early: texts such as `accumulator=8 clip=31 maps=int8`, or files of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dse.design import Design
from dse.errors import UsageError
from dse.near_match import unknown_word
from dse.space import SearchSpace

_NO_CLIP = "none"
_SHORT = {"width": "width_multiplier"}


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
    usual = {name: _NO_CLIP if value is None else str(value) for name, value in conventional.to_dict().items()}
    wanted = usual | _fields(where, text, usual)
    design = next((design for design in space.designs() if _matches(design.to_dict(), wanted)), None)
    if design is None:
        ranges = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in space.to_dict().items())
        raise UsageError(f"{where}: outside the study's ranges, which are {ranges}")
    if (illegal := reason(design)) is not None:
        raise UsageError(f"{where}: not worth evaluating: {illegal}")
    return design


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


def _matches(design: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(_is(design[name], text) for name, text in wanted.items())


def _is(value: Any, text: str) -> bool:
    """Whether a field of a design is what a text says; numbers compare as numbers, and "none" and 0 are no clip."""
    if value is None:
        return text in (_NO_CLIP, "0")
    if isinstance(value, str):
        return value == text
    try:
        return float(text) == float(value)
    except ValueError:
        return False
