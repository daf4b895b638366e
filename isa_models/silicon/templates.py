"""Fill the operand templates of the measured instructions, so that no instruction waits for another.

`{Dx}` or `{Sv}` stand for a register by its kind alone; which of them is written follows from the place in the
instruction. Destinations rotate through one half of the registers, sources through the other.
"""

import itertools
import re
from collections.abc import Iterator

_PLACEHOLDER = re.compile(r"\{[DS]([xwvqdshb])\}")
_ONLY_READS = ("cmp", "cmn", "tst", "fcmp", "fcmpe", "str", "ccmp", "ccmn")
_BASE = "x28"
_OFFSET_STEP = 16
_OFFSETS = 16


class RegisterRotation:
    """Hands out registers: x0-x13 and v0-v15 as destinations, x14-x27 and v16-v31 as sources, in rotation."""

    def __init__(self) -> None:
        self._general_destinations = itertools.cycle(range(14))
        self._general_sources = itertools.cycle(range(14, 28))
        self._vector_destinations = itertools.cycle(range(16))
        self._vector_sources = itertools.cycle(range(16, 32))
        self._offsets = itertools.cycle(range(0, _OFFSETS * _OFFSET_STEP, _OFFSET_STEP))

    def fill(self, template: str) -> str:
        """Return the instruction with every placeholder replaced."""
        mnemonic = template.split()[0]
        text = template.replace("{base}", _BASE).replace("{offset}", f"#{next(self._offsets)}")
        is_first = mnemonic not in _ONLY_READS

        def register(match: re.Match[str]) -> str:
            nonlocal is_first
            number = next(self._numbers(match[1], is_first))
            is_first = False
            return f"{match[1]}{number}"

        return _PLACEHOLDER.sub(register, text)

    def _numbers(self, kind: str, is_destination: bool) -> Iterator[int]:
        if kind in "xw":
            return self._general_destinations if is_destination else self._general_sources
        return self._vector_destinations if is_destination else self._vector_sources


def unrolled(templates: list[str], copies: int) -> str:
    """Return `copies` of the instructions one after the other, each with registers of its own."""
    rotation = RegisterRotation()
    return "\n".join(rotation.fill(template) for _ in range(copies) for template in templates)
