"""The commands that do again, outside of the dashboard, what a page shows."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from dse.recorded_kernel import RecordedKernel
from dse.storage import display_name

VERIFIED_IMAGES = 1000


def verify_command(storage: str, study: str, number: int) -> str:
    """Return the command that runs the trial's trained network through its emulated kernels."""
    return _line("dse verify --trial", number, "--storage", display_name(storage), "--name", study,
                 "--images", VERIFIED_IMAGES)  # fmt: skip


def export_command(storage: str, study: str, number: int, *options: str) -> str:
    """Return the command that writes the design of a trial to a folder, to be taken to a board."""
    return _line("dse study export", f"design-{number}", "--design", number, "--storage", display_name(storage),
                 "--name", study, *options)  # fmt: skip


def training_commands(storage: str, study: str, number: int) -> str:
    """Return the commands that train the design of a trial by the full recipe, and export it with those weights."""
    weights = f"design-{number}.safetensors"
    train = _line("dse train --trial", number, "--storage", display_name(storage), "--name", study,
                  "--recipe", "full", "--save", weights)  # fmt: skip
    return "\n".join((train, export_command(storage, study, number, "--weights", weights)))


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
    storage: str, study: str, number: int, kernels: Iterable[RecordedKernel], core: str, overrides: Mapping[str, str]
) -> str:
    """Return the commands that check a trial's network and time each of its kernels again, one a line."""
    lines = [verify_command(storage, study, number), *(kernel_command(one, core, overrides) for one in kernels)]
    return "\n".join(dict.fromkeys(lines))


def _line(command: str, *arguments: Any) -> str:
    return " ".join([command, *(shlex.quote(str(argument)) for argument in arguments)])
