"""What a run of the emulated machine leaves for the timing engines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from isa_models.program import Program

NO_ADDRESS = -1
"""In `Trace.address`: this instruction touches no memory."""


@dataclass(frozen=True, eq=False)
class Trace:
    """The executed instructions, in program order.

    Attributes:
        program: The static code that `index` points into.
        index: Shape (n,), int32: for each executed instruction its index into `program.instructions`.
        address: Shape (n,), int64: the lowest byte address that it loads or stores, `NO_ADDRESS` if it does neither.

    """

    program: Program
    index: NDArray[np.int32]
    address: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.index.shape != self.address.shape or self.index.ndim != 1:
            raise ValueError(f"index {self.index.shape} and address {self.address.shape} must be of one length")

    def __len__(self) -> int:
        return int(self.index.size)

    def counts(self) -> NDArray[np.int64]:
        """How often each instruction of the program was executed, shape (len(program),)."""
        return np.bincount(self.index, minlength=len(self.program)).astype(np.int64)
