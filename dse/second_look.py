"""A second, longer look at the designs on a study's front: what it found, as attributes of the study.

A search trains each design for seconds and asks for an order alone. What longer trainings of the front's designs give
is written down beside it: the quick accuracies stay what the search used. Optuna lets a finished trial take no
attributes, so the study has them: which plan the latest look followed, and one attribute for each design and plan. Each
is written at once and names a thing of its own, so that neither a stop in the middle nor another process can spoil one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Annotated, Any, Final, TypeVar

import optuna
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from dse.errors import StorageError
from dse.uncertainty import MeasuredAccuracy

Value = TypeVar("Value")

PLAN: Final = "second_look"
"""User attribute of a study: the plan of its latest second look."""

Share = Annotated[float, Field(ge=0, le=1)]
Error = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _with_epochs(recipe: dict[str, Any]) -> dict[str, Any]:
    epochs = recipe.get("epochs")
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs is {epochs!r}, not a number of them")
    return recipe


@dataclass(frozen=True)
class LookPlan:
    """How the designs of a front are trained again. Accuracies of one plan can be compared, of two plans not.

    Attributes:
        recipe: `dse.training.recipe.Recipe` as a dict.
        seeds: Of the trainings of each design.
        training: Digest of the training's own code.

    """

    recipe: Annotated[dict[str, Any], AfterValidator(_with_epochs)]
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    training: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def attribute(self, trial: int) -> str:
        """Return the user attribute of a study that holds what this plan found of a trial's design."""
        return f"{PLAN} {self.digest[:16]} {trial}"

    def __str__(self) -> str:
        epochs = self.recipe["epochs"]
        each = f"{epochs} epoch{'' if epochs == 1 else 's'}"
        return f"{each}, one seed" if len(self.seeds) == 1 else f"{each}, mean of {len(self.seeds)} seeds"


@dataclass(frozen=True, slots=True)
class RefinedAccuracy:
    """Accuracies of one design, trained longer: means over the seeds and their standard errors, 0..1.

    Attributes:
        accuracy: On the validation images.
        standard_error: Of it, for the number of images and the spread of the seeds (`dse.uncertainty`).
        test_accuracy: On the test images.
        test_standard_error: Of it.
        accuracies: On the validation images, one a seed.

    """

    accuracy: Share
    standard_error: Error
    test_accuracy: Share
    test_standard_error: Error
    accuracies: tuple[Share, ...] = ()

    @property
    def measured(self) -> MeasuredAccuracy:
        """Accuracy on the validation images with its standard error."""
        return MeasuredAccuracy(self.accuracy, self.standard_error)


@dataclass(frozen=True)
class SecondLook:
    """What the latest second look found.

    Attributes:
        plan: What it followed; None: there was none yet.
        accuracies: Of the designs that it has finished, by the number of their trial.

    """

    plan: LookPlan | None = None
    accuracies: Mapping[int, RefinedAccuracy] = field(default_factory=dict)


_plan_adapter = TypeAdapter(LookPlan)
_accuracy_adapter = TypeAdapter(RefinedAccuracy)


def read_second_look(study: optuna.Study, plan: LookPlan | None = None) -> SecondLook:
    """Return what the latest look found, or what one by `plan` did.

    Raises StorageError for a damaged attribute.
    """
    attributes = study.user_attrs
    if plan is None:
        if PLAN not in attributes:
            return SecondLook()
        plan = _read(study, PLAN, attributes[PLAN], _plan_adapter)
    prefix = plan.attribute(0).removesuffix("0")
    numbers = (name.removeprefix(prefix) for name in attributes if name.startswith(prefix))
    found = {
        int(number): _read(study, f"{prefix}{number}", attributes[f"{prefix}{number}"], _accuracy_adapter)
        for number in numbers
        if number.isdecimal()
    }
    return SecondLook(plan, found)


def write_accuracy(study: optuna.Study, plan: LookPlan, trial: int, found: RefinedAccuracy) -> None:
    """Write down what a plan found of a trial's design."""
    study.set_user_attr(plan.attribute(trial), asdict(found))


def write_plan(study: optuna.Study, plan: LookPlan) -> None:
    """Make a plan that of the latest look, whose accuracies are shown."""
    study.set_user_attr(PLAN, asdict(plan))


def _read(study: optuna.Study, name: str, value: Any, adapter: TypeAdapter[Value]) -> Value:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise StorageError(
            f"study {study.study_name!r}: damaged attribute {name!r}{f', {where}' if where else ''}: {first['msg']}; "
            "take the storage from a copy of it"
        ) from error
