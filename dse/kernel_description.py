"""What a kernel variant is for a layer: parameters, registers, sizes of its data, and its instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from isa_models import Image, Instruction
from kernels_asm import ConvShape, KernelVariant
from kernels_asm.assembler import assemble_variant, variant_source
from kernels_asm.packing import activation_bytes, output_bytes
from kernels_asm.variant import PARTS
from kernels_asm.variant_text import SEPARATOR


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """One parameter of a variant: its name, the text of its value and what it decides."""

    name: str
    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class KernelDescription:
    """What `describe_kernel` found.

    Attributes:
        variant: The kernel.
        shape: The layer.
        parameters: Of the variant, in the order of its text.
        symbols: What the assembler is given for the layer.
        registers: How many vector registers are used for what, all together as "used".
        data_bytes: Bytes of the packed input, the packed weights and the output, by these names.
        instructions: The assembled code.

    """

    variant: KernelVariant
    shape: ConvShape
    parameters: tuple[ParameterValue, ...]
    symbols: Mapping[str, int]
    registers: Mapping[str, int]
    data_bytes: Mapping[str, int]
    instructions: tuple[Instruction, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return {
            "variant": str(self.variant),
            "source": str(variant_source(self.variant)),
            "layer": asdict(self.shape),
            "parameters": [asdict(parameter) for parameter in self.parameters],
            "symbols": dict(self.symbols),
            "registers": dict(self.registers),
            "bytes": dict(self.data_bytes),
            "instructions": [
                {"address": one.address, "word": one.word, "text": one.text, "source_line": one.source}
                for one in self.instructions
            ],
        }


def describe_kernel(variant: KernelVariant, shape: ConvShape) -> KernelDescription:
    """Assemble a variant for a layer and describe it; raises InputError if it cannot compute the layer."""
    channels = variant.tile.channels
    texts = str(variant).split(SEPARATOR)
    return KernelDescription(
        variant,
        shape,
        tuple(ParameterValue(part.name, text, part.meaning) for part, text in zip(PARTS, texts, strict=True)),
        variant.parameters(shape),
        variant.tile.registers(variant.arithmetic, shape),
        {
            "input": activation_bytes(shape),
            "weights": variant.tile.weight_bytes(shape),
            "output": output_bytes(shape, channels, variant.arithmetic.output.dtype.itemsize),
        },
        Image.from_elf(assemble_variant(variant, shape).elf).program.instructions,
    )
