"""`dse worker`: one of the processes that evaluate the designs of a study."""

from __future__ import annotations

from typing import Annotated

import typer

from dse.cli.open_study import quieten_libraries
from dse.cli.options import DEFAULT_STUDY, CacheOption, DataDir, Debug, StorageArgument, cache_directory


def worker(
    storage: StorageArgument,
    study: Annotated[str, typer.Argument(help="Name of the study.", show_default=True)] = DEFAULT_STUDY,
    cache: CacheOption = None,
    data_dir: DataDir = None,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Evaluate designs of a study that dse study run has begun, beside any number of other workers."""
    from dse.cli.progress import study_progress
    from dse.launch import run_worker
    from dse.storage import display_name
    from dse.study import finished_trials

    quieten_libraries()
    with study_progress(f"worker of {study}, storage {display_name(storage)}", to_stderr=False) as progress:
        done = run_worker(storage, study, cache_directory(cache), data_dir, progress)
    typer.echo(f"study {study}: {len(finished_trials(done))} trials finished")
