"""How to work out all addresses that a block of code accesses from the registers that it starts with.

A block is walked once, symbolically. Each register is known as a slot plus a constant; slots 0 to 31 are x0 to x30 and
sp as they were at the start of the block, further ones hold intermediate results. The outcome is a list of steps that
give the addresses in order and then bring slots 0 to 31 to the end of the block. So where a block is entered with known
registers, as in all but the first turn of a loop, none has to be read.

What a register holds is unknown after a load into it, a multiplication and the like. An access that depends on it
needs a *probe*: a place between the two at which the register is read while the code runs. `find_probes` chooses the
places for a whole program; any block, wherever it starts, can then be planned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from isa_models.addressing import AddressForm, Extend, UnknownEncodingError, address_form, is_relative
from isa_models.errors import IsaModelError
from isa_models.program import INSTRUCTION_BYTES
from isa_models.register_flow import RegisterFlow, Sum, ends_block, register_flow

REGISTERS = 32
"""x0 to x30, and sp as number 31."""

ZERO_SLOT = REGISTERS
"""The slot that always holds zero."""

FIRST_FREE_SLOT = REGISTERS + 1
_NO_SLOT = -1

Probes = Mapping[int, tuple[int, ...]]
"""Registers to be read before each of some instructions, by the index of the instruction."""


class StepKind(IntEnum):
    """What is done with the sum of a step."""

    ACCESS = 0
    SET = 1
    PROBE = 2


@dataclass(frozen=True, slots=True)
class Step:
    """Works out one sum: of slots, or for a probe of its value in the place of base and index.

    Attributes:
        kind: What is done with the sum.
        target: The slot that is set; for an access no slot.
        base: A slot.
        offset: Added to it, modulo 2**64.
        index: A slot.
        extend: Of the index; none for an access.
        factor: Of the extended index; 0 where there is none.
        is_word: Whether only the lower 32 bits of the sum are kept; never for an access.

    """

    kind: StepKind
    target: int
    base: int = ZERO_SLOT
    offset: int = 0
    index: int = ZERO_SLOT
    extend: Extend = Extend.NONE
    factor: int = 0
    is_word: bool = False


def _moved(step: Step, target: int, base: int, index: int) -> Step:
    """Return a step with other slots; there are many, and `dataclasses.replace` takes several times as long."""
    return Step(step.kind, target, base, step.offset, index, step.extend, step.factor, step.is_word)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What a block does to addresses; sets of registers are bit masks of slots 0 to 31.

    Attributes:
        first: Index of the first instruction in the program.
        count: Number of instructions.
        sums: Steps that set intermediate slots, to be done first and in this order.
        accesses: Steps of the accesses, in program order.
        moves: Steps that set slots 0 to 31, to be done last and in any order.
        needed: Registers whose value at the start the steps depend on.
        kept: Registers that are known at the end if they were known at the start.
        found: Registers that are known at the end if the needed ones were known at the start.
        is_steady: Whether, from the second turn of the block as a loop on, each address moves by the same distance in
            every turn, and so do the needed registers.
        unknown_access: Index of the first instruction whose access cannot be worked out at all, else None.

    """

    first: int
    count: int
    sums: tuple[Step, ...]
    accesses: tuple[Step, ...]
    moves: tuple[Step, ...]
    needed: int
    kept: int
    found: int
    is_steady: bool
    unknown_access: int | None

    @property
    def repeats_known(self) -> bool:
        """Whether the block can follow itself without any register being read."""
        is_probed = any(step.kind is StepKind.PROBE for step in self.sums)
        return not is_probed and self.needed & ~(self.kept | self.found) == 0


@dataclass(frozen=True, slots=True)
class InstructionFlow:
    """What planning needs to know of an instruction.

    Attributes:
        form: Its access.
        is_unknown_access: Whether it has one that cannot be worked out.
        registers: What it does to registers.
        is_idle: Whether it has no access and writes no general register, as most vector instructions.
        ends_block: See `register_flow.ends_block`.

    """

    form: AddressForm | None
    is_unknown_access: bool
    registers: RegisterFlow
    is_idle: bool
    ends_block: bool

    @classmethod
    def of(cls, word: int, address: int) -> InstructionFlow:
        """Decode the instruction `word` at `address`."""
        return _decoded(word, address if is_relative(word) else 0)


