"""The instructions that can be simulated, as a Markdown page: `python -m isa_models.instruction_list > PAGE.md`."""

from collections.abc import Iterator

from isa_models.class_examples import Example, class_examples
from isa_models.isa_features import feature_of_mnemonic
from isa_models.operand_table import ATOMIC_ROLES, NEUTRAL_SYSTEM_REGISTERS, ROLES, Role

_INTRODUCTION = """\
# Supported instructions

Written by `python -m isa_models.instruction_list > docs/instructions.md`.

A64 mnemonics as the disassembler prints them, in all their forms and addressing modes. Floating point in half precision
needs the extension `fp16`, PMULL of doublewords `aes`. `tests/isa_models/test_operands_by_execution.py` compares the
registers and the memory of each with execution. Any other instruction, SVE and SME among them, is an error.
"""
_ATOMICS = """
Atomic operations take `a`, `l` or `al` (order) and `b` or `h` (width) behind their names, where the architecture has
such forms.
"""
_CLASSES = """
## Classes

What a core description may time. A class without an entry is timed as the next one that it lies within; `CLASS_d` and
`CLASS_q` time 64-bit and 128-bit results apart.

| class | lies within | example | extension |
| --- | --- | --- | --- |
"""
_MEMORY_ROLES = (
    *(Role.LOAD, Role.STORE, Role.LOAD_STRUCTURE, Role.STORE_STRUCTURE, Role.STORE_EXCLUSIVE, Role.PREFETCH),
    *ATOMIC_ROLES,
)
_CONTROL_ROLES = (
    *(Role.BRANCH, Role.CALL, Role.RETURN),
    *(Role.NOTHING, Role.SYSTEM_READ, Role.SYSTEM_WRITE),
)
_DATA_ROLES = tuple(role for role in Role if role not in (*_MEMORY_ROLES, *_CONTROL_ROLES))


def instruction_list() -> str:
    """Return the page: mnemonics by the extension that they need, and the classes that core descriptions time."""
    sections = ("Data processing", _DATA_ROLES), ("Loads and stores", _MEMORY_ROLES), ("Control", _CONTROL_ROLES)
    tables = [line for title, roles in sections for line in _mnemonics(title, roles)]
    system = f"\nSystem registers: {', '.join(sorted(NEUTRAL_SYSTEM_REGISTERS))}.\n"
    return _INTRODUCTION + "".join(tables) + _ATOMICS + system + _CLASSES + "".join(_classes())


def _mnemonics(title: str, roles: tuple[Role, ...]) -> Iterator[str]:
    by_extension: dict[str, list[str]] = {}
    for mnemonic in sorted(name for name, role in ROLES.items() if role in roles and not _is_variant(name)):
        by_extension.setdefault(feature_of_mnemonic(mnemonic) or "Armv8.0", []).append(mnemonic)
    if Role.BRANCH in roles:
        by_extension["Armv8.0"].append("b.CONDITION")
    yield f"\n## {title}\n\n| extension | mnemonics |\n| --- | --- |\n"
    for extension, names in sorted(by_extension.items()):
        yield f"| {extension} | {' '.join(names)} |\n"


def _is_variant(mnemonic: str) -> bool:
    """Whether this is an atomic operation with an order or a width."""
    if ROLES[mnemonic] not in ATOMIC_ROLES:
        return False
    return any(
        ROLES.get(mnemonic.removesuffix(suffix)) in ATOMIC_ROLES
        for suffix in ("a", "l", "b", "h")
        if mnemonic.endswith(suffix)
    )


def _classes() -> Iterator[str]:
    chosen: dict[tuple[str, ...], Example] = {}
    for first, *_ in class_examples().values():
        chosen.setdefault(first[1].names, first)
    for (name, *wider), (text, kind) in chosen.items():
        feature = kind.feature or ""
        yield f"| {name} | {', '.join(wider)} | `{text}` | {feature} |\n"


if __name__ == "__main__":
    print(instruction_list(), end="")
