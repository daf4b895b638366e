"""A study's storage as one journal file, which any number of workers may share over a network's disk.

Optuna's own locks of such a file are files that stay behind when their owner is killed, and hold everybody up for half
a minute; and a record that was being written then stays behind torn, which makes the whole journal unreadable once
another is appended to it. The lock here is let go with its owner, and removes a torn record before it lets one write.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock

from dse.study_lock import FileLock

FIRST_PAUSE: Final = 0.001
LONGEST_PAUSE: Final = 0.05
"""Seconds between two tries to take the lock: they double from the first to the longest."""

BLOCK: Final = 4096
"""Bytes to look through at a time for the end of the last complete record."""


def open_journal(path: Path) -> JournalStorage:
    """Return the storage of a journal file, made if it does not exist."""
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(path)))


class JournalLock(BaseJournalFileLock):
    """Lets one process at a time append to a journal, which it finds ending with a complete record.

    Args:
        path: The journal.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))

    def acquire(self) -> bool:
        """Wait for the lock, take it and return True."""
        pause = FIRST_PAUSE
        while not self._lock.try_acquire():
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        try:
            remove_torn_record(self._path)
        except BaseException:
            self._lock.release()
            raise
        return True

    def release(self) -> None:
        """Let go of the lock."""
        self._lock.release()


def remove_torn_record(path: Path) -> None:
    """Cut a file of lines behind its last line break; whoever holds the lock knows that nobody writes there."""
    with path.open("r+b") as file:
        end = size = file.seek(0, 2)
        while end > 0:
            start = max(0, end - BLOCK)
            file.seek(start)
            line_break = file.read(end - start).rfind(b"\n")
            end = start + line_break + 1
            if line_break >= 0:
                break
        if end < size:
            file.truncate(end)
