"""Registers of the emulated core: what a call starts with, and what it must leave as it was (AAPCS64)."""

from __future__ import annotations

import unicorn
from unicorn import arm64_const

from isa_models.errors import ClobberedRegisterError


def _identifiers(prefix: str, count: int) -> list[int]:
    return [getattr(arm64_const, f"UC_ARM64_REG_{prefix}{number}") for number in range(count)]


GENERAL = _identifiers("X", 31)
VECTORS = _identifiers("Q", 32)
_DOUBLES = _identifiers("D", 32)

_STATE = {
    **{f"x{number}": register for number, register in enumerate(GENERAL)},
    "sp": arm64_const.UC_ARM64_REG_SP,
    "pc": arm64_const.UC_ARM64_REG_PC,
    "nzcv": arm64_const.UC_ARM64_REG_NZCV,
    **{f"v{number}": register for number, register in enumerate(VECTORS)},
}

_PRESERVED = {
    **{f"x{number}": GENERAL[number] for number in range(19, 30)},
    **{f"d{number}": _DOUBLES[number] for number in range(8, 16)},
    "sp": arm64_const.UC_ARM64_REG_SP,
}


_NEAR_BYTES = 1 << 20
"""Offsets that code adds to a pointer are smaller."""


def _filler(number: int) -> int:
    """Give a 64-bit value that looks random, so that code cannot depend on registers that nobody set."""
    return (number + 1) * 0x9E3779B97F4A7C15 % 2**64  # Weyl sequence of the golden ratio: all values differ


def unset_near(address: int) -> str | None:
    """Return the general register whose filler an address was formed from, None if it is near none."""
    for number in range(len(GENERAL)):
        if abs(address - _filler(number)) < _NEAR_BYTES:
            return f"x{number}"
    return None


def prepare(uc: unicorn.Uc, stack_top: int, return_address: int) -> None:
    """Set every register to what a call starts with, except its arguments."""
    for number, register in enumerate(GENERAL):
        uc.reg_write(register, _filler(number))
    for number, register in enumerate(VECTORS):
        uc.reg_write(register, _filler(64 + 2 * number) << 64 | _filler(65 + 2 * number))
    uc.reg_write(arm64_const.UC_ARM64_REG_SP, stack_top)
    uc.reg_write(arm64_const.UC_ARM64_REG_LR, return_address)


def preserved(uc: unicorn.Uc) -> dict[str, int]:
    """Values of the registers that a function must preserve: x19 to x29, d8 to d15 and sp."""
    return dict(zip(_PRESERVED, uc.reg_read_batch(list(_PRESERVED.values())), strict=True))


def check_preserved(uc: unicorn.Uc, before: dict[str, int], function: str) -> None:
    """Raise `ClobberedRegisterError` that lists the registers that differ from `before`."""
    after = preserved(uc)
    clobbered = [name for name in before if after[name] != before[name]]
    if clobbered:
        values = ", ".join(f"{name} = {after[name]:#x}, was {before[name]:#x}" for name in clobbered)
        raise ClobberedRegisterError(f"'{function}' returned with {values}: save and restore it", state(uc))


def state(uc: unicorn.Uc) -> dict[str, int]:
    """Values of all registers by name: x0 to x30, sp, pc, nzcv, v0 to v31."""
    return {name: int(uc.reg_read(register)) for name, register in _STATE.items()}
