"""Why some rows of the table are not met: `known_differences.yaml`, by core, row and quantity."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

_FILE = Path(__file__).parent / "known_differences.yaml"


class KnownDifference(BaseModel):
    """A reason that holds for some rows.

    `cores` and `rows`: shell patterns, the latter matched against the row's name with `[` and `]` as they are;
    `quantity`: "latency", "throughput" or, for both, "*".
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cores: tuple[str, ...]
    rows: tuple[str, ...]
    quantity: str = "*"
    why: str

    def holds_for(self, core: str, row: str, quantity: str) -> bool:
        """Whether it is the reason for this figure."""
        return (
            any(fnmatchcase(core, pattern) for pattern in self.cores)
            and any(fnmatchcase(row, pattern.replace("[", "[[]")) for pattern in self.rows)
            and self.quantity in ("*", quantity)
        )


@lru_cache(maxsize=1)
def known_differences() -> tuple[KnownDifference, ...]:
    """Return all reasons, in the order of the file."""
    content = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return TypeAdapter(tuple[KnownDifference, ...]).validate_python(content)


def why(core: str, row: str, quantity: str) -> str:
    """Return the first reason that holds for a figure, "" if none does."""
    return next((entry.why for entry in known_differences() if entry.holds_for(core, row, quantity)), "")
