"""Turns of the workers of one study: whatever begins or ends a trial happens in one worker at a time.

So the budget is met exactly, no design is proposed twice, and a dead worker's trial is queued again once, on any
storage. Each kind of lock is let go by the system when its holder dies, so that no time-out has to be guessed:

- PostgreSQL: an advisory lock of the database's session;
- a SQLite or journal file: a lock on a file beside it, `flock`, which reaches over NFS on Linux.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Connection, Engine, text

PAUSE: Final = 0.02
"""Seconds between two tries to take a lock; it is held for some ten milliseconds a trial."""

TAKE: Final = text(
    "SELECT pg_try_advisory_lock(:key), set_config('tcp_keepalives_idle', '30', false),"
    " set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)"
)
"""Takes PostgreSQL's lock, and has the server notice within a minute that a machine is gone; its default is hours."""

GIVE_BACK: Final = text("SELECT pg_advisory_unlock(:key)")


class StudyLock(Protocol):
    """A lock that one process can hold at a time."""

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it, and return whether it was taken."""

    def release(self) -> None:
        """Let go of the lock."""


@contextmanager
def held(lock: StudyLock, check: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock inside the block; `check` is called while it is waited for and may raise."""
    while not lock.try_acquire():
        check()
        time.sleep(PAUSE)
    try:
        yield
    finally:
        lock.release()


class FileLock:
    """A lock on a file, which is made if need be and stays: deleting it would let two processes lock two files.

    Args:
        path: The file.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; raises OSError if the file cannot be made or locked."""
        handle = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class PostgresLock:
    """An advisory lock of PostgreSQL.

    Args:
        engine: Connects to the database.
        name: Name of the study.

    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        digest = hashlib.sha256(f"bnn-dse study {name}".encode()).digest()
        self._key = {"key": int.from_bytes(digest[:8], signed=True)}
        self._connection: Connection | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; raises SQLAlchemyError if the database cannot be reached."""
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if not connection.execute(TAKE, self._key).one()[0]:
            connection.close()
            return False
        self._connection = connection
        return True

    def release(self) -> None:
        """Let go of the lock."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with connection:
                connection.execute(GIVE_BACK, self._key)
