"""The emulated machine: calls functions of an image, checks what they touch, and records what they execute."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from isa_models import unicorn_handle
from isa_models.emulator import Emulator, HooksFactory
from isa_models.errors import InputError
from isa_models.hooks_native import DEFAULT_CAPACITY, NativeHooks
from isa_models.hooks_python import PythonHooks
from isa_models.image import Image
from isa_models.memory import Buffer, Pointer, Region, place, resolve
from isa_models.trace import Trace

DEFAULT_BUDGET = 50_000_000
"""Instructions a call may execute unless it says otherwise."""

MOST_ARGUMENTS = 8
"""Those that AAPCS64 passes in registers, x0 to x7."""

HooksKind = Literal["native", "python"]


@dataclass(frozen=True)
class CallResult:
    """What a call left.

    Attributes:
        outputs: Final bytes of each writable buffer, by name.
        x0: The 64-bit result register, unsigned.
        instructions: Executed, the final return included.
        trace: Where the call was made to record it, else None.

    """

    outputs: dict[str, bytes]
    x0: int
    instructions: int
    trace: Trace | None


class Machine:
    """An AArch64 core with the memory that each call gives it, and nothing else.

    Every call starts from the same state: the image's data as linked, the stack zeroed, and all registers but the
    arguments filled with values that look random. A machine is used by one thread at a time; several threads with a
    machine each run in parallel.

    Args:
        image: The code.
        hooks: "native" for compiled hooks, "python" for slow ones that need nothing private of Unicorn; None takes the
            compiled ones where this version of Unicorn allows it. Both give the same results.
        trace_capacity: Accesses for which compiled hooks have room before they make more.

    """

    def __init__(self, image: Image, hooks: HooksKind | None = None, *, trace_capacity: int = DEFAULT_CAPACITY) -> None:
        if hooks not in ("native", "python", None):
            raise InputError(f"no hooks of kind '{hooks}': choose native or python")
        if trace_capacity < 1:
            raise InputError(f"trace capacity is {trace_capacity} events: give at least one")
        self.image = image
        self.hooks: HooksKind = hooks or ("native" if unicorn_handle.available() else "python")
        self._capacity = trace_capacity
        self._emulators: dict[bool, Emulator] = {}
        self._in_use = threading.Lock()

    def call(
        self,
        function: str,
        arguments: Sequence[Pointer | int] = (),
        buffers: Sequence[Buffer] = (),
        *,
        vectors: Sequence[int] = (),
        budget: int = DEFAULT_BUDGET,
        trace: bool = False,
        keeps_registers: bool = True,
    ) -> CallResult:
        """Call a function with up to eight arguments of each kind, by AAPCS64.

        Args:
            function: Name of its symbol.
            arguments: Integers in [-2**63, 2**64), or pointers to buffers.
            buffers: The memory that it may use besides its stack.
            vectors: Values of v0, v1 and so on, as integers in [0, 2**128).
            budget: Instructions that it may execute.
            trace: Whether to record the trace.
            keeps_registers: Whether the function must preserve x19 to x29, d8 to d15 and sp.

        Raises:
            InputError: The call itself makes no sense, such as an unknown symbol; nothing was run.
            MemoryFaultError: It touched memory outside its buffers, or stored to a read-only one.
            RunawayError: It did not return within its budget.
            ClobberedRegisterError: It did not preserve a register that it must preserve.
            CanaryError: It stored into the slack between a buffer and its guard page.
            IllegalInstructionError: It executed what is no instruction.
            SystemCallError: It executed SVC, SMC, BRK or WFI.
            UnsupportedInstructionError: A trace was wanted, and it executed what the operand table does not know.

        """
        if budget < 1:
            raise InputError(f"budget is {budget} instructions: give at least one")
        self.image.address_of(function)
        placements = place(buffers)
        regions = {name: placement.region for name, placement in placements.items()}
        values = _values(arguments, regions)
        _check_vectors(vectors)
        if not self._in_use.acquire(blocking=False):
            raise InputError("this machine is running in another thread: give each thread its own")
        try:
            emulator = self._emulator(tracing=trace)
            emulator.load(placements)
            x0 = emulator.run(function, values, budget, list(regions.values()), vectors)
            if keeps_registers:
                emulator.check_preserved(function)
            outputs = {
                name: placement.check(emulator.read(placement))
                for name, placement in placements.items()
                if placement.region.writable
            }
            recorded = emulator.hooks.trace().without_faulting_prefetches(emulator.mapped()) if trace else None
            return CallResult(outputs, x0, emulator.hooks.executed, recorded)
        finally:
            self._in_use.release()

    def close(self) -> None:
        """Give back the engines' memory at once, which else waits for the garbage collector; calls make new ones.

        A machine that is running in another thread stays as it is.
        """
        if self._in_use.acquire(blocking=False):
            try:
                while self._emulators:
                    self._emulators.popitem()[1].close()
            finally:
                self._in_use.release()

    def _emulator(self, *, tracing: bool) -> Emulator:
        """Return the engine for traced or untraced runs: memory hooks slow every access, so each has its own."""
        if tracing not in self._emulators:
            self._emulators[tracing] = Emulator(self.image, self._hooks_factory(tracing=tracing))
        return self._emulators[tracing]

    def _hooks_factory(self, *, tracing: bool) -> HooksFactory:
        if self.hooks == "python":
            return partial(PythonHooks, program=self.image.program, tracing=tracing)
        return partial(NativeHooks, program=self.image.program, tracing=tracing, capacity=self._capacity)


def _values(arguments: Sequence[Pointer | int], regions: dict[str, Region]) -> list[int]:
    if len(arguments) > MOST_ARGUMENTS:
        raise InputError(f"{len(arguments)} arguments, but only {MOST_ARGUMENTS} fit registers: pass an argument block")
    values = [resolve(item, regions) if isinstance(item, Pointer) else int(item) for item in arguments]
    for value in values:
        if not -(2**63) <= value < 2**64:
            raise InputError(f"argument {value} does not fit 64 bits")
    return [value % 2**64 for value in values]


def _check_vectors(vectors: Sequence[int]) -> None:
    if len(vectors) > MOST_ARGUMENTS:
        raise InputError(f"{len(vectors)} vector arguments, but only {MOST_ARGUMENTS} fit registers: pass a buffer")
    for value in vectors:
        if not 0 <= value < 2**128:
            raise InputError(f"vector argument {value} does not fit 128 bits")
