"""Spec files: a study's settings as TOML, read with options of the command line laid over them, and written out."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dse.errors import UsageError, one_line
from dse.near_match import unknown_word
from dse.spec import StudySpec

HEADER = (
    "A study for `dse study run --spec FILE`. Every line is a default: change it or leave it out. Options of the "
    "command line come before the file."
)

_COMMENT_COLUMN = 40


def load_spec(path: Path | None, options: Mapping[str, tuple[str, Any]]) -> StudySpec:
    """Return the spec of a file, or the default one, with the options laid over it.

    Args:
        path: A TOML file; None: every field has its default.
        options: For each dotted key that an option of the command line sets, the option's name and the value.

    Raises:
        UsageError: The file cannot be read, or a key is unknown or its value malformed: file (or option) and key, and
            for an unknown key the nearest known one.

    """
    values = {} if path is None else _read(path)
    if "overrides" in values:
        values["overrides"] = _flat(values["overrides"])
    for key, (_, value) in options.items():
        _lay(values, key.split("."), value)
    try:
        spec = StudySpec.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as error:
        raise UsageError(_explain(error.errors()[0], path, options)) from error
    _check_recipe(spec, path)
    return spec


def write_spec(path: Path, spec: StudySpec | None = None) -> None:
    """Write a spec, the default one where none is given, with a comment on each line; an existing file is left alone.

    Raises:
        UsageError: There is such a file already.
        DseError: It cannot be written.

    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(spec_toml(spec or StudySpec()))
    except FileExistsError:
        raise UsageError(f"{path}: there is such a file already: give another name, or remove it") from None


def spec_toml(spec: StudySpec) -> str:
    """Return a spec as TOML, each line with what its field means; `load_spec` reads it back."""
    lines = [f"# {line}" for line in wrap(HEADER, 118)]
    return "\n".join([*lines, "", *_table_lines(spec, ())]) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"spec {path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise UsageError(f"spec {path}: no TOML: {one_line(error)}") from error


def _flat(table: Any) -> Any:
    """Return nested tables of a core's fields as dotted paths, and values as text; anything else stays for pydantic."""
    return dict(_paths(table, ())) if isinstance(table, dict) else table


def _paths(table: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
        else:
            yield ".".join((*above, name)), json.dumps(value) if isinstance(value, bool) else str(value)


def _lay(values: dict[str, Any], path: list[str], value: Any) -> None:
    """Set a value in nested tables; where a file has no table, pydantic says so later, and nothing is laid over it."""
    table: Any = values
    for name in path[:-1]:
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            return
    if isinstance(value, dict) and isinstance(table.get(path[-1]), dict):
        value = table[path[-1]] | value
    table[path[-1]] = value


def _check_recipe(spec: StudySpec, path: Path | None) -> None:
    """Refuse values of the recipe that fit no training; that of a table which is not chosen is refused as well."""
    for kind in ("quick", "scratch"):
        try:
            spec.recipe.model_copy(update={"kind": kind}).chosen()
        except UsageError as error:
            raise UsageError(f"{path or 'options'}: recipe.{kind}: {error}") from error
    try:
        spec.goal()
    except UsageError as error:
        raise UsageError(f"{path or 'options'}: {error}") from error


def _explain(error: ErrorDetails, path: Path | None, options: Mapping[str, tuple[str, Any]]) -> str:
    """Return one line about pydantic's first complaint: where it is, and what is wrong."""
    keys = [str(part) for part in error["loc"] if not _is_branch(part)]
    key = ".".join(keys)
    where = next(
        (option for name, (option, _) in options.items() if key == name or key.startswith(f"{name}.")),
        f"{path or 'spec'}: {key}",
    )
    if error["type"] == "extra_forbidden":
        table = _table_at(keys[:-1])
        return f"{where} {unknown_word(keys[-1], table.model_fields)}"
    if error["type"] == "value_error":
        return f"{where}: {error['msg'].removeprefix('Value error, ')}"
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}, not {_short(error['input'])}"


def _is_branch(part: int | str) -> bool:
    """Whether a part of a location is pydantic's name for a branch of a union, and no key of the file."""
    return isinstance(part, str) and any(mark in part for mark in "[(,")


def _short(value: Any) -> str:
    text = one_line(ValueError(json.dumps(value, default=str)))
    return text if len(text) <= 60 else f"{text[:57]}..."


def _table_at(keys: list[str]) -> type[BaseModel]:
    """Return the class of a table; keys that lead into no table lead no further."""
    table: type[BaseModel] = StudySpec
    for key in keys:
        field = table.model_fields.get(key)
        annotation = field.annotation if field is not None else None
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            table = annotation
    return table


def _table_lines(table: BaseModel, above: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a table: its own fields first, as TOML wants it, then the tables in it."""
    fields = type(table).model_fields
    values = table.model_dump(mode="json")
    inner = {name: value for name in fields if isinstance(value := getattr(table, name), BaseModel)}
    maps = [name for name in fields if isinstance(values[name], dict) and name not in inner]
    for name, field in fields.items():
        if name not in inner and name not in maps:
            yield _commented(f"{name} = {_toml(values[name])}", field.description or "")
    for name in maps:
        yield from ("", _commented(f"[{name}]", fields[name].description or ""))
        for key, value in values[name].items():
            yield f"{_toml(key)} = {_toml(value)}"
    for name, inside in inner.items():
        path = (*above, name)
        about = (type(inside).__doc__ or "").strip().rstrip(".")
        yield from ("", _commented(f"[{'.'.join(path)}]", about[0].lower() + about[1:]), *_table_lines(inside, path))


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_COLUMN}}  # {comment}" if comment else line


def _toml(value: Any) -> str:
    """Return a value in TOML's notation, which is JSON's for texts, numbers, switches and lists of them."""
    return json.dumps(value, ensure_ascii=False)
