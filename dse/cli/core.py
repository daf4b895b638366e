"""`dse core`: the cores that code can be timed on."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from dse.cli.options import Debug, Json, Overrides, parse_overrides

app = typer.Typer(help="List, show and validate core descriptions.", no_args_is_help=True)

CoreName = Annotated[str, typer.Argument(help="Name of a core, or a YAML file.", metavar="CORE")]
AsYaml = Annotated[bool, typer.Option("--yaml", help="Print the description as a file that can be edited and used.")]


@app.command("list")
def list_cores(as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """List the cores that ship with the package: kind, clock, widths and what they are."""
    from dse.cli.core_text import core_summary, listing
    from isa_models.core import list_cores, load_core

    cores = [load_core(name) for name in list_cores()]
    typer.echo(json.dumps([core_summary(core) for core in cores], indent=2) if as_json else listing(cores))


@app.command()
def show(
    core: CoreName,
    override: Overrides = None,
    as_yaml: AsYaml = False,
    as_json: Json = False,
    debug: Debug = False,  # noqa: ARG001
) -> None:
    """Show a core with its bases and overrides applied: every figure with its source and how sure it is."""
    from dse.cli.core_text import description
    from isa_models.core import load_core

    loaded = load_core(core, parse_overrides(override))
    fields: dict[str, Any] = loaded.model_dump(mode="json")
    if as_json:
        typer.echo(json.dumps(fields, indent=2))
    elif as_yaml:
        import yaml

        del fields["name"]  # a file's core is named after the file
        typer.echo(yaml.safe_dump(fields, sort_keys=False, allow_unicode=True).rstrip())
    else:
        typer.echo(description(loaded))


@app.command()
def validate(core: CoreName, as_json: Json = False, debug: Debug = False) -> None:  # noqa: ARG001
    """Check a core's description, and tell which instruction classes it has no timing for."""
    from isa_models.core import load_core
    from isa_models.coverage import coverage

    loaded = load_core(core)
    covered = coverage(loaded)
    if as_json:
        fields = {"core": loaded.name, "digest": loaded.digest, "timed": covered.timed, "untimed": covered.untimed,
                  "other_isa": covered.other_isa, "unused": covered.unused}  # fmt: skip
        typer.echo(json.dumps(fields, indent=2))
        return
    typer.echo(f"{loaded.name}: valid, {loaded.clock_hz / 1e9:g} GHz, digest {loaded.digest[:12]}")
    typer.echo(f"times {len(covered.timed)} of {len(covered.timed) + len(covered.untimed)} instruction classes")
    if covered.untimed:
        typer.echo("no entry, so that an instruction of it is an error:")
        for name, example in covered.untimed.items():
            typer.echo(f"  {name}, such as {example}")
    if covered.unused:
        typer.echo(f"entries that no instruction is looked up by: {', '.join(covered.unused)}")
    if covered.other_isa:
        features = ", ".join(sorted(set(covered.other_isa.values())))
        typer.echo(f"not in its instruction set ({features}): {', '.join(covered.other_isa)}")
