"""`dse cache`: the evaluation cache on disk."""

from __future__ import annotations

import typer

from dse.cli.options import CacheOption, Debug, cache_directory

app = typer.Typer(help="Find or empty the evaluation cache.", no_args_is_help=True)


@app.command()
def path(cache: CacheOption = None, debug: Debug = False) -> None:  # noqa: ARG001
    """Print the cache's folder."""
    typer.echo(cache_directory(cache))


@app.command()
def clear(cache: CacheOption = None, debug: Debug = False) -> None:  # noqa: ARG001
    """Delete every record; studies keep their results, but their trainings must be repeated to be verified."""
    from dse.cache import EvaluationCache

    directory = cache_directory(cache)
    count = EvaluationCache(directory).clear()
    typer.echo(f"deleted {count} files from {directory}")
