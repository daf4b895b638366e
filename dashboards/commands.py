"""The commands that do again, outside of the dashboard, what a page shows."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.recorded_kernel import RecordedKernel
from dse.storage import display_name

VERIFIED_IMAGES = 1000


@dataclass(frozen=True, slots=True)
class StudyPlace:
    """Where a study is: storage, name, and the folder of its evaluation cache where that is not the default one."""

    storage: str
    study: str
    cache: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of a command that say so, without the password of a URL."""
        cache = () if self.cache is None else ("--cache", self.cache)
        return ("--storage", display_name(self.storage), "--name", self.study, *cache)


def verify_command(place: StudyPlace, number: int) -> str:
    """Return the command that runs the trial's trained network through its emulated kernels."""
    return _line("dse verify --trial", number, *place.options, "--images", VERIFIED_IMAGES)


def export_command(place: StudyPlace, number: int, *options: str) -> str:
    """Return the command that writes the design of a trial to a folder, to be taken to a board."""
    return _line("dse study export", f"design-{number}", "--design", number, *place.options, *options)


def training_commands(place: StudyPlace, number: int) -> str:
    """Return the commands that train the design of a trial by the full recipe, and export it with those weights."""
    weights = f"design-{number}.safetensors"
    train = _line("dse train --trial", number, *place.options, "--recipe", "full", "--save", weights)
    return "\n".join((train, export_command(place, number, "--weights", weights)))


def kernel_command(kernel: RecordedKernel, core: str, overrides: Mapping[str, str]) -> str:
    """Return the command that times a kernel."""
    shape = kernel.shape
    sizes = f"{shape.height}x{shape.width}x{shape.channels_in}x{shape.channels_out}"
    window = f"{shape.kernel_height}x{shape.kernel_width}"
    zeros = ["--padding-value", "zero"] if shape.pads_zeros else []
    changed = [part for field, value in overrides.items() for part in ("--override", f"{field}={value}")]
    return _line("dse kernel profile", kernel.variant, "--layer", sizes, "--kernel", window, "--stride", shape.stride,
                 "--padding", shape.padding, *zeros, "--core", core, *changed)  # fmt: skip


def reproduction(
    place: StudyPlace, number: int, kernels: Iterable[RecordedKernel], core: str, overrides: Mapping[str, str]
) -> str:
    """Return the commands that check a trial's network and time each of its kernels again, one a line."""
    lines = [verify_command(place, number), *(kernel_command(one, core, overrides) for one in kernels)]
    return "\n".join(dict.fromkeys(lines))


def _line(command: str, *arguments: Any) -> str:
    return " ".join([command, *(shlex.quote(str(argument)) for argument in arguments)])
