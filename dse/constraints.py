"""What a design must keep to be feasible, written as `latency_ms <= 20` or `accuracy >= 0.85`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dse.errors import UsageError
from dse.measures import Measure, MeasureKind

_FORM = re.compile(r"\s*(?P<measure>[^\s<>=]+)\s*(?P<relation>[<>=]+)\s*(?P<limit>\S+)\s*")
_EXAMPLES = "write latency_ms <= 20 or accuracy >= 0.85"


@dataclass(frozen=True, slots=True)
class Constraint:
    """A limit of one measure.

    Attributes:
        measure: What is limited.
        is_upper: Whether values above the limit are infeasible; else those below.
        limit: In the measure's own unit: milliseconds, bytes, or 0 to 1.

    """

    measure: Measure
    is_upper: bool
    limit: float

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read what `str` writes; raises UsageError that says which part is wrong. Nothing of it is executed."""
        form = _FORM.fullmatch(text)
        if form is None:
            raise UsageError(f"constraint {text!r} is no comparison: {_EXAMPLES}")
        if form["relation"] not in ("<=", ">="):
            raise UsageError(f"constraint {text!r}: {form['relation']} is neither <= nor >=: {_EXAMPLES}")
        try:
            measure = Measure.parse(form["measure"])
            limit = float(form["limit"])
        except UsageError as error:
            raise UsageError(f"constraint {text!r}: {error}") from error
        except ValueError:
            raise UsageError(f"constraint {text!r}: {form['limit']!r} is no number: {_EXAMPLES}") from None
        if not (math.isfinite(limit) and limit >= 0):
            raise UsageError(f"constraint {text!r}: give a finite limit that is not negative")
        if measure.kind is MeasureKind.ACCURACY and limit > 1:
            raise UsageError(f"constraint {text!r}: accuracy is 0 to 1: write 0.85 for 85 %")
        return cls(measure, form["relation"] == "<=", limit)

    def __str__(self) -> str:
        return f"{self.measure} {'<=' if self.is_upper else '>='} {self.limit:.12g}"

    def violation(self, value: float) -> float:
        """Return by what share of the limit a value exceeds it; zero or less where the constraint is kept.

        A share, because samplers add up the violations of constraints of different units. Where the limit is 0, it is
        the excess itself.
        """
        excess = value - self.limit if self.is_upper else self.limit - value
        return excess / self.limit if self.limit > 0 else excess
