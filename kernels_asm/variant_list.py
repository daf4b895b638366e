"""Lists of kernel variants, as people look through them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import TypeVar

from kernels_asm.any_variant import AnyVariant
from kernels_asm.errors import InputError
from kernels_asm.fused import PARTS as FUSED_PARTS
from kernels_asm.fused import FusedVariant
from kernels_asm.shape import ConvShape
from kernels_asm.variant import PARTS, KernelVariant
from kernels_asm.variant_text import SEPARATOR, VariantPart, suggestion

Variant = TypeVar("Variant", KernelVariant, FusedVariant)


def sampled_variants(samples: Mapping[str, Sequence[str]] | None = None) -> Iterator[KernelVariant]:
    """Yield the variants that an arithmetic and a tile can form of the samples of each part, in the order of `PARTS`.

    `samples` replaces the samples of parts, by name.
    """
    return _sampled(PARTS, KernelVariant.parse, samples)


def sampled_fused(samples: Mapping[str, Sequence[str]] | None = None) -> Iterator[FusedVariant]:
    """Yield the fused variants of the samples of each part, likewise."""
    return _sampled(FUSED_PARTS, FusedVariant.parse, samples)


def _sampled(
    parts: Sequence[VariantPart], parse: Callable[[str], Variant], samples: Mapping[str, Sequence[str]] | None
) -> Iterator[Variant]:
    for texts in product(*((samples or {}).get(part.name, part.samples) for part in parts)):
        try:
            yield parse(SEPARATOR.join(texts))
        except InputError:  # a combination that no kernel has
            continue


def can_compute(variant: AnyVariant, shape: ConvShape) -> bool:
    """Return whether the variant can compute the layer."""
    try:
        variant.check(shape)
    except InputError:
        return False
    return True


def part_of(text: str, parts: Sequence[VariantPart] = PARTS) -> VariantPart:
    """Return the part that the text is one of; raises InputError, with what was probably meant, if there is none."""
    for part in parts:
        if part.accepts(text):
            return part
    meant = next(filter(None, (suggestion(part, text) for part in parts)), None)
    hint = f"did you mean {meant}? " if meant else ""
    names = ", ".join(part.name for part in parts)
    example = SEPARATOR.join(part.samples[0] for part in parts)
    raise InputError(f"{text!r} is no part of a variant: {hint}write one of {names} as in {example}")