@lru_cache(maxsize=1 << 16)
def _decoded(word: int, address: int) -> InstructionFlow:
    registers = register_flow(word, address)
    form, is_unknown = None, False
    try:
        form = address_form(word, address)
    except UnknownEncodingError:
        is_unknown = True
    is_idle = form is None and not is_unknown and not registers.written
    return InstructionFlow(form, is_unknown, registers, is_idle, ends_block(word))


class _Value(NamedTuple):
    """What a register holds: a slot plus a constant."""

    slot: int
    offset: int = 0


_AT_START = tuple(_Value(slot) for slot in range(REGISTERS))


@dataclass(slots=True)
class _Walk:
    """The state of a symbolic walk through straight-line code."""

    registers: list[_Value] = field(default_factory=lambda: list(_AT_START))
    steps: list[Step] = field(default_factory=list)
    slots: int = FIRST_FREE_SLOT
    unknown: set[int] = field(default_factory=set)

    def value(self, register: int | None) -> _Value:
        """Return what a register holds; None is the zero register."""
        return _Value(ZERO_SLOT) if register is None else self.registers[register]

    def depends(self, register: int | None) -> int | None:
        """Return the slot that a register depends on where it is unknown, else None."""
        slot = self.value(register).slot
        return slot if slot in self.unknown else None

    def new_slot(self) -> int:
        """Return the number of a slot that nothing uses yet."""
        self.slots += 1
        return self.slots - 1

    def access(self, form: AddressForm) -> None:
        """Add the step of an access; nothing in it may be unknown."""
        base, index = self.value(form.base), self.value(form.index)
        if form.extend is not Extend.NONE and index.slot != ZERO_SLOT:
            index = self._set(Sum(None, 0, form.index, form.extend, 1))
        offset = base.offset + form.offset + (index.offset << form.shift)
        factor = 0 if index.slot == ZERO_SLOT else 1 << form.shift
        self.steps.append(Step(StepKind.ACCESS, _NO_SLOT, base.slot, offset, index.slot, Extend.NONE, factor))

    def update(self, flow: RegisterFlow) -> None:
        """Apply the effect of an instruction on the registers."""
        if flow.target is not None and flow.result is not None:
            self.registers[flow.target] = self._result(flow.result)
        for register in flow.unknown:
            self.registers[register] = _Value(self._unknown_slot())

    def copy(self, value: _Value) -> int:
        """Set a new slot to a value; return the slot."""
        return self._new_step(Step(StepKind.SET, 0, value.slot, value.offset))

    def probe(self, register: int) -> None:
        """Take the value of a register from a probe, of use where it is unknown."""
        value = self.registers[register]
        target = value.slot if value.slot in self.unknown else self.new_slot()
        self.steps.append(Step(StepKind.PROBE, target, offset=-value.offset))
        self.unknown.discard(target)

    def _result(self, result: Sum) -> _Value:
        """Return the value of a sum, from a new slot where it is more than a register plus a constant."""
        if result.index is None and not result.is_word:
            base = self.value(result.base)
            return _Value(base.slot, base.offset + result.offset)
        if result == Sum(None, 0, result.index, Extend.NONE, 1):  # a move
            return self.value(result.index)
        if self.depends(result.base) is not None or self.depends(result.index) is not None:
            return _Value(self._unknown_slot())
        return self._set(result)

    def _unknown_slot(self) -> int:
        slot = self.new_slot()
        self.unknown.add(slot)
        return slot

    def _set(self, result: Sum) -> _Value:
        """Set a new slot to a sum of registers."""
        base, index = self.value(result.base), self.value(result.index)
        if index.offset and result.extend is not Extend.NONE:
            index = _Value(self.copy(index))
        offset = base.offset + result.offset + index.offset * result.factor
        step = Step(StepKind.SET, 0, base.slot, offset, index.slot, result.extend, result.factor, result.is_word)
        return _Value(self._new_step(step))

    def _new_step(self, step: Step) -> int:
        """Add a step that sets a new slot; return the slot."""
        target = self.new_slot()
        self.steps.append(_moved(step, target, step.base, step.index))
        return target


