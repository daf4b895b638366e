"""The options of `dse train` that say what to train: the parts of a design, or a trial of a study that has one."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from dse.design import Design
    from dse.training_subject import TrainingSubject

Choice = TypeVar("Choice", bound=StrEnum)

NetworkToTrain = Annotated[
    str | None, typer.Option("--network", help="Network to train, see dse network list (default: tiny).")
]
WidthFactor = Annotated[float | None, typer.Option("--width", help="Factor on the channel counts (default: 1).")]
DepthFactor = Annotated[
    float | None, typer.Option("--depth", help="Factor on the blocks of each of the network's stages (default: 1).")
]
InputSize = Annotated[
    int | None,
    typer.Option(
        "--input-size", min=1, help="Rows and columns that images are made smaller to (default: as they are)."
    ),
]
Maps = Annotated[
    str | None, typer.Option("--maps", help="Feature maps between binary layers: float32 or int8 (default: float32).")
]
DatasetName = Annotated[
    str | None,
    typer.Option("--dataset", help="Images to train on; see dse study run --help (default: fashion-mnist-small)."),
]
Accumulator = Annotated[
    int | None, typer.Option("--accumulator", help="Bits of the accumulators: 8, 16 or 32 (default: 32).")
]
OverflowPolicy = Annotated[
    str | None,
    typer.Option("--overflow", help="What sums beyond them do: exact, saturate, wrap or running (default: exact)."),
]
Clip = Annotated[int | None, typer.Option("--clip", min=0, help="Clip sums to -N..N; 0: no clip (default: 0).")]
TrialNumber = Annotated[
    int | None,
    typer.Option(
        "--trial", min=0, help="Train the design of this trial of a study, instead of one of the options above."
    ),
]


@dataclass(frozen=True, slots=True)
class DesignOptions:
    """The options as they were given; None: left out."""

    network: str | None
    width: float | None
    depth: float | None
    input_size: int | None
    maps: str | None
    repairs: str | None
    dataset: str | None
    accumulator: int | None
    overflow: str | None
    clip: int | None

    @property
    def given(self) -> list[str]:
        """Names of those that were given."""
        names = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        return [f"--{name.replace('_', '-')}" for name in names]


def subject_of_options(options: DesignOptions, trial: int | None, storage: str, study: str | None) -> TrainingSubject:
    """Return what to train; raises UsageError if options are malformed or do not go together."""
    from dse.data import DEFAULT_DATASET
    from dse.errors import UsageError
    from dse.networks import DEFAULT_NETWORK
    from dse.training_subject import named_subject, trial_subject

    if trial is None:
        if study is not None:
            raise UsageError("--name is the study that --trial belongs to: give both")
        network = options.network or DEFAULT_NETWORK
        return named_subject(network, _design(options, network), options.dataset or DEFAULT_DATASET)
    if options.given:
        raise UsageError(f"trial {trial} says what to train: leave out {', '.join(options.given)}")
    from dse.cli.open_study import open_study

    return trial_subject(open_study(storage, study), trial)


def _design(options: DesignOptions, network: str) -> Design:
    from dse.design import Design, NetworkChoice, Sums
    from dse.networks import FeatureMaps, Repairs, default_repairs
    from kernels_asm import Overflow

    own = default_repairs(network)
    choice = NetworkChoice(
        width_multiplier=1.0 if options.width is None else options.width,
        maps=_one_of("--maps", options.maps or FeatureMaps.FLOAT32, FeatureMaps),
        depth_multiplier=1.0 if options.depth is None else options.depth,
        input_size=options.input_size,
        repairs=None if options.repairs is None else Repairs.parse(options.repairs, own),
    )
    overflow = _one_of("--overflow", options.overflow or Overflow.EXACT, Overflow)
    accumulator = 32 if options.accumulator is None else options.accumulator
    return Design(choice, (Sums(accumulator, overflow, options.clip or None),))


def _one_of(option: str, text: str, kind: type[Choice]) -> Choice:
    """Return the member of that name; raises UsageError for any other text."""
    from dse.errors import UsageError

    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is unknown; known: {', '.join(kind)}") from None
