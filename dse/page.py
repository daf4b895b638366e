"""HTML pages of one file: they need nothing else and ask the network for nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from dse.atomic_file import replace_file
from dse.errors import DseError


def write_page(path: Path, html: str) -> None:
    """Write a page; `path` is replaced at once, or left as it was if anything fails.

    Raises DseError if the file cannot be written.
    """
    try:
        replace_file(path, html.encode())
    except OSError as error:
        raise DseError(f"cannot write report {path}: {error.strerror or error}") from error


def asset(name: str) -> str:
    """Return a file of the folder `report_page`: a template, style or script that pages carry."""
    return resources.files("dse").joinpath("report_page", name).read_text(encoding="utf-8")


def cards(entries: Iterable[tuple[str, str, str]]) -> str:
    """Return the main figures of a page as HTML; each has a label, a value and a note."""
    return "".join(
        f'<div><dt>{escape(label)}</dt><dd class="value">{escape(value)}</dd><dd>{escape(note)}</dd></div>'
        for label, value, note in entries
    )


def script_json(value: Any) -> str:
    """Return `value` as JSON that can stand inside a script element: no text in it can end the element."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
