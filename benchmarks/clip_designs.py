"""The designs of the clip benchmark: the network with 8-bit sums and each clip, against 32 bits without one."""

from __future__ import annotations

from dse.training.quick_recipe import Parent, Phase, QuickRecipe
from kernels_asm import Arithmetic, Overflow

CLIPS = (127, 63, 31, 23, 15, 7, 3)
"""All of them make int8 of the outputs."""

BASELINE = Arithmetic(32)
NARROW = {clip: Arithmetic(8, Overflow.WRAP, clip) for clip in CLIPS}
"""By clip. Sums wrap in a byte, which is the fastest kernel; without a clip they would need 16 bits behind it."""


def insertion(images: int, epochs: tuple[int, int]) -> QuickRecipe:
    """Return the scheme: the network in exact sums first, then each design goes on from there under its arithmetic.

    Train, then insert clip and narrow accumulator and continue: Vorabbi et al., arXiv 2304.00952. The baseline goes on
    as long as the others, in exact sums.

    Args:
        images: Of the training split.
        epochs: Before and after the insertion.

    """
    before, after = (Phase(count * images, flip=True, shift=4) for count in epochs)
    return QuickRecipe(after, Parent.EXACT, before)
