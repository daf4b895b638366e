"""What both kinds of hooks, compiled and plain Python, offer to the machine."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Protocol

from isa_models.trace import Trace


class Stop(IntEnum):
    """Why hooks ended a run; the code stands before the block that they refused."""

    NONE = 0
    BUDGET = 1
    MISALIGNED = 2


class Block(NamedTuple):
    """A translation block of Unicorn: code that runs from its first instruction to its last."""

    address: int
    instructions: int


class Hooks(Protocol):
    """Count instructions against a budget by blocks, and record the trace where they were made to.

    A run is ended before the first block that does not fit the budget, or that does not start on a multiple of four.
    """

    def begin(self, budget: int) -> None:
        """Start a run that may execute `budget` instructions."""

    def finish(self) -> Stop:
        """Tell why the hooks ended the run; raises what a callback raised, such as `KeyboardInterrupt`."""

    @property
    def executed(self) -> int:
        """Instructions executed since `begin`, whole blocks."""

    @property
    def last_block(self) -> Block | None:
        """The last block that was entered, None before the first."""

    def trace(self) -> Trace:
        """Return the trace since `begin`; call it once, after a run that returned, and only where tracing."""
