"""Reading an address: whatever a query string holds, only short, known parameters come out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

LONGEST_QUERY = 2000
LONGEST_VALUE = 200
MOST_VALUES = 40

Query = Mapping[str, tuple[str, ...]]


def read_query(search: Any) -> Query:
    """Return the values of each parameter of a query string such as "?trial=12"; nothing of a senseless one."""
    if not isinstance(search, str) or len(search) > LONGEST_QUERY:
        return {}
    try:
        parsed = parse_qs(search.removeprefix("?"), max_num_fields=MOST_VALUES)
    except ValueError:
        return {}
    return {
        name: tuple(values) for name, values in parsed.items() if all(len(value) <= LONGEST_VALUE for value in values)
    }


def single(query: Query, name: str) -> str | None:
    """Return the value of a parameter that is given once, else None."""
    values = query.get(name, ())
    return values[0] if len(values) == 1 else None


def whole_number(query: Query, name: str, largest: int) -> int | None:
    """Return a parameter's value if it is a whole number from 0 to `largest`, else None."""
    text = single(query, name) or ""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(largest)):
        return None
    return int(text) if int(text) <= largest else None


def address(path: str, **parameters: str | int | list[str] | None) -> str:
    """Return a path with a query string of those parameters that are not None."""
    given = {name: value for name, value in parameters.items() if value is not None and value != []}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path
