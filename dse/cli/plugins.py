"""Commands that other packages add to `dse`, by the entry point group `bnn_dse.commands`.

`dse` must not import the packages above it; they announce their commands here instead. An entry point names a function
with typer's annotations, and its module should import little, because every start of `dse` loads it.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

import typer

GROUP = "bnn_dse.commands"


def add_plugins(app: typer.Typer) -> None:
    """Add every announced command to `app`; one that cannot be loaded says so when it is run."""
    for entry_point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            command = entry_point.load()
        except Exception as error:
            command = _broken(entry_point, error)
        app.command(entry_point.name)(command)


def _broken(entry_point: EntryPoint, error: Exception) -> object:
    from dse.errors import DseError, one_line

    message = f"command {entry_point.name!r} cannot be loaded from {entry_point.value}: {one_line(error)}"

    def command() -> None:
        """Not available: the package that provides this command cannot be loaded."""
        raise DseError(message) from error

    return command
