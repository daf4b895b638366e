"""`dse simulate`: how long functions of any AArch64 code take on a core, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dse.cli.options import DEFAULT_CORE, Debug, Json, Overrides, check_writable, parse_overrides, parse_window

if TYPE_CHECKING:
    from isa_models import Failure, Simulation

KONATA_WINDOW = (0, 1000)
"""Instructions that a log holds where no window is given."""

SourceFile = Annotated[
    Path, typer.Argument(help="Assembly source (.S, .s), ELF object, executable or static library.", metavar="FILE")
]
Functions = Annotated[
    list[str] | None,
    typer.Option("--function", help="Function to time; repeatable. May be left out where the file has only one."),
]
All = Annotated[bool, typer.Option("--all", help="Time every global function, each with the same arguments.")]
Cores = Annotated[list[str], typer.Option("--core", help="Name of a core, or a YAML file; repeatable.")]
Arguments = Annotated[
    list[str] | None,
    typer.Option(
        "--arg",
        help="Next argument: an integer, f64:NUMBER, f32:NUMBER, buf:SIZE[:SEED] or file:PATH, a buffer with :align=N "
        "or :ro after it where wanted; repeatable.",
        metavar="ARG",
    ),
]
Warmup = Annotated[
    int, typer.Option("--warmup", min=0, max=1000, help="Passes through caches and branch predictor before.")
]
Window = Annotated[
    str | None,
    typer.Option("--timeline", help="Show the stages of the first N executed instructions, or of FIRST:LAST."),
]
Konata = Annotated[
    Path | None,
    typer.Option("--konata", help="Write the timeline (of the first 1,000, if not given) as a log for Konata."),
]
Budget = Annotated[int | None, typer.Option("--budget", min=1, help="Instructions that a function may execute.")]


def simulate(
    file: SourceFile,
    function: Functions = None,
    all_functions: All = False,
    core: Cores = [DEFAULT_CORE],  # noqa: B006  # typer copies it
    arg: Arguments = None,
    warmup: Warmup = 1,
    override: Overrides = None,
    timeline: Window = None,
    konata: Konata = None,
    budget: Budget = None,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Run functions of any AArch64 code on the emulated machine and time them on cores.

    Of one function on one core the whole result is shown; of several, one line each, and a function that fails does
    not stop the others (exit code 1).
    """
    from dse.errors import UsageError

    if function and all_functions:
        raise UsageError("--function and --all: give one of the two")
    window = parse_window("--timeline", timeline) if timeline is not None else KONATA_WINDOW if konata else None
    overrides = parse_overrides(override)
    if konata is not None:
        check_writable(konata)

    from isa_models.machine import DEFAULT_BUDGET
    from isa_models.simulator import Simulator, chosen_core

    cores = [chosen_core(name, overrides) for name in core]
    simulator = Simulator(file, budget=budget or DEFAULT_BUDGET)
    functions = simulator.functions() if all_functions else function or (simulator.only_function(),)
    if not functions:
        raise UsageError(f"{file}: no function is global: name one with --function, or declare it .globl")
    if all_functions or len(functions) > 1 or len(cores) > 1:
        if konata is not None:
            raise UsageError("--konata: one function on one core makes a log; choose with --function and --core")
        if timeline is not None and not as_json:
            raise UsageError("--timeline: shown for one function on one core: choose with --function and --core, "
                             "or give --json")  # fmt: skip
        results = simulator.simulate_all(functions, cores, arg or (), warmup=warmup, timeline=window)
        failures = _print_array(results) if as_json else _print_lines(results, max(map(len, functions)))
        if failures:
            raise typer.Exit(1)
        return
    result = simulator.simulate(functions[0], cores[0], arg or (), warmup=warmup, timeline=window)
    if konata is not None:
        _write_log(konata, result)
    if as_json:
        typer.echo(json.dumps(result.to_json(), indent=2))
        return
    from dse.cli.simulation_text import report

    typer.echo(report(result, show_timeline=timeline is not None))


def _write_log(path: Path, simulation: Simulation) -> None:
    from isa_models import konata_log

    path.write_text(konata_log(simulation.timeline or ()), encoding="utf-8")


def _print_lines(results: Iterable[Simulation | Failure], name_width: int) -> int:
    """Print one line a result, failures on standard error; return the number of failures."""
    from dse.cli.simulation_text import heading, line
    from isa_models import Failure

    typer.echo(heading(name_width))
    failures = 0
    for result in results:
        if isinstance(result, Failure):
            failures += 1
            print(f"error: {result.function} on {result.core}: {result.error}", file=sys.stderr)
        else:
            typer.echo(line(result, name_width))
    return failures


def _print_array(results: Iterable[Simulation | Failure]) -> int:
    """Print a JSON array with one result a line, a failure as its `error`; return the number of failures."""
    from isa_models import Failure

    failures = 0
    separator = "[\n"
    for result in results:
        if isinstance(result, Failure):
            failures += 1
            fields = {"function": result.function, "core": result.core, "error": str(result.error)}
        else:
            fields = result.to_json()
        typer.echo(separator + json.dumps(fields), nl=False)
        separator = ",\n"
    typer.echo("\n]")
    return failures
