"""The text form of a kernel variant: its parts in order, separated by hyphens, and what each part means.

``acc8-exact-clip31-int8-8x3`` has an accumulator, an overflow policy, a clip, an output type and a tile. `PARTS` is the
one description of them: writing, reading, error messages and the command line go by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kernels_asm.errors import InputError

SEPARATOR = "-"


@dataclass(frozen=True, slots=True)
class VariantPart:
    """One part of the text form, which is one parameter of the kernel.

    Attributes:
        name: Of the parameter, such as "clip".
        meaning: What it decides, in half a sentence.
        form: The texts that it can be, for people: "clip1 to clip32767, or clipnone".
        samples: Texts that stand for the whole range where variants are listed, each of them valid.
        prefix: What every text of it starts with; empty where there is nothing of the kind.
        read: Value of a text; raises ValueError or InputError for a text that is none of this part.
        write: Text of a value.

    """

    name: str
    meaning: str
    form: str
    samples: tuple[str, ...]
    prefix: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]

    def accepts(self, text: str) -> bool:
        """Return whether the text is one of this part."""
        try:
            self.read(text)
        except (ValueError, InputError):
            return False
        return True


def write_parts(parts: tuple[VariantPart, ...], values: Mapping[str, Any]) -> str:
    """Return the text of the values, which are given by the names of the parts."""
    return SEPARATOR.join(part.write(values[part.name]) for part in parts)


def read_parts(parts: tuple[VariantPart, ...], text: str) -> dict[str, Any]:
    """Return the value of each part by its name; raises InputError that says which part is wrong and shows a form."""
    texts = text.split(SEPARATOR)
    values = {}
    for part, given in zip(parts, texts, strict=False):
        try:
            values[part.name] = part.read(given)
        except InputError as error:
            raise InputError(f"variant {text!r}: {error}") from None
        except ValueError:
            raise InputError(f"variant {text!r}: {_wrong_part(part, given)}, as in {_example(parts)}") from None
    if len(texts) != len(parts):
        missing = ", ".join(part.name for part in parts[len(texts) :])
        what = f"{missing} missing" if missing else f"{SEPARATOR.join(texts[len(parts) :])!r} is too much"
        form = SEPARATOR.join(part.name.upper() for part in parts)
        raise InputError(f"variant {text!r}: {what}: write {form}, such as {_example(parts)}")
    return values


def suggestion(part: VariantPart, given: str) -> str | None:
    """Return the text that was probably meant, None where there is no telling."""
    lowered = given.lower()
    for candidate in (lowered, part.prefix + lowered):
        if part.accepts(candidate):
            return candidate
    near = get_close_matches(lowered, part.samples, n=1)
    return near[0] if near else None


def _wrong_part(part: VariantPart, given: str) -> str:
    meant = suggestion(part, given)
    hint = f"did you mean {meant}? " if meant else ""
    return f"{part.name} {given!r}: {hint}write {part.form}"


def _example(parts: tuple[VariantPart, ...]) -> str:
    return SEPARATOR.join(part.samples[0] for part in parts)
