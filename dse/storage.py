"""Opens the storage of studies and the studies in it, and turns what can go wrong there into one line."""

from __future__ import annotations

import json
import os
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import JournalStorage, RDBStorage
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from dse.errors import StorageError, UsageError, one_line
from dse.journal import open_journal
from dse.measures import Measure
from dse.study_lock import FileLock, PostgresLock, StudyLock

FORMAT: Final = 3
"""Version of the attributes that this package writes on studies and trials."""

MADE_WITH: Final = frozenset({"spec", "space", "conventional", "first", "latency_scope", "chance_accuracy", "digests"})
"""The attributes that a study is made with, before its format is written."""

LOCK_TIMEOUT: Final = 10.0
"""Seconds that a SQLite storage may be locked by another process before the command gives up."""

JOURNAL: Final = "journal:"
"""Begins the location of a journal file."""

POSTGRESQL: Final = "postgresql+psycopg"
"""What a URL of PostgreSQL means: the driver of the extra `postgresql` of pyproject.toml."""

SQLITE_HEADER: Final = b"SQLite format 3\0"


class StudyStorage:
    """An opened storage.

    Args:
        location: Path of a SQLite file, `journal:PATH` for a journal file, or a database URL as SQLAlchemy takes it.
        must_exist: Refuse a file that does not exist instead of making it.
        lock_timeout: Seconds to wait for a SQLite file that another process has locked.

    Raises UsageError for a malformed location and StorageError if the storage cannot be opened.

    """

    def __init__(self, location: str, *, must_exist: bool = False, lock_timeout: float = LOCK_TIMEOUT) -> None:
        self.location = location
        self._shown = display_name(location)
        check_location(location, must_exist=must_exist)
        with self.errors():
            self._storage = _open(location, lock_timeout, must_exist=must_exist)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the database's errors inside the block into a StorageError of one line."""
        try:
            yield
        except (ArgumentError, NoSuchModuleError) as error:
            raise UsageError(
                f"storage {self._shown!r}: give the path of a SQLite file, journal:PATH or a URL such as "
                f"postgresql://user@host/database ({one_line(error)})"
            ) from error
        except (StorageInternalError, SQLAlchemyError, sqlite3.Error, json.JSONDecodeError) as error:
            raise StorageError(f"storage {self._shown}: {explain_storage_error(error)}") from error
        except ImportError as error:
            driver = getattr(error.__cause__, "name", None) or "of this URL"
            what = "'bnn-dse[postgresql]'" if driver == "psycopg" else driver
            raise StorageError(
                f"storage {self._shown}: the database driver {driver} is not installed: pip install {what}"
            ) from error
        except RuntimeError as error:
            if "optuna" not in str(error):
                raise
            raise StorageError(f"storage {self._shown}: {one_line(error)}") from error

    def lock(self, name: str) -> StudyLock:
        """Return the lock that the workers of a study take turns with.

        Raises UsageError for a database whose locks this package does not know: studies can be read there, not run.
        """
        path = storage_file(self.location)
        if path is not None:
            return FileLock(path.with_name(f"{path.name}.turn"))
        if isinstance(self._storage, RDBStorage) and self._storage.engine.name == "postgresql":
            return PostgresLock(self._storage.engine, name)
        raise UsageError(
            f"storage {self._shown}: studies run in SQLite files, journal files and PostgreSQL: choose one of them"
        )

    def names(self) -> list[str]:
        """Return the names of the studies in the storage."""
        with self.errors():
            return optuna.get_all_study_names(self._storage)

    def find(self, name: str) -> optuna.Study | None:
        """Return the study of that name, or None if there is none or its making was interrupted.

        Raises UsageError if it is not one that this version reads.
        """
        study = self._load(name)
        with self.errors():
            if study is None or is_unfinished(study):
                return None
            check_format(study)
        return study

    def open(self, name: str | None) -> optuna.Study:
        """Return the study of that name, or the only one if `name` is None.

        Raises UsageError if there is no such study, if several could be meant, or if this version cannot read it.
        """
        names = self.names()
        if name is None and len(names) == 1:
            name = names[0]
        if name is None and names:
            raise UsageError(f"{self._shown} holds several studies: choose one with --name: {', '.join(names)}")
        study = self._load(name) if name is not None else None
        if study is None:
            held = f"it holds {', '.join(names)}" if names else "it holds none: make one with dse study run"
            raise UsageError(f"no study {name or ''!r} in {self._shown}: {held}")
        with self.errors():
            check_format(study)
        return study

    def create(self, name: str, attributes: Mapping[str, Any], objectives: Sequence[Measure]) -> optuna.Study:
        """Make a study with these objectives and user attributes, and return it.

        One whose making was interrupted is deleted; whoever may make it at the same time holds the study's lock.
        """
        directions = [objective.direction for objective in objectives]
        left = self._load(name)
        with self.errors():
            if left is not None and is_unfinished(left):
                optuna.delete_study(study_name=name, storage=self._storage)
            study = optuna.create_study(study_name=name, storage=self._storage, directions=directions)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                study.set_metric_names(list(map(str, objectives)))
            for attribute, value in attributes.items():
                study.set_user_attr(attribute, value)
            # Last, so that a study whose making was interrupted is told from a complete one.
            study.set_user_attr("format", FORMAT)
        return study

    def _load(self, name: str) -> optuna.Study | None:
        if name not in self.names():
            return None
        with self.errors():
            return optuna.load_study(study_name=name, storage=self._storage)


