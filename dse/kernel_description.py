"""What a kernel variant is for a layer: parameters, registers, sizes of its data, and its instructions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dse.fused_emulation import Placement, random_parameters
from isa_models import Image, Instruction
from kernels_asm import ConvShape, KernelVariant
from kernels_asm.any_variant import AnyVariant, assemble_any, functions, parts_of_kind, source_files
from kernels_asm.borders import border_bytes
from kernels_asm.fused import FusedVariant, fused_bit_map
from kernels_asm.packing import activation_bytes, output_bytes
from kernels_asm.variant_text import SEPARATOR


@dataclass(frozen=True, slots=True)
class ParameterValue:
    """One parameter of a variant: its name, the text of its value and what it decides."""

    name: str
    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class FunctionDescription:
    """One function of a variant.

    Attributes:
        name: What it is called.
        source: Its source file.
        symbols: What the assembler is given for the layer.
        instructions: Its assembled code.

    """

    name: str
    source: Path
    symbols: Mapping[str, int]
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True, slots=True)
class KernelDescription:
    """What `describe_kernel` found.

    Attributes:
        variant: The kernel.
        shape: The layer.
        parameters: Of the variant, in the order of its text.
        functions: The convolution, then the output transform if one is fused.
        registers: How many vector registers the convolution uses for what, all together as "used".
        data_bytes: Bytes of each feature map and of all that is packed, by name.

    """

    variant: AnyVariant
    shape: ConvShape
    parameters: tuple[ParameterValue, ...]
    functions: tuple[FunctionDescription, ...]
    registers: Mapping[str, int]
    data_bytes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        convolution, *transforms = self.functions
        fused = [{"function": one.name, "source": str(one.source), "symbols": dict(one.symbols)} for one in transforms]
        return {
            "variant": str(self.variant),
            "source": str(convolution.source),
            "layer": asdict(self.shape),
            "parameters": [asdict(parameter) for parameter in self.parameters],
            "symbols": dict(convolution.symbols),
            **({"transform": fused[0]} if fused else {}),
            "registers": dict(self.registers),
            "bytes": dict(self.data_bytes),
            "instructions": [
                {
                    "function": function.name,
                    "address": one.address,
                    "word": one.word,
                    "text": one.text,
                    "source_line": one.source,
                }
                for function in self.functions
                for one in function.instructions
            ],
        }


def describe_kernel(variant: AnyVariant, shape: ConvShape) -> KernelDescription:
    """Assemble a variant for a layer and describe it; raises InputError if it cannot compute the layer."""
    variant.check(shape)
    texts = str(variant).split(SEPARATOR)
    parts = parts_of_kind(variant)
    return KernelDescription(
        variant,
        shape,
        tuple(ParameterValue(part.name, text, part.meaning) for part, text in zip(parts, texts, strict=True)),
        _functions(variant, shape),
        variant.tile.registers(variant.arithmetic, shape),
        data_bytes(variant, shape),
    )


def data_bytes(variant: AnyVariant, shape: ConvShape) -> dict[str, int]:
    """Return the bytes of each feature map, of the weights and of all else that a run of the variant is lent."""
    return _fused_bytes(variant, shape) if isinstance(variant, FusedVariant) else _kernel_bytes(variant, shape)


def _functions(variant: AnyVariant, shape: ConvShape) -> tuple[FunctionDescription, ...]:
    """Return the variant's functions with their code, which lies in memory in one piece each."""
    image = Image.from_elf(assemble_any(variant, shape).elf)
    symbols = [variant.parameters(shape)]
    if isinstance(variant, FusedVariant):
        symbols.append(dict(variant.callee(shape).parameters))
    names = functions(variant)
    starts = {name: image.address_of(name) for name in names}

    def owner(address: int) -> str:
        return max((name for name in names if starts[name] <= address), key=lambda name: starts[name])

    code = [one for one in image.program.instructions if one.word != 0]  # zeros fill the space between functions
    return tuple(
        FunctionDescription(name, source, given, tuple(one for one in code if owner(one.address) == name))
        for name, source, given in zip(names, source_files(variant), symbols, strict=True)
    )


def _kernel_bytes(variant: KernelVariant, shape: ConvShape) -> dict[str, int]:
    return {
        "input": activation_bytes(shape),
        "weights": variant.tile.weight_bytes(shape),
        "output": output_bytes(shape, variant.tile.channels, variant.arithmetic.output.dtype.itemsize),
    }


def _fused_bytes(variant: FusedVariant, shape: ConvShape) -> dict[str, int]:
    """Return the bytes of what a run lends the kernel; "output" is the map, "bits" has the border of `Placement`."""
    transform = variant.transform
    parameters = transform.pack(random_parameters(shape, transform, np.random.default_rng(0)))  # sizes hang on none
    sizes = {"input": activation_bytes(shape), "weights": variant.tile.weight_bytes(shape)}
    if shape.pads_zeros:
        sizes |= {f"border {name}": size for name, size in border_bytes(shape, variant.tile.channels).items()}
    sizes |= {f"transform {name}": array.nbytes for name, array in parameters.items()}
    sizes["scratch"] = variant.scratch_bytes(shape)
    if transform.element is not None:
        map_bytes = shape.out_pixels * shape.channels_out * transform.element.itemsize
        sizes |= {"shortcut": map_bytes} if transform.adds_shortcut else {}
        sizes["output"] = map_bytes
    rows, columns, pixel = fused_bit_map(shape, Placement().border).shape
    return sizes | {"bits": rows * columns * pixel}
