"""Tells which processes have ended, on this machine and on others.

A process of this machine is looked up by its id. Of one elsewhere only signs of life are seen: a value that its
heartbeat changes every `HEARTBEAT` seconds. It counts as dead once this process has seen no change for `EXPIRY` seconds
of its own clock, so that no two clocks are ever compared.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

HEARTBEAT: Final = 10.0
"""Seconds between two signs of life."""

EXPIRY: Final = 60.0
"""Seconds without a sign of life after which a process counts as dead: several heartbeats, as disks and nets stall."""


def this_process() -> dict[str, Any]:
    """Return the identity of this process as JSON values: host, machine, process id, and when it began.

    `machine` tells running machines and containers apart where host names do not: the id that Linux gives each boot,
    and the namespace of process ids. It and `started`, in ticks since boot, are None where /proc is missing.
    """
    pid = os.getpid()
    return {"host": socket.gethostname(), "machine": _machine(), "pid": pid, "started": _start_ticks(pid)}


def has_ended(process: Mapping[str, Any]) -> bool:
    """Return whether a process, as `this_process` named it, is known to have ended; False for any elsewhere."""
    machine = process.get("machine")
    if machine is None or machine != _machine():
        return False
    return bool(process["started"] != _start_ticks(int(process["pid"])))


class Watch:
    """Remembers when this process saw each of the others change.

    Args:
        expiry: Seconds without a change after which one counts as dead.

    """

    def __init__(self, expiry: float = EXPIRY) -> None:
        self._expiry = expiry
        self._seen: dict[Hashable, tuple[Any, float]] = {}

    def is_dead(self, name: Hashable, process: Mapping[str, Any] | None, sign: Any) -> bool:
        """Return whether a process has died.

        Args:
            name: What it is watched as.
            process: Its identity, None where it has not said.
            sign: Its latest sign of life, which each heartbeat changes.

        """
        if process is not None and has_ended(process):
            return True
        now = time.monotonic()
        last, since = self._seen.setdefault(name, (sign, now))
        if last != sign:
            self._seen[name] = (sign, now)
            return False
        return now - since > self._expiry


@contextmanager
def heartbeat(beat: Callable[[], None], every: float = HEARTBEAT) -> Iterator[None]:
    """Call `beat` in a thread of its own every so many seconds until the block ends."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every):
            beat()

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _machine() -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 - no path, but a name
    except OSError:
        return None


def _start_ticks(pid: int) -> int | None:
    """Return when a process began, to tell it from a later one of that id; None for none, and for a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]  # fields 3 and 22 of proc(5), counted from behind the command's name
    return None if state in "ZX" else int(started)
