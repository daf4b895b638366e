"""The operand table against execution: every form runs in the emulator from states that differ in chosen bits.

What must hold of each: bits that are not declared read have no influence; every declared part has some, in one of
many trials; only declared parts change, and the bits above them become zero unless the register is declared read; the
bytes loaded and stored are those declared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from isa_models import Image
from isa_models.addressing import Extend, address_form
from isa_models.engines.lowering import MAX_READS, MAX_WRITES
from isa_models.instruction_class import classify
from isa_models.operand_syntax import FIRST_VECTOR, FLAGS, RegisterOperand, RegisterPart
from isa_models.operand_table import ROLES
from isa_models.operands import MemoryAccess, Operands, decode, register_name
from isa_models.program import Instruction
from isa_models.supported_forms import FORMS
from tests.isa_models.perturbation import ADDRESSES, INDEX, WORDS, Core, Outcome, State, mask_of, words_of

KINDS = ("bits", "small", "s", "equal", "sparse", "d", "h")
MOST_TRIALS = 200
LEAST_TRIALS = 3
EXTENSIONS = ".arch armv8.5-a+aes+sha2+sha3+sm4+fp16+fp16fml+lse"
NOTHING = np.uint64(0)
MONITOR = 28
"""Register that the load before a store-exclusive goes to, so that the store succeeds."""


def _unread(parts: str, *texts: str) -> dict[str, list[str]]:
    return {text: [f"never reads {part}" for part in parts.split()] for text in texts}


# What the table declares read although execution cannot show it.
KNOWN = {
    # Without an effect on the registers and memory of a program
    **_unread("x20", "prfm pldl1keep, [x20, #8]", "prfm pstl2strm, [x20]", "prfum pldl1keep, [x20, #3]"),
    **_unread("x20 x16", "prfm pldl1keep, [x20, x16, lsl #3]"),
    **_unread("x0", "msr fpsr, x0"),
    # Which part counts depends on the immediate or the arrangement
    **_unread("flags", "rmif x0, #3, #15"),
    **_unread("v2.high", "ext v0.16b, v1.16b, v2.16b, #5"),
    **_unread("v1.high", "fcmla v0.2d, v1.2d, v2.2d, #0"),
    **_unread("v1.low", "fcmla v0.2d, v1.2d, v2.2d, #90"),
    **_unread("v1.high v2.high", "trn1 v0.2d, v1.2d, v2.2d", "uzp1 v0.2d, v1.2d, v2.2d"),
    **_unread("v1.low v2.low", "trn2 v0.2d, v1.2d, v2.2d", "uzp2 v0.2d, v1.2d, v2.2d"),
    # Steps of hash functions that take single words of a register
    **_unread("v1.high", "sha1su0 v0.4s, v1.4s, v2.4s", "sha256su0 v0.4s, v1.4s"),
    **_unread("v1.high", "sha512h2 q0, q1, v2.2d", "sha512su0 v0.2d, v1.2d"),
    **_unread("v1.low v2.low v3.low", "sm3ss1 v0.4s, v1.4s, v2.4s, v3.4s"),
    **_unread("v1.low", *(f"sm3tt{step} v0.4s, v1.4s, v2.s[1]" for step in ("1a", "1b", "2a", "2b"))),
    # The emulator extends the sign of the result; DDI 0487 has the bits above it cleared
    "fcvtzs h0, h1, #3": ["leaves bits beside its result"],
}


@dataclass(frozen=True, slots=True)
class Case:
    """A form as assembled: the addresses of what has to run before it, or of itself, and of what follows it."""

    text: str
    instruction: Instruction
    first: int
    last: int
    is_control: bool


@pytest.fixture(scope="module")
def cases(assemble) -> tuple[bytes, int, dict[str, list[Case]]]:
    """Assemble all forms at once; return the code, its address and the cases of each group."""
    lines = [line for forms in FORMS.values() for text in forms for line in (*preparation(text), text)]
    program = Image.from_elf(assemble("\n".join([EXTENSIONS, *lines]))).program
    instructions = iter(program.instructions)
    groups = {
        group: [case_of(text, instructions, is_control=group == "control") for text in forms]
        for group, forms in FORMS.items()
    }
    code = b"".join(instruction.word.to_bytes(4, "little") for instruction in program.instructions)
    return code, program.addresses[0], groups


def preparation(text: str) -> tuple[str, ...]:
    """Instructions that must run before: a store-exclusive only stores after a load-exclusive of the same size."""
    mnemonic, _, operands = text.partition(" ")
    if not mnemonic.startswith(("stxr", "stlxr", "stxp", "stlxp")):
        return ()
    width = mnemonic[-1] if mnemonic[-1] in "bh" else ""
    data = operands.split(", ")[1][0]
    if mnemonic.endswith("p"):
        return (f"ldxp {data}{MONITOR}, {data}{MONITOR + 1}, [x20]",)
    return (f"ldxr{width} {data}{MONITOR}, [x20]",)


def case_of(text: str, instructions: Iterator[Instruction], *, is_control: bool) -> Case:
    first = last = next(instructions)
    for _ in preparation(text):
        last = next(instructions)
    return Case(text, last, first.address, last.address + 4, is_control)


class Declared:
    """What the table says of a form, as masks of the state.

    Attributes:
        operands: The table's entry.
        reads: Bits that may have an influence.
        writes: Bits that may change.
        results: All bits of the registers written.
        kept: Those of them that stay, as only a part of the register is written.
        constant: All bits of the registers that stay.

    """

    def __init__(self, case: Case, operands: Operands) -> None:
        self.operands = operands
        self.reads, self.writes = mask_of(self.operands.reads), mask_of(self.operands.writes)
        self.results = whole(part.register for part in self.operands.writes)
        self.keeping = {
            part.register
            for part in self.operands.writes
            if part.bits < 128 and RegisterPart(part.register, 128) in self.operands.reads
        }
        self.kept = whole(self.keeping) & ~self.writes
        self.constant = ~(self.results | whole((MONITOR, MONITOR + 1) if preparation(case.text) else ()))
        self.holds_addresses = case.is_control or bool(self.operands.address)

    def read_units(self) -> dict[str, State]:
        """What must show an influence of its own, by name: each half of a vector, any other register as a whole."""
        units = {}
        for part in self.operands.reads:
            mask = mask_of((part,))
            if part.register < FIRST_VECTOR or part.register == FLAGS or part.register in self.keeping:
                units[register_name(part.register)] = mask
                continue
            for half, word in zip(("low", "high"), words_of(part.register), strict=True):
                if mask[word]:
                    units[f"{register_name(part.register)}.{half}"] = np.where(np.arange(WORDS) == word, mask, NOTHING)
        return units

    def write_units(self) -> dict[str, State]:
        """What must change in some trial, by name."""
        return {register_name(part.register): mask_of((part,)) for part in self.operands.writes}


def examine(core: Core, case: Case, operands: Operands) -> list[str]:
    """Return how execution contradicts what is declared of a form, in words; empty where it does not."""
    declared = Declared(case, operands)
    unread, unwritten = declared.read_units(), declared.write_units()
    least_trials = MOST_TRIALS if case.text in KNOWN else LEAST_TRIALS
    for trial in range(MOST_TRIALS):
        kind = KINDS[trial % len(KINDS)]
        state = core.random_state(kind)
        outcome = run(core, case, state)
        problems = contradictions(core, case, declared, state, outcome)
        if problems:
            return problems
        changed = state ^ outcome.state
        unwritten = {name: mask for name, mask in unwritten.items() if not (changed & mask).any()}
        for name, mask in tuple(unread.items()):
            replaced = redraw(core, state, mask, kind, keep_addresses=declared.holds_addresses)
            if outcome.differs(run(core, case, replaced), declared.results):
                del unread[name]
        if trial + 1 >= least_trials and not unread and not unwritten:
            return []
    return [f"never reads {name}" for name in unread] + [f"never writes {name}" for name in unwritten]


def run(core: Core, case: Case, state: State) -> Outcome:
    return core.run(case.first, case.last, state, one=case.is_control)


def contradictions(core: Core, case: Case, declared: Declared, state: State, outcome: Outcome) -> list[str]:
    """Execute once more with all other bits than those read replaced, and compare."""
    disturbed = state ^ (core.random_words("bits") & ~declared.reads)
    other = run(core, case, disturbed)
    problems = wrong_memory(core, case, state, outcome, declared.operands)
    if outcome.differs(other, declared.results):
        problems.append("depends on a bit that is not declared read")
    for before, after in ((state, outcome.state), (disturbed, other.state)):
        if ((before ^ after) & (declared.constant | declared.kept)).any():
            problems.append("changes a bit that is not declared written")
        if (after & declared.results & ~declared.writes & ~declared.kept).any():
            problems.append("leaves bits beside its result")
    return list(dict.fromkeys(problems))


def whole(registers: Iterable[int]) -> State:
    """Mask of all bits of some registers."""
    widths = {register: 4 if register == FLAGS else 128 if register >= FIRST_VECTOR else 64 for register in registers}
    return mask_of(tuple(RegisterPart(register, bits) for register, bits in widths.items()))


def redraw(core: Core, state: State, mask: State, kind: str, *, keep_addresses: bool) -> State:
    """Draw other values for the bits of `mask`, of which addresses stay addresses where they are used as such."""
    words = core.random_words("bits" if kind in ("sparse", "equal") else kind)
    if keep_addresses:
        for register in (*ADDRESSES, INDEX):
            words[register] = core.random_pointer(register)
    return (state & ~mask) | (words & mask)


def wrong_memory(core: Core, case: Case, state: State, outcome: Outcome, operands: Operands) -> list[str]:
    """Compare the bytes loaded and stored with those declared, at the address that traces give them."""
    access = operands.memory
    loaded, stored = bytes_of(outcome.loaded), bytes_of(outcome.stored)
    touched: set[int] = set()
    if access is not None:
        start = address_of(case.instruction, state)
        touched = set(range(start, start + access.size_bytes))
    to_load = touched if access is not None and not access.is_store else set()
    to_store = touched if access is not None and (access.is_store or access.is_atomic) else set()
    problems = []
    if loaded != to_load and not preparation(case.text):
        problems.append(f"loads {span(loaded)}, not {span(to_load)}")
    if stored != to_store or not core.changed_bytes(outcome) <= to_store:
        problems.append(f"stores {span(stored)}, not {span(to_store)}")
    return problems


def address_of(instruction: Instruction, state: State) -> int:
    """Return the address that an instruction accesses, worked out as for traces."""
    form = address_form(instruction.word, instruction.address)
    assert form is not None
    address = form.offset
    if form.base is not None:
        address += int(state[form.base])
    if form.index is not None:
        index = int(state[form.index])
        low = index & 0xFFFF_FFFF
        signed = low - (1 << 32) if low >> 31 else low
        address += {Extend.NONE: index, Extend.UNSIGNED_WORD: low, Extend.SIGNED_WORD: signed}[
            form.extend
        ] << form.shift
    return address


def bytes_of(accesses: frozenset[tuple[int, int]]) -> set[int]:
    return {address + offset for address, size in accesses for offset in range(size)}


def span(addresses: set[int]) -> str:
    return f"{len(addresses)} bytes from {min(addresses):#x}" if addresses else "nothing"


@pytest.mark.parametrize("group", FORMS)
def test_registers_and_memory_are_those_that_execution_shows(group, cases):
    code, start, groups = cases
    core = Core(code, start, seed=1 + list(FORMS).index(group))
    found = {case.text: examine(core, case, decode(case.instruction)) for case in groups[group]}
    wrong = {text: problems for text, problems in found.items() if problems != KNOWN.get(text, [])}
    report = "\n".join(f"{text}: {'; '.join(problems) or 'no longer an exception'}" for text, problems in wrong.items())
    assert not wrong, f"{len(wrong)} of {len(found)} forms\n{report}"


X0, X1, X2, X3 = (RegisterPart(number, 64) for number in range(4))
V0, V1, V2 = (RegisterPart(FIRST_VECTOR + number, 128) for number in range(3))
WRONG = [
    ("add x0, x1, x2", {"reads": (X1,)}, "depends on a bit that is not declared read"),
    ("add x0, x1, x2", {"reads": (X1, X2, X3)}, "never reads x3"),
    ("add w0, w1, w2", {"writes": (RegisterPart(0, 16),)}, "leaves bits beside its result"),
    ("adds x0, x1, x2", {"writes": (X0,)}, "changes a bit that is not declared written"),
    ("mov x0, x1", {"reads": (X1, X2), "writes": (X0, X2)}, "never writes x2"),
    ("xtn2 v0.16b, v1.8h", {"reads": (V1,)}, "depends on a bit that is not declared read"),
    ("xtn v0.8b, v1.8h", {"reads": (V0, V1)}, "changes a bit that is not declared written"),
    ("saddl2 v0.8h, v1.16b, v2.16b", {"reads": (V1, V2)}, "never reads v1.low"),
    ("ldr x0, [x20]", {"memory": MemoryAccess(4, is_store=False)}, "loads 8 bytes"),
    ("ldr x0, [x20]", {"memory": None}, "loads 8 bytes"),
    ("str q0, [x20]", {"memory": MemoryAccess(16, is_store=False)}, "stores 16 bytes"),
    ("swpal x0, x1, [x20]", {"memory": MemoryAccess(8, is_store=False)}, "stores 8 bytes"),
]


@pytest.mark.parametrize(("text", "change", "problem"), WRONG, ids=[f"{row[0]}: {row[2]}" for row in WRONG])
def test_a_wrong_entry_is_noticed(text, change, problem, cases):
    code, start, groups = cases
    case = next(case for group in groups.values() for case in group if case.text == text)
    wrong = replace(decode(case.instruction), **change)
    assert any(problem in found for found in examine(Core(code, start, seed=1), case, wrong))


def test_an_accumulator_is_only_added_to(cases):
    """Of integers that wrap around, where it shows exactly: what is added does not depend on the accumulator."""
    code, start, groups = cases
    core = Core(code, start, seed=1)
    examined = 0
    for case in (case for group in groups.values() for case in group):
        operands = decode(case.instruction)
        if operands.accumulator is None or case.text.startswith(("f", "sq")):
            continue
        examined += 1
        accumulator, result = words_of(operands.accumulator), words_of(operands.writes[0].register)
        state = core.random_state("bits")
        other = redraw(core, state, whole((operands.accumulator,)), "bits", keep_addresses=False)
        first = operands.parsed[0]
        assert isinstance(first, RegisterOperand)
        added = []
        for before in (state, other):
            after = run(core, case, before).state[result]
            elements = [words.view(f"u{first.element_bytes}") for words in (after, before[accumulator])]
            added.append((elements[0] - elements[1])[: first.bits // 8 // first.element_bytes])
        assert (added[0] == added[1]).all(), case.text
    assert examined > 100


def test_every_mnemonic_of_the_table_is_executed(cases):
    executed = {case.instruction.mnemonic for group in cases[2].values() for case in group}
    assert executed - {name for name in executed if name.startswith("b.")} == set(ROLES)


def test_every_form_fits_the_arrays_of_the_engines(cases):
    for case in (case for group in cases[2].values() for case in group):
        operands = decode(case.instruction)
        assert len(operands.reads) <= MAX_READS, case.text
        assert len(operands.writes) <= MAX_WRITES, case.text


def test_traces_give_an_address_to_what_accesses_memory(cases):
    for case in (case for group in cases[2].values() for case in group):
        has_address = address_form(case.instruction.word, case.instruction.address) is not None
        operands = decode(case.instruction)
        assert has_address == (operands.memory is not None or operands.prefetch_level is not None), case.text


def test_every_form_has_a_class(cases):
    without = [
        case.text
        for group in cases[2].values()
        for case in group
        if classify(case.instruction.mnemonic, decode(case.instruction)) is None
    ]
    assert without == []
