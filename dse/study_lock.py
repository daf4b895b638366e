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

KEEPALIVE: Final = ("tcp_keepalives_idle = 30", "tcp_keepalives_interval = 10", "tcp_keepalives_count = 3")
"""What the server is told, so that it learns within a minute that a whole machine is gone; two hours is its default."""


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
    """An advisory lock of PostgreSQL, held by a connection of its own.

    Args:
        engine: Connects to the database.
        name: Name of the study.

    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._key = int.from_bytes(hashlib.sha256(f"bnn-dse study {name}".encode()).digest()[:8], signed=True)
        self._connection: Connection | None = None

    def try_acquire(self) -> bool:
        """Take the lock if nobody has it; raises SQLAlchemyError if the database cannot be reached."""
        return bool(self._ask("SELECT pg_try_advisory_lock(:key)"))

    def release(self) -> None:
        """Let go of the lock."""
        self._ask("SELECT pg_advisory_unlock(:key)")

    def _ask(self, query: str) -> object:
        if self._connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            for setting in KEEPALIVE:
                connection.execute(text(f"SET {setting}"))
            self._connection = connection
        return self._connection.execute(text(query), {"key": self._key}).scalar_one()