def is_unfinished(study: optuna.Study) -> bool:
    """Return whether `study` is as an interrupted making leaves it: without trials, format and foreign attributes."""
    return study.user_attrs.keys() <= MADE_WITH and not study.get_trials(deepcopy=False)


def check_format(study: optuna.Study) -> None:
    """Raise UsageError unless this version of the package can read `study`."""
    found = study.user_attrs.get("format")
    if found is None and is_unfinished(study):
        raise UsageError(
            f"study {study.study_name!r} is empty: its making was interrupted, or it was not made by dse: "
            "make it anew with dse study run, or give another --name"
        )
    if found is None:
        raise UsageError(f"study {study.study_name!r} was not made by dse: give another --name or --storage")
    if isinstance(found, int) and found < FORMAT:
        raise UsageError(
            f"study {study.study_name!r} has format {found}, which writes designs in another way, and this version "
            f"of bnn-dse reads {FORMAT}: run it anew with another --name; its trainings are in the cache still"
        )
    if found != FORMAT:
        raise UsageError(
            f"study {study.study_name!r} has format {found} and this version of bnn-dse reads {FORMAT}: "
            "update bnn-dse, or start a new study with another --name"
        )


def sqlite_path(location: str) -> Path | None:
    """Return the file of a SQLite location, or None where `location` is another kind of storage."""
    if journal_path(location) is not None:
        return None
    if "://" not in location:
        return Path(location)
    return Path(make_url(location).database or "") if location.startswith("sqlite:///") else None


def journal_path(location: str) -> Path | None:
    """Return the file of a location `journal:PATH`, or None for any other."""
    return Path(location.removeprefix(JOURNAL)) if location.startswith(JOURNAL) else None


def display_name(storage: str) -> str:
    """Return how a storage may be called on pages and in logs: without the password of a URL."""
    if "://" not in storage:
        return storage
    try:
        return make_url(storage).render_as_string(hide_password=True)
    except ArgumentError:
        return storage.partition("://")[0] + "://…"


def storage_file(location: str) -> Path | None:
    """Return the SQLite or journal file of a location, or None for the URL of a database server."""
    return journal_path(location) or sqlite_path(location)


def is_missing(location: str) -> bool:
    """Return whether the location is that of a file that does not exist yet."""
    path = storage_file(location)
    return path is not None and not path.exists()


def check_location(location: str, *, must_exist: bool = False) -> None:
    """Refuse a file that cannot be opened or made, in words that the storage's own errors lack; make nothing.

    Raises UsageError for a file that is missing but must exist, StorageError for anything else.
    """
    path = storage_file(location)
    if path is None:
        return
    if path.is_dir():
        raise StorageError(f"storage {path} is a directory: give the path of a file in it")
    if not path.parent.is_dir():
        raise StorageError(f"storage {path}: there is no directory {path.parent}: make it first")
    if not path.exists():
        if must_exist:
            raise UsageError(f"there is no storage {path}: give the path of a study's database, or run dse study run")
        if not os.access(path.parent, os.W_OK):
            raise StorageError(f"storage {path}: the directory {path.parent} is not writable: choose another one")
        return
    _check_kind(location, path)


def _check_kind(location: str, path: Path) -> None:
    """Refuse a file that is not what the location says."""
    try:
        with path.open("rb") as file:
            header = file.read(len(SQLITE_HEADER))
    except OSError as error:
        raise StorageError(f"cannot open storage {path}: {error.strerror}") from error
    if header == b"":
        return
    if journal_path(location) is not None:
        if not header.startswith(b"{"):
            raise StorageError(f"storage {path} is not a journal of studies: give another path")
    elif header != SQLITE_HEADER:
        hint = f"write {JOURNAL}{path}" if header.startswith(b'{"op_code"') else "give another path"
        raise StorageError(f"storage {path} is not a SQLite database: {hint}")


def _open(location: str, lock_timeout: float, *, must_exist: bool) -> RDBStorage | JournalStorage:
    """Open a storage; one that must exist gets no tables, as many workers that made them at once would fail."""
    if (path := journal_path(location)) is not None:
        return open_journal(path)
    if (path := sqlite_path(location)) is not None:
        # Some characters of a path mean something in a URL.
        url = location if "://" in location else URL.create("sqlite", database=str(path)).render_as_string()
        engine = {"connect_args": {"timeout": lock_timeout}}
        return RDBStorage(url, engine_kwargs=engine, skip_table_creation=must_exist)
    # Hours may pass between two uses of a connection: one that was lost meanwhile is replaced.
    return RDBStorage(server_url(location), engine_kwargs={"pool_pre_ping": True}, skip_table_creation=must_exist)


def server_url(location: str) -> str:
    """Return the URL of a database server; PostgreSQL's with the driver that this package names, if it names none."""
    scheme, separator, rest = location.partition("://")
    return f"{POSTGRESQL}{separator}{rest}" if scheme in ("postgres", "postgresql") else location


def explain_storage_error(error: BaseException) -> str:
    """Return the database driver's own words for what went wrong; the layers above it say less."""
    while error.__cause__ is not None:
        error = error.__cause__
    text = one_line(getattr(error, "orig", None) or error)
    if "no such table" in text or ("relation" in text and "does not exist" in text):
        return f"{text}: it holds no studies, or is damaged: begin one with dse study run"
    if "locked" in text:
        return f"{text}: another program is writing to it; close that, or try again"
    if "full" in text:
        return f"{text}: make room and run the same command again"
    if "malformed" in text:
        return f"{text}: it is damaged; go on from a copy"
    if "readonly" in text or "unable to open" in text:
        return f"{text}: check the permissions of the file and its folder"
    return text