def plan_block(flows: Sequence[InstructionFlow], first: int, probes: Probes, address_registers: int) -> BlockPlan:
    """Plan the block of the instructions `flows`, the first of which has the index `first` in its program.

    `address_registers`: bit mask of the registers whose values at the end of the block are of interest.
    """
    walk = _Walk()
    unknown_access: int | None = None
    for index, flow in enumerate(flows, first):
        for register in probes.get(index, ()):
            walk.probe(register)
        if flow.is_idle:
            continue
        if flow.is_unknown_access and unknown_access is None:
            unknown_access = index
        if flow.form is not None:
            if walk.depends(flow.form.base) is not None or walk.depends(flow.form.index) is not None:
                raise IsaModelError(
                    f"no probe for the address of instruction {index} in the block at {first}: report it"
                )
            walk.access(flow.form)
        walk.update(flow.registers)
    moves, kept, found = _final_moves(walk, address_registers)
    steps = _renumbered(_without_unused([*walk.steps, *moves]))
    sums, accesses, moves = _phases(steps)
    needed = _slots_read(step for step in steps if not _moves_itself(step))
    return BlockPlan(
        first, len(flows), sums, accesses, moves, needed, kept, found, _is_steady(steps, needed), unknown_access
    )


def _phases(steps: list[Step]) -> tuple[tuple[Step, ...], ...]:
    """Split steps into those that set intermediate slots, accesses, and those that set slots 0 to 31.

    Each intermediate slot is set only once, and slots 0 to 31 only at the end: so the order between phases is free.
    """
    return (
        tuple(step for step in steps if step.target >= FIRST_FREE_SLOT),
        tuple(step for step in steps if step.kind is StepKind.ACCESS),
        tuple(step for step in steps if 0 <= step.target < REGISTERS),
    )


def _final_moves(walk: _Walk, address_registers: int) -> tuple[tuple[Step, ...], int, int]:
    """Return steps that give slots 0 to 31 their values at the end, and the masks `kept` and `found`."""
    moves: list[Step] = []
    kept = found = 0
    for register, value in enumerate(walk.registers):
        is_of_interest = address_registers >> register & 1
        if value == _Value(register):
            kept |= 1 << register
        elif not is_of_interest or value.slot in walk.unknown:
            continue
        elif value.slot == register:
            kept |= 1 << register
            moves.append(Step(StepKind.SET, register, register, value.offset))
        elif value.slot < REGISTERS:  # may itself be overwritten by a move
            found |= 1 << register
            copy = walk.copy(value)
            moves.append(Step(StepKind.SET, register, copy))
        else:
            found |= 1 << register
            moves.append(Step(StepKind.SET, register, value.slot, value.offset))
    return tuple(moves), kept, found


def _moves_itself(step: Step) -> bool:
    """Whether a final step adds a constant to a register: harmless where the register is not known."""
    return step.kind is StepKind.SET and step.target == step.base and not step.factor


def _without_unused(steps: list[Step]) -> list[Step]:
    """Leave out steps that set intermediate slots which nothing reads; probes stay, as their values come anyway."""
    used = {_NO_SLOT, *range(REGISTERS)}
    kept: list[Step] = []
    for step in reversed(steps):
        if step.kind is StepKind.SET and step.target not in used:
            continue
        used.add(step.base)
        if step.factor:
            used.add(step.index)
        kept.append(step)
    return kept[::-1]


def _renumbered(steps: list[Step]) -> list[Step]:
    """Number the intermediate slots in the order of use, without gaps."""
    numbers = {slot: slot for slot in (_NO_SLOT, *range(FIRST_FREE_SLOT))}
    renumbered = []
    for step in steps:
        base, index = numbers[step.base], numbers[step.index]
        target = numbers.setdefault(step.target, len(numbers) - 1)
        is_same = base == step.base and index == step.index and target == step.target
        renumbered.append(step if is_same else _moved(step, target, base, index))
    return renumbered


