"""Every study of a storage that can be read, for views that compare studies."""

from __future__ import annotations

import threading

import optuna

from dashboards.storage import STORAGE_ERRORS, open_storage
from dse.errors import DseError
from dse.results import StudyResults, read_results


class AllStudies:
    """The studies of a storage, read once for each revision of the one that is shown. Safe from several threads."""

    def __init__(self, storage: str) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._revision: str | None = None
        self._studies: tuple[StudyResults, ...] = ()

    def read(self, revision: str) -> tuple[StudyResults, ...]:
        """Return the studies, by name; those that this version does not read, and all if none can be, are left out."""
        with self._lock:
            if revision != self._revision:
                try:
                    self._studies, self._revision = self._read(), revision
                except (DseError, *STORAGE_ERRORS):  # the page says so where it shows the study itself
                    self._studies = ()
            return self._studies

    def _read(self) -> tuple[StudyResults, ...]:
        storage = open_storage(self._storage)
        names = sorted(study.study_name for study in storage.get_all_studies())
        if len(names) < 2:
            return ()
        found = []
        for name in names:
            try:
                found.append(read_results(optuna.load_study(study_name=name, storage=storage)))
            except DseError:
                continue
        return tuple(found)
