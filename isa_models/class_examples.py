"""Instructions, as disassembled, for each class that core descriptions may give a timing for."""

from __future__ import annotations

from functools import cache

from isa_models.instruction_class import InstructionClass, classify
from isa_models.operand_table import ROLES
from isa_models.operands import decode
from isa_models.program import Instruction
from isa_models.supported_forms import FORMS

Example = tuple[str, InstructionClass]
"""An instruction as text, and what it is looked up by."""


@cache
def class_examples() -> dict[str, tuple[Example, ...]]:
    """Return examples by the class's name, with "_d" or "_q" behind it where it has a form.

    They are all that a core description can tell apart: one for each mnemonic and shape, and the extension it needs.
    """
    texts = dict.fromkeys(text for forms in FORMS.values() for text in forms)
    kinds: dict[InstructionClass, str] = {}
    for text in texts:
        mnemonic, _, operands = text.partition(" ")
        if mnemonic in ROLES or mnemonic.startswith("b."):  # others are aliases, which no disassembly shows
            kind = classify(mnemonic, decode(Instruction(0, 0, mnemonic, operands)))
            if kind is None:
                raise ValueError(f"'{text}' belongs to no instruction class: add its mnemonic to class_table.py")
            kinds.setdefault(kind, text)
    examples: dict[str, tuple[Example, ...]] = {}
    for kind, text in kinds.items():
        name = f"{kind.names[0]}_{kind.form}".removesuffix("_")
        examples[name] = (*examples.get(name, ()), (text, kind))
    return examples
