"""Time functions of any AArch64 code: assemble and link it once, run each function, put its trace through a core."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from isa_models.call_arguments import Argument, CallArguments, call_arguments, including_slack
from isa_models.core import Core, load_core
from isa_models.errors import (
    CanaryError,
    IllegalInstructionError,
    InputError,
    IsaModelError,
    MemoryFaultError,
    SystemCallError,
)
from isa_models.faults import NULL_POINTER
from isa_models.isa_level import SYSTEM_CALLS, needed_feature
from isa_models.machine import DEFAULT_BUDGET, Machine
from isa_models.memory import Buffer, place
from isa_models.near_match import did_you_mean
from isa_models.program import Instruction
from isa_models.simulation import Simulation
from isa_models.source import Source, load_image
from isa_models.timing import time_trace
from isa_models.trace import Trace
from isa_models.trace_checks import check_missing_words, check_trace

DEFAULT_CORE = "cortex-a72"
LARGEST_WARMUP = 1000
"""Passes before the timed one; caches and branch predictor are settled after a few."""

_MOST_NAMES = 10
"""Names that an error lists."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A function that could not be run, or not be timed on a core.

    Attributes:
        function: Its name.
        core: The core's name.
        error: Why; its message is one line.

    """

    function: str
    core: str
    error: IsaModelError


class Simulator:
    """A source, assembled, linked and loaded once, whose functions can be timed. For one thread.

    Args:
        source: GNU-syntax text, or the path of a `.S` or `.s` file, ELF object, executable or static library.
        budget: Instructions that a call may execute.

    Raises:
        InputError: The source cannot be read, assembled, linked or loaded.

    """

    def __init__(self, source: Source, *, budget: int = DEFAULT_BUDGET) -> None:
        self.image = load_image(source)
        self._machine = Machine(self.image)
        self._entries = {function.name: function.address for function in self.image.functions}
        self._budget = budget

    def functions(self) -> tuple[str, ...]:
        """Names of the global functions by address; where there is none, of local ones that are marked as functions."""
        chosen = [function for function in self.image.functions if function.is_global]
        if not chosen:
            chosen = [function for function in self.image.functions if function.is_typed]
        return tuple(function.name for function in chosen)

    def only_function(self) -> str:
        """Return the name of the one function; raises InputError that lists them if there are several or none."""
        names = self.functions() or tuple(self._entries)
        if not names:
            raise InputError("the code has no function: put a label, made global by .globl, before its first line")
        if len(names) > 1:
            raise InputError(f"the code has {len(names)} functions ({_listed(names)}): name one")
        return names[0]

    def trace(self, function: str, args: Sequence[Argument] = (), buffers: Sequence[Buffer] = ()) -> Trace:
        """Run a function on the emulated machine and return what it executed.

        Args:
            function: Its name.
            args: See `isa_models.call_arguments.Argument`.
            buffers: Memory that it may use besides the buffers among its arguments.

        Raises:
            InputError: There is no such function, it came to an instruction that needs an undefined symbol or an ISA
                extension that no core here has, it loaded the address of an undefined symbol, or an argument is none.
            EmulationError: It did what no function may do; the message names the instruction and its line.

        """
        self._check_function(function)
        call = call_arguments(args, buffers)
        try:
            trace = self._run(function, call)
        except IllegalInstructionError as error:
            explained = self._explained(error)
            if explained is None:
                raise
            raise explained from error
        except MemoryFaultError as error:
            missing = sorted({word.name for word in self.image.missing_words.values()})
            if not missing or NULL_POINTER not in str(error):
                raise
            raise MemoryFaultError(f"{error}; undefined symbols are 0: {_listed(missing)}", error.state) from error
        except CanaryError:  # found only after the run: its trace tells which instruction it was
            trace = self._run(function, including_slack(call))
        check_trace(trace, tuple(place(call.buffers).values()))
        check_missing_words(trace, self.image.missing_words)
        return trace

    def simulate(
        self,
        function: str,
        core: Core,
        args: Sequence[Argument] = (),
        buffers: Sequence[Buffer] = (),
        *,
        warmup: int = 1,
        timeline: tuple[int, int] | None = None,
    ) -> Simulation:
        """Run a function and time it on a core; for arguments and errors see `trace` and `isa_models.simulate`."""
        return _timed(self.trace(function, args, buffers), function, core, warmup, timeline)

    def simulate_all(
        self,
        functions: Sequence[str],
        cores: Sequence[Core],
        args: Sequence[Argument] = (),
        buffers: Sequence[Buffer] = (),
        *,
        warmup: int = 1,
        timeline: tuple[int, int] | None = None,
    ) -> Iterator[Simulation | Failure]:
        """Yield, for each function, its result on each core or why there is none; each function is run once."""
        for function in functions:
            try:
                trace = self.trace(function, args, buffers)
            except IsaModelError as error:
                yield from (Failure(function, core.name, error) for core in cores)
                continue
            for core in cores:
                try:
                    yield _timed(trace, function, core, warmup, timeline)
                except IsaModelError as error:
                    yield Failure(function, core.name, error)

    def _run(self, function: str, call: CallArguments) -> Trace:
        done = self._machine.call(
            function,
            call.values,
            call.buffers,
            vectors=call.vectors,
            budget=self._budget,
            trace=True,
            keeps_registers=False,  # loops that use every register are timed too
        )
        if done.trace is None:
            raise AssertionError("a traced call returns its trace")
        return _narrowed(done.trace)

    def _check_function(self, function: str) -> None:
        if function not in self._entries:
            hint = did_you_mean(
                str(function), self._entries, f"functions: {_listed(self.functions() or sorted(self._entries))}"
            )
            raise InputError(f"no function '{function}': {hint}")
        if function in self.image.ambiguous:
            raise InputError(
                f"'{function}' is the name of several local functions: make the one that you mean global, or rename it"
            )

    def _explained(self, error: IllegalInstructionError) -> IsaModelError | None:
        """Return an error that says why the instruction is illegal, None where that is not known."""
        instruction = self._instruction(error.state["pc"])
        if instruction is None or instruction.is_data:
            return None
        where = instruction.place
        if instruction.address in self.image.missing:
            return InputError(
                f"{where} needs the undefined symbol '{self.image.missing[instruction.address]}': define it"
            )
        if instruction.mnemonic in SYSTEM_CALLS:
            return SystemCallError(f"{where}: there is no system beneath the emulated function; remove it", error.state)
        feature = needed_feature(instruction)
        if feature is None:
            return None
        return InputError(f"{where} needs the ISA feature '{feature}', which is not emulated; use another instruction")

    def _instruction(self, address: int) -> Instruction | None:
        index = self.image.program.find(address)
        return None if index is None else self.image.program.instructions[index]


def simulate(
    source: Source,
    core: str | Path | Core = DEFAULT_CORE,
    function: str | None = None,
    args: Sequence[Argument] = (),
    warmup: int = 1,
    timeline: tuple[int, int] | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    buffers: Sequence[Buffer] = (),
    budget: int = DEFAULT_BUDGET,
) -> Simulation:
    """Run one function of some AArch64 code and tell how long it takes on a core, and why.

    Args:
        source: GNU-syntax assembly text, or the path of a `.S` or `.s` file, ELF object, executable or static library.
        core: Name of a core or path of its file, or a loaded core.
        function: Name of the function; may be left out where the code has only one.
        args: Its arguments: numbers, buffers (`Buffer`, `random_buffer` or text such as "buf:4096:7"), pointers.
        warmup: How many times the trace passes through caches and branch predictor before the timed pass.
        timeline: First and last + 1 executed instruction whose stages the result holds; cut to what was executed.
        overrides: Fields of the core to change, such as `{"l2.latency": 30}`.
        buffers: Memory that the code may use besides the buffers among its arguments.
        budget: Instructions that it may execute.

    Raises:
        InputError: Something that was handed over cannot be used.
        EmulationError: The code did what no function may do; the message names the instruction and its line.

    """
    loaded = chosen_core(core, overrides)
    simulator = Simulator(source, budget=budget)
    name = simulator.only_function() if function is None else function
    return simulator.simulate(name, loaded, args, buffers, warmup=warmup, timeline=timeline)


def simulate_all(
    source: Source,
    cores: str | Path | Core | Sequence[str | Path | Core] = (DEFAULT_CORE,),
    functions: str | Sequence[str] | None = None,
    args: Sequence[Argument] = (),
    warmup: int = 1,
    timeline: tuple[int, int] | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    buffers: Sequence[Buffer] = (),
    budget: int = DEFAULT_BUDGET,
) -> Iterator[Simulation | Failure]:
    """Time many functions of one source on many cores: assembled, linked and loaded once, each function run once.

    Yields one result for each function and core, in this order; a function that fails gives a `Failure` and does not
    stop the others. `functions`: all global ones where left out; a single one, like a single core, may be given
    without a list. For the rest see `simulate`.
    """
    chosen = [cores] if isinstance(cores, str | Path | Core) else cores
    loaded = [chosen_core(core, overrides) for core in chosen]
    simulator = Simulator(source, budget=budget)
    names = simulator.functions() if functions is None else [functions] if isinstance(functions, str) else functions
    return simulator.simulate_all(names, loaded, args, buffers, warmup=warmup, timeline=timeline)


def chosen_core(core: str | Path | Core, overrides: Mapping[str, object] | None = None) -> Core:
    """Load a core by its name or path; raises InputError for an unknown one or a wrong override."""
    if not isinstance(overrides, Mapping | None) or not all(isinstance(field, str) for field in overrides or ()):
        raise InputError(f'overrides {overrides!r}: give fields and values, such as {{"l2.latency": 30}}')
    if isinstance(core, str | Path):
        return load_core(core, {field: _yaml(field, value) for field, value in (overrides or {}).items()})
    if not isinstance(core, Core):
        raise InputError(f"core of type {type(core).__name__}: give its name, the path of its file, or a loaded core")
    if overrides:
        raise InputError(f"core '{core.name}' is loaded already: give overrides with a core's name")
    return core


def _yaml(field: str, value: object) -> str:
    """Return the value of an override as text; raises InputError for an object that no field can hold."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value.item() if isinstance(value, np.generic) else value)
    except TypeError:
        raise InputError(f"override {field}: no value of type {type(value).__name__}: give a number or text") from None


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "none") + more


