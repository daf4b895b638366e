"""What helpers of `dse.look_helpers` do in tests: another process must find these functions in a module."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def wait_for_a_signal(pid: Path, _progress: object) -> None:
    """Tell which process this is, and wait."""
    pid.write_text(str(os.getpid()))
    signal.pause()


def fail(path: Path, _progress: object) -> None:
    """Leave a file and raise an error."""
    path.touch()
    raise ValueError
