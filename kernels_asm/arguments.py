"""Argument blocks: the one definition behind the C header, the assembly offsets and the Python writer of a kernel.

A kernel is an AAPCS64 function of one pointer, ``void NAME(const struct NAME_arguments *)``. Every field of the block
is 8 bytes, little-endian. Pointers come first; the caller writes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kernels_asm.errors import InputError

FIELD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its C type and what it means."""

    name: str
    c_type: str
    meaning: str

    @property
    def is_pointer(self) -> bool:
        """Whether the field holds an address."""
        return self.c_type.endswith("*")


@dataclass(frozen=True, slots=True)
class ArgumentBlock:
    """The argument block of the kernel named `function`; `origin` is the file that defines it, for those who read."""

    function: str
    origin: str
    fields: tuple[Field, ...]

    @property
    def offsets(self) -> Mapping[str, int]:
        """Byte offset of each field."""
        return {field.name: FIELD_BYTES * index for index, field in enumerate(self.fields)}

    @property
    def pointers(self) -> tuple[str, ...]:
        """Names of the fields that hold addresses."""
        return tuple(field.name for field in self.fields if field.is_pointer)

    def pack(self, values: Mapping[str, int]) -> bytes:
        """Return the block with the given fields; pointers that are not given are 0, to be filled in by the caller.

        Raises InputError if another field is missing or a value is given for no field.
        """
        unknown = values.keys() - self.offsets.keys()
        missing = self.offsets.keys() - values.keys() - set(self.pointers)
        if unknown or missing:
            what = f"has no field {min(unknown)}" if unknown else f"lacks field {min(missing)}"
            raise InputError(f"argument block of {self.function} {what}: see {self.origin}")
        block = np.array([values.get(field.name, 0) for field in self.fields], "<i8")
        return block.tobytes()

    def assembly_offsets(self) -> str:
        """Return the offsets as assembler symbols, `ARG_INPUT` and so on."""
        lines = (f".equ ARG_{name.upper()}, {offset}" for name, offset in self.offsets.items())
        return f"// Made from {self.origin}.\n" + "\n".join(lines) + "\n"

    def c_structure(self) -> str:
        """Return the structure in C, with an assertion for the offset of each field; needs stddef.h and stdint.h."""
        name = f"{self.function}_arguments"
        fields = "\n".join(f"    {field.c_type} {field.name}; /* {field.meaning} */" for field in self.fields)
        offsets = "\n".join(
            f'_Static_assert(offsetof(struct {name}, {field}) == {offset}, "{field}");'
            for field, offset in self.offsets.items()
        )
        return f"struct {name} {{\n{fields}\n}};\n{offsets}\n"

    def c_header(self) -> str:
        """Return the C header with the structure and the function's prototype."""
        guard = f"{self.function.upper()}_H"
        return (
            f"/* Made from {self.origin}. */\n"
            f"#ifndef {guard}\n#define {guard}\n\n#include <stddef.h>\n#include <stdint.h>\n\n"
            f"{self.c_structure()}\n"
            f"void {self.function}(const struct {self.function}_arguments *arguments);\n\n#endif\n"
        )
