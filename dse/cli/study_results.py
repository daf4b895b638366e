"""Prints the front of a study, or all its trials, in the format asked for."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from dse.cli.options import OutputFormat

if TYPE_CHECKING:
    import optuna


def print_results(study: optuna.Study, output_format: OutputFormat, *, all_trials: bool) -> None:
    """Print the front, or every trial; a table has notes below it."""
    from dse.study_reader import read_results

    results = read_results(study)
    trials = results.trials if all_trials else results.front
    if output_format is OutputFormat.TABLE:
        from dse.cli.tables import front_notes, front_table, goal_notes, print_table, trials_table
        from dse.second_look_claims import refined_notes

        print_table(trials_table(results) if all_trials else front_table(results))
        for note in (*front_notes(results), *refined_notes(results), *goal_notes(results)):
            typer.echo(note)
        return
    from dse.cli.serialise import results_json, write_csv

    if output_format is OutputFormat.JSON:
        typer.echo(results_json(results, trials))
    else:
        write_csv(results, trials, sys.stdout)
