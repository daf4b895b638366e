"""The grammar of row names: `MNEMONIC[.ELEMENT] [(QUALIFIER; QUALIFIER…)]`, as in "smlal.h (elem; v.h[7])"."""

import re
from dataclasses import dataclass

_NAME = re.compile(r"^(?P<mnemonic>[a-z][a-z0-9]*)(?:\.(?P<element>[bhsdq]))?(?: \((?P<qualifiers>[^()]*)\))?$")


@dataclass(frozen=True, slots=True)
class RowName:
    """A row name in its parts; `element` is "" where there is none."""

    mnemonic: str
    element: str
    qualifiers: tuple[str, ...]

    @property
    def first(self) -> str:
        """The first qualifier, "" without any."""
        return self.qualifiers[0] if self.qualifiers else ""

    @property
    def forwards(self) -> bool:
        """Whether the chain runs through the accumulator."""
        return "acc. fwd." in self.qualifiers


def parse(row: str) -> RowName | None:
    """Return the parts of a row name, None where it follows no such grammar."""
    match = _NAME.match(row)
    if match is None:
        return None
    qualifiers = tuple(part.strip() for part in (match["qualifiers"] or "").split(";") if part.strip())
    return RowName(match["mnemonic"], match["element"] or "", qualifiers)
