"""Layer functions as JSON values, for cache keys and weights files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

from kernels_asm import EndValue, LayerFunction, RunningSums

_KINDS: dict[str, type[EndValue] | type[RunningSums]] = {"end value": EndValue, "running sums": RunningSums}


def function_values(function: LayerFunction) -> list[Any]:
    """Return the kind of function and its fields; `parse_function` reads them back."""
    kind = next(name for name, kind in _KINDS.items() if isinstance(function, kind))
    return [kind, *astuple(function)]


def parse_function(values: Sequence[Any]) -> LayerFunction:
    """Return the function that `function_values` wrote; raises ValueError if it is none."""
    kind, *fields = values
    if kind not in _KINDS or not all(isinstance(field, int) for field in fields):
        raise ValueError(f"{values!r} is no layer function")
    try:
        return _KINDS[kind](*fields)
    except TypeError as error:
        raise ValueError(f"{values!r} has not the fields of {kind}") from error
