"""Every study of a storage that can be read, for views that compare studies."""

from __future__ import annotations

import threading

import optuna
from optuna.storages import BaseStorage

from dashboards.source import StudySource
from dashboards.storage import STORAGE_ERRORS
from dse.errors import DseError
from dse.results import StudyResults
from dse.study_reader import StudyReader


class AllStudies:
    """The studies of a storage, read once for each of its states. Safe from several threads."""

    def __init__(self, source: StudySource) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._storage: BaseStorage | None = None
        self._readers: dict[str, StudyReader] = {}
        self._state: str | None = None
        self._studies: tuple[StudyResults, ...] = ()

    def read(self, state: str) -> tuple[StudyResults, ...]:
        """Return the studies, by name; those that this version does not read, and all if none can be, are left out."""
        with self._lock:
            if state != self._state:
                try:
                    self._studies, self._state = self._read(), state
                except (DseError, *STORAGE_ERRORS):  # the page says so where it shows the study itself
                    self._studies, self._readers = (), {}
            return self._studies

    def _read(self) -> tuple[StudyResults, ...]:
        storage = self._source.opened()
        if storage is not self._storage:
            self._storage, self._readers = storage, {}
        names = [] if storage is None else sorted(study.study_name for study in storage.get_all_studies())
        if storage is None or len(names) < 2:
            return ()
        found = []
        for name in names:
            try:
                found.append(self._reader(name, storage).read())
            except DseError:
                continue
        return tuple(found)

    def _reader(self, name: str, storage: BaseStorage) -> StudyReader:
        if name not in self._readers:
            self._readers[name] = StudyReader(optuna.load_study(study_name=name, storage=storage))
        return self._readers[name]
