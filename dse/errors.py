"""The errors that this package raises for people: one line each, and the exit code that the command line gives it."""

from __future__ import annotations

from typing import ClassVar


class DseError(Exception):
    """Base of the package's errors. The message is one line: what is wrong, where, what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(DseError):
    """The command, an option or a file that a person wrote is wrong; running it again as it is cannot help."""

    exit_code: ClassVar[int] = 2


class NoKernelError(UsageError):
    """No kernel can do a layer in the arithmetic asked for on a core."""


class StorageError(DseError):
    """A study's storage cannot be opened, read or written."""


class CacheError(DseError):
    """The evaluation cache holds a damaged record or cannot be read or written."""


class TrainingError(DseError):
    """A training diverged or could not finish."""


class StoppedTrainingError(DseError):
    """A training was ended early, as its design cannot reach the front; a checkpoint has what it had learned."""


class KernelMismatchError(DseError):
    """A kernel's output on the emulated machine is not the oracle's."""


class VerificationError(DseError):
    """An emulated network disagrees with the trained one."""


class ExportError(DseError):
    """An exported design cannot be written."""


class InterruptedWorkError(DseError):
    """Work was stopped from outside (Ctrl-C, SIGTERM, SIGHUP), and can be gone on with."""


class InterruptedStudyError(InterruptedWorkError):
    """A study was stopped from outside; every finished trial is in its storage."""


class InterruptedTrainingError(InterruptedWorkError):
    """A training was stopped from outside; a checkpoint has what it had learned."""


def one_line(error: BaseException) -> str:
    """Return the message of `error` on one line, or the name of its type where it has none.

    Args:
        error: Any exception, also one from a library whose message spans lines.

    """
    text = " ".join(str(error).split())
    return text or type(error).__name__
