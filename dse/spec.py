"""What a study is about: every setting with its unit, range and default, and which of them a later run may change.

Each field's description is the comment that `dse study init` writes behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from dse.constraints import Constraint
from dse.errors import UsageError, one_line
from dse.goal import DEFAULT_OBJECTIVES, Goal
from dse.measures import Measure
from dse.networks.catalogue import LARGEST_MULTIPLIER
from dse.networks.feature_maps import FeatureMaps
from dse.recipe_text import differing_entries
from dse.seed import LARGEST_SEED
from dse.space import ACCUMULATORS, CLIPS, OVERFLOWS, WIDTH_MULTIPLIERS
from dse.training.quick_recipe import HONEST, QuickRecipe
from dse.training.recipe import Optimiser, Recipe
from dse.training.schedules import Schedule
from dse.training.stages import STAGES
from kernels_asm import Overflow

CHANGEABLE: Final = frozenset({"trials", "until_stalled", "enqueue", "data_dir", "train_all", "accuracy_at_most"})
"""Fields that a later run may change: when it stops, what it begins with, what it spares, and where its files lie."""

_SCRATCH = Recipe()


class SamplerKind(StrEnum):
    """How a study proposes designs: see the table in `dse.sampler`."""

    TPE = "tpe"
    NSGA2 = "nsga2"
    NSGA3 = "nsga3"
    GP = "gp"
    RANDOM = "random"
    GRID = "grid"


def _measure(text: str) -> str:
    try:
        return str(Measure.parse(text))
    except UsageError as error:
        raise ValueError(str(error)) from error


def _constraint(text: str) -> str:
    try:
        return str(Constraint.parse(text))
    except UsageError as error:
        raise ValueError(str(error)) from error


def _no_crop_or_two(scale: tuple[float, ...]) -> tuple[float, ...]:
    if len(scale) not in (0, 2):
        raise ValueError("give two shares of the area, or [] for no crops")
    return scale


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Multiplier = Annotated[float, Field(gt=0, le=LARGEST_MULTIPLIER, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, lt=1)]
Clip = Annotated[int, Field(ge=0, le=32_767)]
Accumulator = Literal[8, 16, 32]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


class ParameterRanges(_Table):
    """Values that designs choose from; those of the conventional flow must be among them."""

    widths: tuple[Multiplier, ...] = Field(
        default=WIDTH_MULTIPLIERS,
        description="factors on the network's channel counts, above 0, at most 16; 1 must be among them",
    )
    accumulators: tuple[Accumulator, ...] = Field(
        default=ACCUMULATORS,
        description="bits of the kernels' accumulators: 8, 16, 32; 32 must be among them",
    )
    overflows: tuple[Overflow, ...] = Field(
        default=OVERFLOWS,
        description="what accumulators below 32 bits do: exact, saturate, wrap, running; exact is needed",
    )
    clips: tuple[Clip, ...] = Field(
        default=CLIPS,
        description="sums are clipped to -clip..clip, 0 to 32767; 0 is no clip and must be among them",
    )
    maps: tuple[FeatureMaps, ...] = Field(
        default=tuple(FeatureMaps),
        description="feature maps between layers: float32, int8; float32 must be among them",
    )
    depths: tuple[Multiplier, ...] = Field(
        default=(1.0,),
        description="factors on the blocks of the network's stages, above 0, at most 16; 1 must be among them",
    )
    input_sizes: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        default=(0,),
        description="rows and columns that images are made smaller to; 0 leaves them and must be among them",
    )
    repairs: tuple[str, ...] = Field(
        default=("",),
        description='options of binary blocks, such as "activation=prelu" (dse train --help); "" is needed: the usual',
    )
    per_layer: bool = Field(
        default=False,
        description="choose accumulator, overflow and clip for each binary layer, not once for all",
    )


class QuickTable(_Table):
    """The quick run, which ranks designs."""

    images: int = Field(
        default=HONEST.images,
        ge=0,
        description="images that a training looks at, repeated ones included",
    )
    learning_rate: Positive = Field(default=HONEST.learning_rate, description="peak of the one cycle, above 0")
    batch_size: int = Field(default=HONEST.batch_size, ge=2, description="images in a step, at least 2")
    warmup: Share = Field(default=HONEST.warmup, description="share of the steps that rise to the peak, 0 to below 1")
    flip: bool = Field(default=HONEST.flip, description="mirror images at random")
    shift: int = Field(default=HONEST.shift, ge=0, description="move images at random by up to so many pixels")
    train_images: int = Field(default=0, ge=0, description="use the first so many training images alone; 0: all")


class ScratchTable(_Table):
    """A training of whole epochs from random weights."""

    epochs: int = Field(default=_SCRATCH.epochs, ge=1, description="passes over the training images, at least 1")
    train_images: int = Field(default=0, ge=0, description="use the first so many training images alone; 0: all")
    batch_size: int = Field(default=_SCRATCH.batch_size, ge=2, description="images in a step, at least 2")
    learning_rate: Positive = Field(default=_SCRATCH.learning_rate, description="peak of the schedule, above 0")
    schedule: Schedule = Field(default=_SCRATCH.schedule, description=f"of the learning rate: {', '.join(Schedule)}")
    warmup: Share = Field(
        default=_SCRATCH.warmup,
        description="share of a stage's steps that rise to the peak, 0 to below 1",
    )
    optimiser: Optimiser = Field(
        default=_SCRATCH.optimiser,
        description=f"what makes the steps: {', '.join(Optimiser)}",
    )
    weight_decay: float = Field(default=_SCRATCH.weight_decay, ge=0, allow_inf_nan=False, description="at least 0")
    momentum: float = Field(default=_SCRATCH.momentum, gt=0, lt=1, description="of sgd, between 0 and 1")
    label_smoothing: Share = Field(
        default=_SCRATCH.label_smoothing,
        description="share of the target spread over all classes",
    )
    flip: bool = Field(default=_SCRATCH.flip, description="mirror images at random")
    shift: int = Field(default=_SCRATCH.shift, ge=0, description="move images at random by up to so many pixels")
    crop_scale: Annotated[tuple[float, ...], AfterValidator(_no_crop_or_two)] = Field(
        default=(), description="least and greatest area of random crops, 0 to 1; []: none"
    )
    stages: Literal["plain", "insert-arithmetic", "two-stage"] = Field(
        default="plain", description=f"what is trained when: {', '.join(STAGES)}"
    )


class RecipeTable(_Table):
    """How designs are trained."""

    kind: Literal["quick", "scratch"] = Field(
        default="quick",
        description="which table below: the quick run, or whole epochs",
    )
    quick: QuickTable = QuickTable()
    scratch: ScratchTable = ScratchTable()

    def chosen(self) -> Recipe | QuickRecipe:
        """Return the recipe; raises UsageError if a value is out of range."""
        if self.kind == "quick":
            return _quick_recipe(self.quick)
        values = self.scratch.model_dump(mode="json")
        values |= {"train_images": values["train_images"] or None, "crop_scale": values["crop_scale"] or None}
        recipe = Recipe.from_dict(values)
        if not recipe.deployable:
            raise UsageError("recipe: its last stage leaves a network that no kernel computes: give other stages")
        return recipe


def _quick_recipe(table: QuickTable) -> QuickRecipe:
    phase = type(HONEST)(**table.model_dump(exclude={"train_images"}))
    return QuickRecipe(phase, train_images=table.train_images or None)


class StudySpec(_Table):
    """Everything that a study is about; two trials of one spec can be compared."""

    network: str = Field(default="tiny", description="network to explore: see dse network list")
    dataset: str = Field(default="fashion-mnist-small", description="images to train on: see dse study run --help")
    data_dir: str = Field(default="", description='folder of the data set\'s files, seen from where dse runs; "": none')
    core: str = Field(default="cortex-a72", description="core to time on: a name of dse core list, or a YAML file")
    objectives: tuple[Annotated[str, AfterValidator(_measure)], ...] = Field(
        default=DEFAULT_OBJECTIVES,
        description="two or more of latency_ms, latency_ms@CORE, accuracy, memory_bytes, weight_bytes, code_bytes",
    )
    constraints: tuple[Annotated[str, AfterValidator(_constraint)], ...] = Field(
        default=(),
        description='such as ["latency_ms <= 20", "accuracy >= 0.85"]; milliseconds, bytes, 0 to 1',
    )
    sampler: SamplerKind = Field(
        default=SamplerKind.TPE,
        description=f"what proposes designs: {', '.join(SamplerKind)}",
    )
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED, description="of the search and of the trainings, at least 0")
    trials: int = Field(default=40, ge=1, description="designs to evaluate in all, at least 1")
    until_stalled: int = Field(
        default=0, ge=0, description="stop after so many complete trials without hypervolume gained; 0: never"
    )
    train_all: bool = Field(
        default=False, description="train every design, also those that could hardly reach the front"
    )
    accuracy_at_most: float = Field(
        default=1.0, ge=0, le=1, description="an accuracy, 0 to 1, that no design exceeds: spares trainings"
    )
    enqueue: tuple[str, ...] = Field(
        default=(), description='designs to evaluate early, such as ["accumulator=8 clip=31 maps=int8"]'
    )
    parameters: ParameterRanges = ParameterRanges()
    overrides: dict[str, str] = Field(
        default_factory=dict, description='fields of the core to change, a line each, such as "l2.latency" = 30'
    )
    recipe: RecipeTable = RecipeTable()

    def goal(self) -> Goal:
        """Return objectives and constraints; raises UsageError if they do not go together."""
        return Goal.parse(self.objectives, self.constraints)

    def record(self, clock_hz: float) -> dict[str, Any]:
        """Return what a study keeps of its spec as JSON values: the recipe that is chosen, and the core's clock."""
        return {
            **self.model_dump(mode="json", exclude={"recipe"}),
            "clock_hz": clock_hz,
            "recipe": self.recipe.chosen().to_dict(),
        }


