"""Which instructions a function can reach, from the encodings of branches (Arm DDI 0487, C4.1 "Branches")."""

from __future__ import annotations

from isa_models.program import INSTRUCTION_BYTES, Instruction, Program


def reachable(program: Program, entry: int) -> set[int]:
    """Return the addresses that code starting at `entry` may come to by direct branches and calls."""
    reached: set[int] = set()
    waiting = [entry]
    while waiting:
        address = waiting.pop()
        index = None if address in reached else program.find(address)
        if index is None or program.instructions[index].is_data:
            continue
        reached.add(address)
        waiting += _successors(program.instructions[index])
    return reached


def _successors(instruction: Instruction) -> list[int]:
    word, address = instruction.word, instruction.address
    following = address + INSTRUCTION_BYTES
    if word & 0x7C00_0000 == 0x1400_0000:  # B, BL
        target = address + _offset(word, 0, 26)
        return [target, following] if word >> 31 else [target]
    if word & 0xFF00_0010 == 0x5400_0000 or word & 0x7E00_0000 == 0x3400_0000:  # B.cond, CBZ, CBNZ
        return [address + _offset(word, 5, 19), following]
    if word & 0x7E00_0000 == 0x3600_0000:  # TBZ, TBNZ
        return [address + _offset(word, 5, 14), following]
    is_jump = word & 0xFFFF_FC1F in (0xD61F_0000, 0xD65F_0000)  # BR, RET
    return [] if is_jump else [following]


def _offset(word: int, low: int, width: int) -> int:
    """Signed field of a branch, in bytes."""
    value = word >> low & (1 << width) - 1
    return INSTRUCTION_BYTES * (value - (1 << width) if value >> (width - 1) else value)
