"""The study behind the pages: read when its storage has changed, kept otherwise."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from dashboards.storage import STORAGE_ERRORS, explain, open_storage
from dse.errors import DseError, UsageError
from dse.results import StudyResults
from dse.storage import display_name, storage_file
from dse.study_reader import StudyReader

DATABASE_LOOK_S = 10.0
"""How often studies of a database besides the one that is shown are read: nothing there tells cheaply of a change."""

CLOCK_TICK_S = 1.0
"""A file changed this recently may change again without its time stamp moving, so it is read again."""

FileStamp = tuple[int, int, int]
"""Inode, size and modification time in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study as last read. `revision` differs whenever `results` does, across restarts of the server too.

    `study_attributes` and `trial_attributes` are what the storage holds, unchecked: `dashboards.trial_record` reads it.
    """

    results: StudyResults
    revision: str
    study_attributes: Mapping[str, Any] = field(default_factory=dict)
    _trials: Sequence[FrozenTrial] = ()

    def trial_attributes(self, number: int) -> Mapping[str, Any]:
        """Return the user attributes of a trial, none for a number that there is not."""
        trial = self._trials[number] if number < len(self._trials) else None
        return trial.user_attrs if trial is not None else {}


class StudySource:
    """One study of a storage. Safe to call from several threads."""

    def __init__(self, storage: str, study_name: str | None) -> None:
        self.storage = storage
        self._study_name = study_name
        self._run = uuid4().hex[:8]
        self._lock = threading.Lock()
        self._opened: BaseStorage | None = None
        self._reader: StudyReader | None = None
        self._stamps: tuple[FileStamp, ...] = ()
        self._settled = False
        self._snapshot: Snapshot | None = None
        self._count = 0

    def snapshot(self) -> Snapshot:
        """Return the study as it is now; does not touch the database if its file has not changed.

        Raises:
            DseError: The storage is missing, locked or damaged, or does not hold the study. The message is one line.

        """
        with self._lock:
            try:
                return self._read()
            except DseError:
                self._forget()
                raise
            except STORAGE_ERRORS as error:
                self._forget()
                raise explain(self.storage, error) from error

    def last(self) -> Snapshot | None:
        """Return the last snapshot that could be read, without looking at the storage."""
        return self._snapshot

    def storage_state(self) -> str:
        """Return a text that changes when the storage as last looked at does, or may have if it is a database."""
        return repr((self._stamps, self._settled)) if self._stamps else f"{time.monotonic() // DATABASE_LOOK_S:.0f}"

    def opened(self) -> BaseStorage | None:
        """Return the storage in which the study was last read: to open a long journal anew takes seconds."""
        return self._opened

    def _read(self) -> Snapshot:
        stamps = self._file_stamps()
        if self._snapshot and self._settled and stamps == self._stamps:
            return self._snapshot
        if self._reader is None or _replaced(stamps, self._stamps):
            self._reader = self._open()
        self._stamps, self._settled = stamps, _settled(stamps)
        results = self._reader.read()
        if self._snapshot is None or self._snapshot.results != results:
            self._count += 1
            self._snapshot = Snapshot(
                results,
                f"{self._run}-{self._count}",
                dict(self._reader.study.user_attrs),
                self._reader.study.get_trials(deepcopy=False),
            )
        return self._snapshot

    def _open(self) -> StudyReader:
        self._opened = storage = open_storage(self.storage)
        return StudyReader(optuna.load_study(study_name=self._choose(storage), storage=storage))

    def _choose(self, storage: BaseStorage) -> str:
        names = [study.study_name for study in storage.get_all_studies()]
        where = display_name(self.storage)
        listed = ", ".join(names)
        if self._study_name in names:
            return self._study_name
        if self._study_name is not None:
            raise UsageError(f"storage {where} has no study {self._study_name!r}; it has: {listed or 'none'}")
        if len(names) == 1:
            return names[0]
        if not names:
            raise UsageError(f"storage {where} holds no study yet")
        raise UsageError(f"storage {where} holds {len(names)} studies, choose one with --name: {listed}")

    def _file_stamps(self) -> tuple[FileStamp, ...]:
        path = storage_file(self.storage)
        if path is None:
            return ()
        files = (path, path.with_name(path.name + "-wal"))
        return tuple(_stamp(file) for file in files if file.exists())

    def _forget(self) -> None:
        self._opened = self._reader = None
        self._stamps = ()
        self._settled = False


def _stamp(path: Path) -> FileStamp:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _settled(stamps: tuple[FileStamp, ...]) -> bool:
    return bool(stamps) and time.time() - max(stamp[2] for stamp in stamps) / 1e9 > CLOCK_TICK_S


def _replaced(stamps: tuple[FileStamp, ...], before: tuple[FileStamp, ...]) -> bool:
    """Return whether another file, or none, stands where one was read; a database, which has no stamps, never is."""
    return [stamp[0] for stamp in stamps[:1]] != [stamp[0] for stamp in before[:1]]
