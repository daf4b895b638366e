"""Times between whole cycles, in hundredths of a cycle: 1.25 are one cycle three times and two the fourth time.

Measured averages are such where what happens varies from time to time. A carry keeps what is left of each time.
"""

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled_entry

IntArray = NDArray[np.int64]

PARTS = 100
"""In a cycle."""


def parts_of(cycles: float) -> int:
    """Return cycles, a number of at most two decimals, as hundredths."""
    return round(cycles * PARTS)


@compiled_entry
def whole_cycles(carry: IntArray, entry: int, parts: int) -> int:
    """Return how many whole cycles pass in `parts` and what `carry[entry]` kept, which then keeps the rest."""
    total = carry[entry] + parts
    cycles = total // PARTS
    carry[entry] = total - cycles * PARTS
    return cycles  # type: ignore[no-any-return]
