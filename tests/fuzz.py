"""How many examples the property tests draw."""

import os

FACTOR = int(os.environ.get("FUZZ_FACTOR", "1"))
"""`make fuzz` sets it to draw many times as many as `make test` does."""


def examples(count: int) -> int:
    """Return how many examples to draw where `make test` draws `count`."""
    return count * FACTOR
