"""Errors of this package; every message is one line that says what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping


class IsaModelError(Exception):
    """Base of every error that this package raises on purpose."""


class InputError(IsaModelError):
    """What a person handed over (an image, a core description, a call) cannot be used."""


class ImageError(InputError):
    """The ELF image is malformed, not AArch64, or not linked."""


class AssemblyError(InputError):
    """The assembler or the linker refused a source; the message names file and line where it did."""


class UnsupportedInstructionError(InputError):
    """An instruction that the operand table does not describe.

    Args:
        text: The instruction as disassembled, "mnemonic operands".
        address: Its address in the image.
        source: "file:line" where the image has line information, else None.
        feature: The ISA feature that it belongs to, where that is known.
        is_data: Whether it is none, but data.

    """

    def __init__(
        self,
        text: str,
        address: int,
        source: str | None = None,
        feature: str | None = None,
        *,
        is_data: bool = False,
    ) -> None:
        where = f"{address:#x}" if source is None else f"{source} ({address:#x})"
        what = f"no operand description for '{text}'"
        if is_data:
            super().__init__(f"{where}: '{text}': data is executed as code: return, or jump, before it")
        elif feature is None:
            super().__init__(f"{where}: {what}: use another instruction, or extend the table")
        else:
            super().__init__(f"{where}: {what} of the ISA feature '{feature}': compile without it")
        self.text = text
        self.address = address
        self.source = source


class EmulationError(IsaModelError):
    """The emulated code did something it must not do.

    Args:
        message: One line.
        state: Register values when it was noticed, by name (x0 to x30, sp, pc, nzcv as integers, v0 to v31 as 128-bit
            integers); empty where the error was noticed only after the code had returned.

    """

    def __init__(self, message: str, state: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.state: dict[str, int] = dict(state or {})

    @property
    def registers(self) -> str:
        """The register state as text of several lines, for `--debug`; empty when there is none."""
        general = [f"{name:>4} {value:#018x}" for name, value in self.state.items() if not name.startswith("v")]
        vectors = [f"{name:>4} {value:#034x}" for name, value in self.state.items() if name.startswith("v")]
        return "\n".join(_in_columns(general, 4) + _in_columns(vectors, 2))


class MemoryFaultError(EmulationError):
    """A load, store or jump touched memory that it must not touch."""


class RunawayError(EmulationError):
    """The code executed more instructions than its budget."""


class IllegalInstructionError(EmulationError):
    """An undefined instruction, or data executed as code."""


class SystemCallError(EmulationError):
    """An SVC, HVC, SMC, BRK or WFI: there is no operating system beneath an emulated function."""


class ClobberedRegisterError(EmulationError):
    """The function returned without restoring a callee-saved register (x19 to x29, d8 to d15, sp)."""


class CanaryError(EmulationError):
    """The function wrote next to a buffer, into the slack between it and its guard page."""


def _in_columns(cells: list[str], columns: int) -> list[str]:
    return ["  ".join(cells[start : start + columns]) for start in range(0, len(cells), columns)]