def stored_spec(record: Mapping[str, Any]) -> StudySpec:
    """Return the spec that `StudySpec.record` wrote; raises UsageError if this version of the package cannot."""
    values = {name: record[name] for name in StudySpec.model_fields if name in record}
    try:
        spec = StudySpec.model_validate(values | {"recipe": _recipe_table(record["recipe"])})
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"the study's spec cannot be read ({one_line(error)}): use the version that made it"
        ) from error
    if spec.recipe.chosen().to_dict() != record["recipe"]:
        raise UsageError("the study's recipe cannot be set in a spec: use the version of bnn-dse that made the study")
    return spec


def _recipe_table(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table that chooses a recipe, from the recipe's own fields."""
    if "design" in recipe:
        return {"kind": "quick", "quick": {**recipe["design"], "train_images": recipe["train_images"] or 0}}
    values = {name: recipe[name] for name in ScratchTable.model_fields}
    values |= {"train_images": values["train_images"] or 0, "crop_scale": values["crop_scale"] or ()}
    stages = {name: [stage.to_dict() for stage in named] for name, named in STAGES.items()}
    values["stages"] = next((name for name, dicts in stages.items() if dicts == values["stages"]), "other")
    return {"kind": "scratch", "scratch": values}


def check_resumes(
    study_name: str, wanted: Mapping[str, Any], stored: Mapping[str, Any], ranges: frozenset[str]
) -> None:
    """Raise UsageError, naming the first field that differs, unless a run with `wanted` continues a study of `stored`.

    Args:
        study_name: Name of the study.
        wanted: What `StudySpec.record` returns for the run.
        stored: What it returned when the study was made.
        ranges: Parameters whose ranges were asked for: the others may be what they are.

    """
    for name in (name for name in wanted if name not in CHANGEABLE | {"parameters"}):
        _require_same(study_name, name, wanted[name], stored.get(name))
    for name in sorted(ranges):
        _require_same(study_name, name, *(_in_order(record["parameters"].get(name)) for record in (wanted, stored)))


def _in_order(values: Any) -> Any:
    return sorted(values) if isinstance(values, list) else values


def _require_same(study_name: str, field: str, wanted: Any, stored: Any) -> None:
    if wanted != stored:
        if isinstance(wanted, Mapping) and isinstance(stored, Mapping):
            wanted, stored = differing_entries(wanted, stored), differing_entries(stored, wanted)
        raise UsageError(
            f"study {study_name!r} was made with {field} {_text(stored)}, not {_text(wanted)}: "
            "give the same value to continue it, or another --name to start a new study"
        )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ",".join(f"{name}={text}" for name, text in value.items()) or "none"
    return str(value)
