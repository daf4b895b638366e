"""Arrays of numbers as C: packed weights, thresholds, batch norms, weights of the float layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_C_TYPES = {"uint64": "uint64_t", "uint32": "uint32_t", "int16": "int16_t", "float32": "float"}
_LINE = 120


def identifier(name: str) -> str:
    """Return a name of a layer as an identifier in C."""
    cleaned = re.sub(r"\W", "_", name, flags=re.ASCII)
    return cleaned if not cleaned[:1].isdigit() else f"_{cleaned}"


class Constants:
    """Named arrays.

    Bytes are written as words of 8, filled with zeros, which are read little-endian: half the text and an eighth of the
    numbers to compile. A name is given once: another array under it is a fault of the exporter.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    def __iter__(self) -> Iterator[tuple[str, NDArray[Any]]]:
        return iter(self._arrays.items())

    def add(self, name: str, array: NDArray[Any], pointer: str = "") -> str:
        """Keep an array and return the C expression for its first element, cast to `pointer` where that is given."""
        if name in self._arrays:
            raise AssertionError(f"constant {name} is given twice")
        flat = np.ascontiguousarray(array).reshape(-1)
        if flat.dtype == np.uint8:
            flat = np.pad(flat, (0, -len(flat) % 8)).view("<u8")
        self._arrays[name] = flat
        return f"({pointer}){name}" if pointer else name

    def header(self) -> str:
        """Return the declarations."""
        return "\n".join(f"extern {_declaration(name, array)};" for name, array in self) + "\n"

    def definitions(self) -> Iterator[str]:
        """Yield the definition of each array."""
        for name, array in self:
            lines = "\n".join(_lines(list(_numbers(array))))
            yield f"{_declaration(name, array)} = {{\n{lines}\n}};\n"


def _declaration(name: str, array: NDArray[Any]) -> str:
    return f"_Alignas(64) const {_C_TYPES[array.dtype.name]} {name}[{len(array)}]"


def _numbers(array: NDArray[Any]) -> Iterator[str]:
    if array.dtype == np.uint64:
        return (f"0x{int(value):016x}" for value in array)
    if array.dtype == np.float32:
        return (_float_text(value) for value in array)
    return (str(int(value)) for value in array)


def _float_text(value: np.float32) -> str:
    """Return the shortest decimal that reads back as the same float32."""
    if not np.isfinite(value):
        raise ValueError(f"{value} among the numbers of a trained network")
    text = np.format_float_scientific(value, unique=True, trim="0")
    return f"{text}f"


def _lines(numbers: list[str]) -> Iterator[str]:
    """Yield them with commas between, in lines of at most so many characters."""
    line = "   "
    for number in numbers:
        if len(line) + len(number) + 2 > _LINE:
            yield line
            line = "   "
        line += f" {number},"
    yield line
