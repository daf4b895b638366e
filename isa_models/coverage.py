"""Which instruction classes a core description gives a timing for: examples of each class are looked up in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from isa_models.class_examples import Example, class_examples
from isa_models.core import Core
from isa_models.instruction_class import InstructionClass


@dataclass(frozen=True, slots=True)
class Coverage:
    """Instruction classes by what a core says of them.

    Attributes:
        timed: Class -> the key of the entry that times it, or its first example where several do.
        untimed: Class -> an example of an instruction that the core has no entry for, though it may time others.
        other_isa: Class -> the ISA feature that all of it needs and the core has not.
        unused: Keys of entries that no instruction is looked up by, such as one for a shape that there is not.

    """

    timed: dict[str, str] = field(default_factory=dict)
    untimed: dict[str, str] = field(default_factory=dict)
    other_isa: dict[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


def coverage(core: Core) -> Coverage:
    """Look up all that a core can tell apart; of an Advanced SIMD class, forms of 64 and of 128 bits apart."""
    known = {key for examples in class_examples().values() for _, kind in examples for key in kind.keys}
    found = Coverage(unused=tuple(key for key in core.classes if key not in known))
    for name, examples in class_examples().items():
        _look_up(name, examples, core, found)
    return found


def _look_up(name: str, examples: tuple[Example, ...], core: Core, found: Coverage) -> None:
    """Enter a class into what was found."""
    within = [(text, kind) for text, kind in examples if kind.feature is None or kind.feature in core.features]
    keys = {text: entry_of(kind, core) for text, kind in within}
    lacking = [text for text, key in keys.items() if key is None]
    if not within:
        found.other_isa[name] = str(examples[0][1].feature)
    elif lacking:
        found.untimed[name] = lacking[0]
    else:
        found.timed[name] = str(keys[within[0][0]])


def entry_of(kind: InstructionClass, core: Core) -> str | None:
    """Return the key of the entry that times an instruction on a core, None where it has none."""
    return next((key for key in kind.keys if key in core.classes), None)
