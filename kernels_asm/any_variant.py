"""Kernels of either kind: a convolution, `KernelVariant`, and one with its output transform fused, `FusedVariant`.

Their texts differ in form: ACCUMULATOR-OVERFLOW-CLIP-OUTPUT-TILE and ACCUMULATOR-TRANSFORM-TILE.
"""

from pathlib import Path

from kernels_asm.assembler import SOURCES, KernelImage, assemble_variant
from kernels_asm.errors import InputError
from kernels_asm.fused import PARTS as FUSED_PARTS
from kernels_asm.fused import FusedVariant, assemble_fused
from kernels_asm.shape import ConvShape
from kernels_asm.variant import PARTS as KERNEL_PARTS
from kernels_asm.variant import KernelVariant
from kernels_asm.variant_text import SEPARATOR, VariantPart, suggestion

AnyVariant = KernelVariant | FusedVariant

_OVERFLOW, _TRANSFORM = KERNEL_PARTS[1], FUSED_PARTS[1]


def parse_variant(text: str) -> AnyVariant:
    """Read the text of a variant of either kind.

    Raises InputError that names the part that is wrong, with what was probably meant, for the kind that the text is
    most like.
    """
    return FusedVariant.parse(text) if _is_like_fused(text) else KernelVariant.parse(text)


def parts_of_kind(variant: AnyVariant) -> tuple[VariantPart, ...]:
    """Return the parameters of such variants, in the order of their text."""
    return FUSED_PARTS if isinstance(variant, FusedVariant) else KERNEL_PARTS


def functions(variant: AnyVariant) -> tuple[str, ...]:
    """Return the functions that a variant consists of, the convolution first."""
    convolution = variant.tile.arguments.function
    return (convolution, variant.transform.arguments.function) if isinstance(variant, FusedVariant) else (convolution,)


def source_files(variant: AnyVariant) -> tuple[Path, ...]:
    """Return the source file of each of its functions."""
    convolution = SOURCES / variant.tile.source
    return (convolution, variant.transform.source) if isinstance(variant, FusedVariant) else (convolution,)


def assemble_any(variant: AnyVariant, shape: ConvShape) -> KernelImage:
    """Return the variant's image for the layer; raises as `assemble_variant` and `assemble_fused`."""
    return assemble_fused(variant, shape) if isinstance(variant, FusedVariant) else assemble_variant(variant, shape)


def _is_like_fused(text: str) -> bool:
    """Return whether a text is meant as a fused variant: its second part tells, else how many parts there are.

    Raises InputError for a text without a second part, which could be either.
    """
    texts = text.split(SEPARATOR)
    if len(texts) == 1:
        forms = [SEPARATOR.join(part.name.upper() for part in parts) for parts in (KERNEL_PARTS, FUSED_PARTS)]
        examples = [SEPARATOR.join(part.samples[0] for part in parts) for parts in (KERNEL_PARTS, FUSED_PARTS)]
        raise InputError(f"variant {text!r}: write {forms[0]}, such as {examples[0]}, or {forms[1]}, such as "
                         f"{examples[1]}")  # fmt: skip
    for part, is_fused in ((_OVERFLOW, False), (_TRANSFORM, True)):
        if suggestion(part, texts[1]):
            return is_fused
    return len(texts) == len(FUSED_PARTS)
