"""Arguments of a timed call, as Python values or as text: numbers, and buffers of zeros, random bytes or a file's."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isa_models.assembling import read_file
from isa_models.errors import InputError
from isa_models.memory import PAGE_BYTES, Buffer, Pointer, place, resolve

Argument = int | np.integer[Any] | np.bool_ | float | np.float32 | np.float16 | str | Buffer | Pointer
"""One argument: an integer, in the next general register; a float, in the next vector register, of 64 bits or as
`numpy.float32` of 32 or `numpy.float16` of 16; a buffer, which is passed as its address; a pointer to a buffer of the
call; or text that `parse_argument` reads."""

SYNTAX = (
    "write an integer, f64:NUMBER, f32:NUMBER, buf:SIZE[:SEED] or file:PATH, "
    "the latter two with :align=N or :ro after it where wanted"
)

_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|[0-9]+)")
_SIZE = re.compile(r"(?P<count>0[xX][0-9a-fA-F]+|[0-9]+)(?P<unit>[KM]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20}
_OPTION = re.compile(r"(?P<rest>.*):(?:align=(?P<alignment>[0-9]+)|(?P<read_only>ro))", re.DOTALL)
_DEFAULT_ALIGNMENT = 64
_FLOATS: dict[str, Callable[[str], float | np.float32]] = {"f32": np.float32, "f64": float}


@dataclass(frozen=True, slots=True)
class CallArguments:
    """What `Machine.call` takes.

    Attributes:
        values: Of x0, x1 and so on.
        vectors: Of v0, v1 and so on, as 128-bit integers.
        buffers: Those that `values` may point to.

    """

    values: tuple[int | Pointer, ...]
    vectors: tuple[int, ...]
    buffers: tuple[Buffer, ...]


def call_arguments(arguments: Sequence[Argument], buffers: Sequence[Buffer] = ()) -> CallArguments:
    """Gather the arguments of a call; `buffers` are further ones, to be pointed to from others.

    Raises InputError for text, or an object, that is no argument or no list of them.
    """
    for what, given in (("arguments", arguments), ("buffers", buffers)):
        if isinstance(given, str | bytes) or not isinstance(given, Sequence | np.ndarray):
            raise InputError(f"{what} {given!r}: give a list")
    if wrong := next((buffer for buffer in buffers if not isinstance(buffer, Buffer)), None):
        raise InputError(f"buffer {wrong!r}: give a Buffer")
    values: list[int | Pointer] = []
    vectors: list[int] = []
    gathered = list(buffers)
    for argument in arguments:
        value = parse_argument(argument, f"x{len(values)}") if isinstance(argument, str) else argument
        if isinstance(value, float | np.float32 | np.float16):
            vectors.append(_bits(value))
        elif isinstance(value, Buffer):
            gathered.append(value)
            values.append(Pointer(value.name))
        elif isinstance(value, Pointer):
            values.append(value)
        elif isinstance(value, int | np.integer | np.bool_):
            values.append(int(value))
        else:
            raise InputError(
                f"argument of type {type(value).__name__}: give an integer, a float, numpy.float32 or numpy.float16, "
                "a Buffer, a Pointer or text"
            )
    return CallArguments(tuple(values), tuple(vectors), tuple(gathered))


def including_slack(call: CallArguments) -> CallArguments:
    """Return the same call with buffers that reach over all their pages, so that no store leaves them but to guards."""
    placements = place(call.buffers)
    regions = {name: placement.region for name, placement in placements.items()}
    values = tuple(resolve(value, regions) if isinstance(value, Pointer) else value for value in call.values)
    whole = (
        Buffer(name, placement.page_image(), placement.region.writable, PAGE_BYTES)
        for name, placement in placements.items()
    )
    return CallArguments(values, call.vectors, tuple(whole))


def parse_argument(text: str, name: str) -> int | float | np.float32 | Buffer:
    """Read an argument that was written as text; a buffer gets `name`, by which errors tell it.

    `1000`, `-1` or `0xff` is an integer, `f64:1.5` or `f32:1.5` a float. `buf:SIZE` is a writable buffer of zeros,
    `buf:SIZE:SEED` one of random bytes (SIZE in bytes, or in KiB or MiB as in `buf:64K`), `file:PATH` one with a file's
    contents. Behind a buffer, `:align=N` sets the alignment of its first byte (64 where left out; with 1 the buffer
    ends where a guard page begins), `:ro` forbids stores.
    """
    if _INTEGER.fullmatch(text):
        return int(text, 0) if not text.lstrip("+-").isdigit() else int(text)
    kind, _, rest = text.partition(":")
    if kind in _FLOATS:
        return _float(text, kind, rest)
    if kind not in ("buf", "file") or not rest:
        raise InputError(f"argument '{text}': {SYNTAX}")
    alignment, is_writable = _DEFAULT_ALIGNMENT, True
    while (option := _OPTION.fullmatch(rest)) is not None:
        rest = option["rest"]
        if option["read_only"]:
            is_writable = False
        else:
            alignment = int(option["alignment"])
    contents = read_file(Path(rest)) if kind == "file" else _contents(text, rest)
    return Buffer(name, contents, is_writable, alignment)


def random_buffer(name: str, size: int, seed: int, alignment: int = _DEFAULT_ALIGNMENT) -> Buffer:
    """Return a writable buffer of `size` random bytes; the same seed gives the same bytes."""
    return Buffer(name, _random_bytes(size, seed), writable=True, alignment=alignment)


def _float(text: str, kind: str, number: str) -> float | np.float32:
    try:
        with np.errstate(over="ignore"):
            value = _FLOATS[kind](number)
    except ValueError:
        raise InputError(f"argument '{text}': {SYNTAX}") from None
    if np.isinf(value) and "inf" not in number.lower():
        raise InputError(
            f"argument '{text}': too large for a float of {kind[1:]} bits: give a smaller one, or {kind}:inf"
        )
    return value


def _bits(value: float | np.float32 | np.float16) -> int:
    """Return the encoding of a number in the lowest bits of a register."""
    kind = "e" if isinstance(value, np.float16) else "f" if isinstance(value, np.float32) else "d"
    return int.from_bytes(struct.pack(f"<{kind}", float(value)), "little")


def _contents(text: str, description: str) -> int | bytes:
    """Return the size of a buffer of zeros, or random bytes, for "SIZE" or "SIZE:SEED"."""
    size_text, colon, seed = description.partition(":")
    size = _SIZE.fullmatch(size_text)
    if size is None or (colon and not seed.isdecimal()):
        raise InputError(f"argument '{text}': {SYNTAX}")
    size_bytes = int(size["count"], 0 if size["count"][:2] in ("0x", "0X") else 10) * _UNITS[size["unit"]]
    return _random_bytes(size_bytes, int(seed)) if colon else size_bytes


def _random_bytes(size: int, seed: int) -> bytes:
    return np.random.default_rng(seed).bytes(size)
