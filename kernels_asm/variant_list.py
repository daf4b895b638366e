"""Lists of kernel variants, as people look through them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from kernels_asm.errors import InputError
from kernels_asm.shape import ConvShape
from kernels_asm.variant import PARTS, KernelVariant
from kernels_asm.variant_text import SEPARATOR, VariantPart, suggestion


def sampled_variants(samples: Mapping[str, Sequence[str]] | None = None) -> Iterator[KernelVariant]:
    """Yield the variants that an arithmetic and a tile can form of the samples of each part, in the order of `PARTS`.

    `samples` replaces the samples of parts, by name.
    """
    for texts in product(*((samples or {}).get(part.name, part.samples) for part in PARTS)):
        try:
            yield KernelVariant.parse(SEPARATOR.join(texts))
        except InputError:  # a combination that no kernel has
            continue


def can_compute(variant: KernelVariant, shape: ConvShape) -> bool:
    """Return whether the variant can compute the layer."""
    try:
        variant.check(shape)
    except InputError:
        return False
    return True


def part_of(text: str) -> VariantPart:
    """Return the part that the text is one of; raises InputError, with what was probably meant, if there is none."""
    for part in PARTS:
        if part.accepts(text):
            return part
    meant = next(filter(None, (suggestion(part, text) for part in PARTS)), None)
    hint = f"did you mean {meant}? " if meant else ""
    names = ", ".join(part.name for part in PARTS)
    raise InputError(
        f"{text!r} is no part of a variant: {hint}write one of {names} as in {SEPARATOR.join(_examples())}"
    )


def _examples() -> list[str]:
    return [part.samples[0] for part in PARTS]
