"""Entry point of the `dse` command: runs a command and turns every expected error into one line and an exit code."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from collections.abc import Sequence

import typer
from typer.exceptions import TyperException

from dse.cli import cache, core, kernel, network, simulate, study, train, verify, worker
from dse.cli.options import DEBUG_FLAG
from dse.cli.plugins import add_plugins
from dse.errors import DseError, InterruptedWorkError, one_line
from dse.interruption import ending_signals

INTERRUPTED_CODE = 130
"""What typer returns when a command ends by KeyboardInterrupt."""


def build_app() -> typer.Typer:
    """Return the application with all its commands, those of plug-ins included."""
    app = typer.Typer(
        name="dse",
        help="Explore the designs of binary neural networks on Arm cores: latency against accuracy.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.add_typer(study.app, name="study")
    app.add_typer(core.app, name="core")
    app.add_typer(network.app, name="network")
    app.add_typer(kernel.app, name="kernel")
    app.add_typer(cache.app, name="cache")
    app.command("worker")(worker.worker)
    app.command("train")(train.train)
    app.command("verify")(verify.verify)
    app.command("simulate")(simulate.simulate)
    add_plugins(app)
    return app


_STORAGE_LIBRARIES = ("optuna", "sqlalchemy")  # not imported for a command that has no study


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or input."""
    # They take the way of Ctrl-C, so that temporary files are removed, workers ended and one line is printed.
    for number in ending_signals():
        signal.signal(number, signal.default_int_handler)
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        result = typer.main.get_command(build_app()).main(args=list(arguments), prog_name="dse", standalone_mode=False)
    except TyperException as error:
        return _report_usage(error)
    except typer.Abort:
        return _report("interrupted", 1)
    except BrokenPipeError:
        return _leave_closed_pipe()
    except Exception as error:
        if DEBUG_FLAG in arguments:
            traceback.print_exc()
            _print_registers(error)
        line, code = _explain(error)
        return _report(line if isinstance(error, InterruptedWorkError) else f"error: {line}", code)
    if result == INTERRUPTED_CODE:
        return _report("interrupted", 1)
    return result if isinstance(result, int) else 0


def _explain(error: Exception) -> tuple[str, int]:
    """Return the line and the exit code for an error that a command let through."""
    if isinstance(error, DseError):
        return one_line(error), error.exit_code
    from isa_models.errors import InputError as IsaInputError
    from isa_models.errors import IsaModelError
    from kernels_asm import InputError as KernelInputError
    from kernels_asm import KernelError

    if isinstance(error, KernelInputError | IsaInputError):
        return one_line(error), 2
    if isinstance(error, KernelError | IsaModelError):
        return one_line(error), 1
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}", 1
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"{error.strerror}: make room and run the same command again; what was finished is kept", 1
    if type(error).__module__.partition(".")[0] in _STORAGE_LIBRARIES:
        from dse.storage import explain_storage_error

        return f"the study's storage: {explain_storage_error(error)}", 1
    hint = f"this is a fault in dse: run again with {DEBUG_FLAG} and report what it prints"
    return f"{type(error).__name__}: {one_line(error)} ({hint})", 1


def _print_registers(error: Exception) -> None:
    """Show the state of the emulated core where the error is about it."""
    from isa_models.errors import EmulationError

    if isinstance(error, EmulationError) and error.state:
        print(error.registers, file=sys.stderr)


def _report_usage(error: TyperException) -> int:
    """Print what is wrong with a command line; where no command was given, typer has printed the help already."""
    message = " ".join(error.format_message().split())
    if not message:
        return error.exit_code
    context = getattr(error, "ctx", None)
    where = f" (see {context.command_path} --help)" if context is not None else ""
    return _report(f"error: {message}{where}", error.exit_code)


def _report(line: str, code: int) -> int:
    print(line, file=sys.stderr)
    return code


def _leave_closed_pipe() -> int:
    """End quietly when the reader of standard output has gone, as `dse ... | head` does."""
    sys.stderr.close()
    return 1
