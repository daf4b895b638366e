"""The designs with which every study begins."""

from __future__ import annotations

from dse.design import Design, uniform_design
from dse.errors import UsageError
from dse.legality import Legality
from dse.networks import FeatureMaps
from kernels_asm import Overflow

NARROW_CLIP = 63
"""The largest clip of the default search space: int8 outputs at next to no loss of accuracy."""

CONVENTIONAL = uniform_design(1.0, 32, Overflow.EXACT, None)
"""The conventional flow: 32-bit accumulators, 32-bit outputs, the network's own width."""

NARROW = uniform_design(1.0, 8, Overflow.EXACT, NARROW_CLIP)
"""The narrow flow of Vorabbi et al. (arXiv 2304.00952): 8-bit accumulators, and a clip to 8-bit outputs."""

IN_BYTES = uniform_design(1.0, 8, Overflow.EXACT, None, FeatureMaps.INT8)
"""8-bit accumulators, and feature maps in bytes from layer to layer: a block in one kernel."""


def known_designs(legality: Legality) -> tuple[Design, ...]:
    """Return the conventional flow, the narrow one and, where the network can have it, that in bytes.

    Raises UsageError, with the reason, if no kernel computes one of the first two.
    """
    for design in (CONVENTIONAL, NARROW):
        if (reason := legality.reason(design)) is not None:
            raise UsageError(f"a study begins with the design {design}, which has no kernel: {reason}")
    return (CONVENTIONAL, NARROW) if legality.reason(IN_BYTES) else (CONVENTIONAL, NARROW, IN_BYTES)
