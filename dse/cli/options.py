"""Options that several commands share."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEBUG_FLAG = "--debug"

DEFAULT_STORAGE = "study.db"
DEFAULT_STUDY = "study"
DEFAULT_CORE = "cortex-a72"

Debug = Annotated[bool, typer.Option(DEBUG_FLAG, help="Show the traceback of an error.")]
StorageArgument = Annotated[
    str,
    typer.Argument(
        help="SQLite file of the study, journal:FILE, or postgresql://USER@HOST/DATABASE.",
        show_default=True,
        metavar="STORAGE",
    ),
]
StorageOption = Annotated[
    str, typer.Option("--storage", help="SQLite file of the study, journal:FILE, or postgresql://USER@HOST/DATABASE.")
]
StudyName = Annotated[
    str | None, typer.Option("--name", help="Name of the study; needed where the storage holds several.")
]
CacheOption = Annotated[
    Path | None,
    typer.Option(
        "--cache", help="Folder of the evaluation cache (default: $BNN_DSE_CACHE or the user's cache folder)."
    ),
]
DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder with the data set's files.")]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", help="The design trained anew, a file of dse train --trial --save (default: as it was searched)."
    ),
]
CoreName = Annotated[str, typer.Option("--core", help="Name of a core, or a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--override", help="Change a field of the core, such as l2.latency=30; repeatable.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output; progress goes to standard error.")]


class OutputFormat(StrEnum):
    """How a command prints its result."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


Format = Annotated[OutputFormat, typer.Option("--format", help="How to print.")]


def cache_directory(option: Path | None) -> Path:
    """Return the folder of the evaluation cache that an option names, or the default one."""
    from dse.cache import default_directory

    return option if option is not None else default_directory()


def check_writable(path: Path, storage: str | None = None) -> None:
    """Raise UsageError for a file that could not be written, before the work and not after it.

    Nor may it be that of `storage`, which would be lost.
    """
    from dse.errors import UsageError
    from dse.storage import storage_file

    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: give the path of a file in a directory that exists")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"{path}: its folder cannot be written to: give a file in another")
    study = None if storage is None else storage_file(storage)
    if study is not None and path.resolve() == study.resolve():
        raise UsageError(f"{path} is the storage of the study, which would be lost: give another file")


def parse_overrides(options: list[str] | None) -> dict[str, str]:
    """Return FIELD=VALUE options as a dict; raises UsageError for one without both, or a field given twice."""
    from dse.errors import UsageError

    overrides: dict[str, str] = {}
    for option in options or []:
        name, equals, value = option.partition("=")
        if not (name and equals and value):
            raise UsageError(f"--override {option!r}: write FIELD=VALUE, such as l2.latency=30")
        if name in overrides:
            raise UsageError(f"--override {name}: given twice, as {overrides[name]} and {value}: give it once")
        overrides[name] = value
    return overrides


def parse_window(option: str, text: str) -> tuple[int, int]:
    """Return N as (0, N) and FIRST:LAST as (FIRST, LAST); raises UsageError if it is neither."""
    from dse.errors import UsageError

    first, colon, last = text.rpartition(":")
    parts = (first if colon else "0", last)
    if not all(part.isdecimal() for part in parts) or int(parts[0]) >= int(parts[1]):
        raise UsageError(f"{option} {text!r}: write a number of instructions, or FIRST:LAST with FIRST below LAST")
    return int(parts[0]), int(parts[1])


def parse_numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Return a comma-separated list as numbers, None as None; raises UsageError if one is no number."""
    from dse.errors import UsageError

    if text is None:
        return None
    try:
        return tuple(map(float, text.split(",")))
    except ValueError:
        raise UsageError(f"{option} {text!r}: write numbers with commas between them, such as 0.5,1,2") from None