def _slots_read(steps: Iterable[Step]) -> int:
    """Bit mask of those of slots 0 to 31 that steps read."""
    mask = 0
    for step in steps:
        if step.kind is not StepKind.PROBE:
            mask |= 1 << step.base
            mask |= 1 << step.index if step.factor else 0
    return mask & (1 << REGISTERS) - 1


def _is_steady(steps: list[Step], needed: int) -> bool:
    """Whether all sums move by constant distances from turn to turn if the block repeats.

    A slot stands still where nothing sets it, and what is summed up from such slots stands still too. A register moves
    evenly where its final value is its first one plus what stands still; sums of even slots without extension or cut
    are even. `root` of an even slot is the register that it differs from by what stands still.
    """
    moved = {step.target for step in steps if step.kind is StepKind.SET and step.target < REGISTERS}
    still = set(range(FIRST_FREE_SLOT)) - moved
    root: dict[int, int | None] = {register: register for register in moved}
    for step in steps:
        if step.kind is StepKind.PROBE:
            return False
        slots = [step.base, step.index] if step.factor else [step.base]
        moving = [slot for slot in slots if slot not in still]
        if moving and (step.is_word or (step.index in moving and step.extend is not Extend.NONE and step.factor)):
            return False
        if step.kind is StepKind.ACCESS:
            continue
        is_unscaled = step.base not in still or step.factor == 1
        source = root[moving[0]] if len(moving) == 1 and is_unscaled else None
        if step.target >= REGISTERS:
            if moving:
                root[step.target] = source
            else:
                still.add(step.target)
        elif source != step.target and needed >> step.target & 1:
            return False
    return True


def address_registers(flows: Sequence[InstructionFlow]) -> int:
    """Bit mask of the registers that addresses of `flows` are formed from, directly or through sums."""
    sums = [flow.registers for flow in flows if flow.registers.result is not None]
    mask = 0
    for flow in flows:
        if flow.form is not None:
            mask |= _bit(flow.form.base) | _bit(flow.form.index)
    while True:
        before = mask
        for registers in sums:
            if registers.target is not None and mask >> registers.target & 1 and registers.result is not None:
                mask |= _bit(registers.result.base) | _bit(registers.result.index)
        if mask == before:
            return mask


def _bit(register: int | None) -> int:
    return 0 if register is None else 1 << register


def find_probes(addresses: Sequence[int], flows: Sequence[InstructionFlow]) -> Probes:
    """Choose where registers must be read while the code runs, so that every block can be planned.

    A block never runs past a branch. So each straight line of code, from behind one branch to the next, is walked from
    its start: a block that starts further down knows at least as much, as it can read any register at its start. A
    register that an access depends on is read right behind the instruction that made it unknown: what comes later on
    the line can only be inside of more loops.
    """
    probes: dict[int, list[int]] = {}
    walk = _Walk()
    origins: dict[int, tuple[int, int]] = {}  # of an unknown slot: index of the instruction, and the register
    line_ends = False
    place = addresses[0]
    for index, (address, flow) in enumerate(zip(addresses, flows, strict=True)):
        if line_ends or address != place:
            walk, origins = _Walk(), {}
        line_ends = flow.ends_block
        place = address + INSTRUCTION_BYTES
        if flow.is_idle:
            continue
        for register in () if flow.form is None else (flow.form.base, flow.form.index):
            slot = walk.depends(register)
            if slot is not None:
                origin, probed = origins[slot]
                probes.setdefault(origin + 1, []).append(probed)
                walk.unknown.discard(slot)
        walk.update(flow.registers)
        walk.steps.clear()
        for register in flow.registers.written:
            slot = walk.registers[register].slot
            if slot in walk.unknown:
                origins.setdefault(slot, (index, register))
    return {index: tuple(sorted(registers)) for index, registers in probes.items()}
