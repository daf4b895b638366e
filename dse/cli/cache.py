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
    """Delete every record; studies keep their results, but their trainings must be repeated to be verified.

    The images of assembled code go too where this is the default folder, of the user or of $BNN_DSE_CACHE.
    """
    from dse.cache import EvaluationCache, clear_images, default_directory
    from isa_models import assembling
    from kernels_asm import assembler

    directory = cache_directory(cache)
    count = EvaluationCache(directory).clear()
    typer.echo(f"deleted {count} files from {directory}")
    if directory.resolve() == default_directory().resolve():
        for images in (assembler.cache_directory(), assembling.cache_directory()):
            typer.echo(f"deleted {clear_images(images)} images from {images}")