def _check_warmup(warmup: int) -> None:
    if not isinstance(warmup, int) or not 0 <= warmup <= LARGEST_WARMUP:
        raise InputError(f"warm-up of {warmup!r} passes: give 0 for cold caches, or up to {LARGEST_WARMUP}")


def _timed(trace: Trace, function: str, core: Core, warmup: int, timeline: tuple[int, int] | None) -> Simulation:
    _check_warmup(warmup)
    window = None if timeline is None else _window(timeline, len(trace))
    return replace(time_trace(trace, core, warmup, window), function=function)


def _window(timeline: tuple[int, int], executed: int) -> tuple[int, int]:
    """Return the part of a timeline that was executed; raises InputError where it is no window."""
    try:
        first, end = map(operator.index, timeline)
    except (TypeError, ValueError):
        raise InputError(f"timeline {timeline!r}: give its first and last + 1 instruction, such as (0, 100)") from None
    cut = min(end, executed)
    if not 0 <= first <= cut:
        raise InputError(
            f"timeline {first}:{end} is no window of the {executed} executed instructions: give first and last + 1"
        )
    return first, cut


def _narrowed(trace: Trace) -> Trace:
    """Return the trace with only the stretch of the program that it executed, as work grows with the program."""
    if not len(trace):
        return trace
    first, end = int(trace.first.min()), int((trace.first + trace.length).max())
    if end - first == len(trace.program):
        return trace
    return Trace(trace.program.part(first, end), trace.first - first, trace.length, trace.address)
