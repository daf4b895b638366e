"""Which instruction classes a core description gives a timing for: one example of each class is looked up in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from isa_models.class_examples import class_examples
from isa_models.core import Core
from isa_models.instruction_class import InstructionClass


@dataclass(frozen=True, slots=True)
class Coverage:
    """Instruction classes by what a core says of them.

    Attributes:
        timed: Class -> the key of the entry that times it.
        untimed: Class -> an example of an instruction that the core has no entry for.
        other_isa: Class -> the ISA feature that it needs and the core has not.

    """

    timed: dict[str, str] = field(default_factory=dict)
    untimed: dict[str, str] = field(default_factory=dict)
    other_isa: dict[str, str] = field(default_factory=dict)


def coverage(core: Core) -> Coverage:
    """Look up every class in a core; of an Advanced SIMD class, forms of 64 and of 128 bits apart."""
    found = Coverage()
    for name, (text, kind) in class_examples().items():
        key = entry_of(kind, core)
        if kind.feature is not None and kind.feature not in core.features:
            found.other_isa[name] = kind.feature
        elif key is None:
            found.untimed[name] = text
        else:
            found.timed[name] = key
    return found


def entry_of(kind: InstructionClass, core: Core) -> str | None:
    """Return the key of the entry that times an instruction on a core, None where it has none."""
    return next((key for key in kind.keys if key in core.classes), None)
