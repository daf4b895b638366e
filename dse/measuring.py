"""Measures what a study's goal names of a design: all but accuracy, which takes a training, comes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dse.design import Design
from dse.evaluation import Activity, Evaluator, Latency
from dse.footprint import Footprint
from dse.goal import Goal
from dse.measures import ACCURACY, LATENCY, Measure, MeasureKind


@dataclass(frozen=True)
class Measuring:
    """What measures the designs of a study.

    Attributes:
        goal: Names what is to be measured.
        footprint: Counts bytes; None where no goal asks for them.
        further: By name, evaluators of the cores besides the study's own.

    """

    goal: Goal = field(default_factory=Goal)
    footprint: Footprint | None = None
    further: Mapping[str, Evaluator] = field(default_factory=dict)

    def before_training(self, design: Design, latency: Latency, activity: Activity) -> dict[str, float]:
        """Return the value of each of the goal's measures but accuracy, by name; `activity` is told what it does now.

        Args:
            design: The design.
            latency: Its latency on the study's core.
            activity: Told in a few words.

        """
        return {
            str(measure): latency.milliseconds if measure == LATENCY else self._measured(measure, design, activity)
            for measure in self.goal.measures
            if measure != ACCURACY
        }

    def _measured(self, measure: Measure, design: Design, activity: Activity) -> float:
        if measure.core is not None:
            return self.further[measure.core].latency(design, _on(measure.core, activity)).milliseconds
        if self.footprint is None:
            raise AssertionError(f"a goal with {measure} comes with a footprint")
        activity(f"counting {measure}")
        match measure.kind:
            case MeasureKind.MEMORY:
                return self.footprint.memory_bytes(design)
            case MeasureKind.WEIGHTS:
                return self.footprint.weight_bytes(design)
            case _:
                return self.footprint.code_bytes(design)


def _on(core: str, activity: Activity) -> Activity:
    return lambda what: activity(f"{core}: {what}")
