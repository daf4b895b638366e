"""Opening an Optuna storage to read only: nothing is created, nothing can be changed."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import optuna
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from dse.errors import DseError, StorageError, UsageError, one_line
from dse.journal import open_journal
from dse.storage import display_name, journal_path, server_url, storage_file

LOCK_TIMEOUT_S = 2.0
"""How long a read waits for a writer that holds the whole SQLite file."""

STORAGE_ERRORS = (
    SQLAlchemyError,
    sqlite3.Error,
    optuna.exceptions.OptunaError,
    RuntimeError,  # a storage of another version of Optuna
    ImportError,  # the database's driver is not installed
    KeyError,  # the study was deleted
    OSError,
)
"""What reading a storage raises when the storage, not the program, is at fault."""


def open_storage(storage: str) -> BaseStorage:
    """Open `storage` for reading.

    Args:
        storage: A SQLite file, `journal:PATH`, or any database URL that Optuna takes.

    Raises:
        UsageError: The file does not exist or the URL is malformed.
        StorageError: What is there cannot be read as an Optuna storage.

    """
    path = storage_file(storage)
    arguments: dict[str, Any] = {}
    if path is None:
        url = server_url(storage)
    else:
        if not path.is_file():
            what = "is not a file" if path.exists() else "does not exist; start a study with `dse study run`"
            raise UsageError(f"storage {display_name(storage)} {what}")
        # By the URL alone it would be a database in memory, whose pool closes connections that other threads read from.
        url, arguments = "sqlite:///", {"creator": lambda: _connect(path), "poolclass": QueuePool}
    try:
        if path is not None and journal_path(storage) is not None:
            return open_journal(path)
        return RDBStorage(url, engine_kwargs=arguments, skip_table_creation=True)
    except STORAGE_ERRORS as error:
        raise explain(storage, error) from error


def explain(storage: str, error: BaseException) -> DseError:
    """Return the one-line error for what reading `storage` raised."""
    name = display_name(storage)
    cause = _root(error)
    text = one_line(cause)
    if "no such table" in text:
        return StorageError(f"storage {name} holds no Optuna study")
    if "not a database" in text or "malformed" in text:
        return StorageError(f"storage {name} is not a SQLite database, or is damaged")
    if "locked" in text or "busy" in text:
        return StorageError(f"storage {name} is locked by another program")
    if "readonly" in text:
        return StorageError(f"storage {name} was left in the middle of a write; resuming the study repairs it")
    if isinstance(cause, KeyError):
        return StorageError(f"storage {name}: the study is gone")
    return StorageError(f"storage {name} cannot be read: {text}")


def _connect(path: Path) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=LOCK_TIMEOUT_S, check_same_thread=False)


def _root(error: BaseException) -> BaseException:
    original = getattr(error, "orig", None)
    deeper = original if isinstance(original, BaseException) else error.__cause__
    return error if deeper is None else _root(deeper)
