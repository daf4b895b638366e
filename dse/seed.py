"""How large seeds of searches and trainings may be."""

from typing import Final

LARGEST_SEED: Final = 2**63 - 1
"""PyTorch takes 64 bits; half of them leave room for the seeds behind one, of further trainings."""
