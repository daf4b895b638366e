"""Opens the study that a command is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import optuna


def open_study(storage: str, name: str | None) -> optuna.Study:
    """Return a study that exists; raises UsageError or StorageError, with what there is, if it does not."""
    from dse.storage import StudyStorage

    quieten_libraries()
    return StudyStorage(storage, must_exist=True).open(name)


def quieten_libraries() -> None:
    """Keep Optuna's log lines off the screen: results and errors are this program's to tell."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
