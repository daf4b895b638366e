"""A training under way on disk, so that a killed process costs a minute of work and not all of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from torch import Tensor

from dse.atomic_file import replace_file
from dse.errors import CacheError
from dse.training.safetensors_file import DamagedFileError, pack, unpack

FORMAT: Final = 1
"""Version of the file's layout; a file with another one is refused."""

SECONDS_BETWEEN: Final = 60.0
"""The longest that a training goes on without a checkpoint, a step and an evaluation apart."""

_ENTRY = "checkpoint"
_START_ANEW = "to start anew, delete it (dse train: give --restart)"


class CheckpointError(CacheError):
    """A checkpoint is damaged, belongs to another training, or cannot be read or written."""


@dataclass(frozen=True, eq=False)
class TrainingState:
    """Everything that the next step of a training depends on, but for its arguments.

    Attributes:
        tensors: Weights, optimiser, random numbers, by name.
        position: Where it stands, as JSON values.

    """

    tensors: dict[str, Tensor]
    position: dict[str, Any]


class Checkpoint:
    """The file that keeps one training.

    Args:
        path: The file; its folder is made on the first write.
        key: What the training depends on, as JSON values; a file with another key is refused.
        seconds_between: How often to write within an epoch.

    """

    def __init__(self, path: Path, key: Mapping[str, Any], seconds_between: float = SECONDS_BETWEEN) -> None:
        self.path = path
        self._key = dict(key)
        self._seconds_between = seconds_between
        self._written = time.monotonic()

    @property
    def due(self) -> bool:
        """Whether the last write is so long ago that it is time for another."""
        return time.monotonic() - self._written >= self._seconds_between

    def save(self, state: TrainingState) -> None:
        """Write `state` over what is there; raises CheckpointError if that fails."""
        description = {"format": FORMAT, "key": self._key, "position": state.position}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(self.path, pack(_ENTRY, description, state.tensors))
        except OSError as error:
            raise CheckpointError(
                f"checkpoint {self.path}: cannot be written ({error.strerror}): make room, or name another folder"
            ) from error
        self._written = time.monotonic()

    def load(self) -> TrainingState | None:
        """Return the state that was saved last, or None if there is no file.

        Raises:
            CheckpointError: The file is damaged, of another version, or of another training.

        """
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CheckpointError(f"checkpoint {self.path}: cannot be read ({error.strerror})") from error
        try:
            description, tensors = unpack(_ENTRY, content)
        except DamagedFileError as error:
            raise CheckpointError(f"checkpoint {self.path}: damaged ({error}): {_START_ANEW}") from error
        if description.get("format") != FORMAT:
            found = description.get("format")
            raise CheckpointError(f"checkpoint {self.path}: of format {found}, not {FORMAT}: {_START_ANEW}")
        self._check_key(description["key"])
        return TrainingState(tensors, description["position"])

    def damaged(self, why: str) -> CheckpointError:
        """Return the error for a state that does not fit the training."""
        return CheckpointError(f"checkpoint {self.path}: damaged ({why}): {_START_ANEW}")

    def remove(self) -> None:
        """Delete the file if it is there; raises CheckpointError if that fails."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise CheckpointError(f"checkpoint {self.path}: cannot be deleted ({error.strerror})") from error

    def _check_key(self, found: Mapping[str, Any]) -> None:
        differing = [name for name in (*self._key, *found) if found.get(name) != self._key.get(name)]
        if differing:
            names = ", ".join(dict.fromkeys(differing))
            raise CheckpointError(
                f"checkpoint {self.path}: of another training, with another {names}: give the options that it was made "
                f"with to go on, or {_START_ANEW}"
            )
