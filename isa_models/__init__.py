"""How long AArch64 code takes: an emulated machine that runs and records it, and timing models of Arm cores.

Names are imported when they are first used: the emulator and the compiled engines take most of a second to load, and
much of what uses this package needs neither.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isa_models.call_arguments import random_buffer
    from isa_models.core import Core, InOrderCore, OutOfOrderCore, list_cores, load_core
    from isa_models.errors import (
        AssemblyError,
        CanaryError,
        ClobberedRegisterError,
        EmulationError,
        IllegalInstructionError,
        ImageError,
        InputError,
        IsaModelError,
        MemoryFaultError,
        RunawayError,
        SystemCallError,
        UnsupportedInstructionError,
    )
    from isa_models.image import Image
    from isa_models.konata import konata_log
    from isa_models.machine import CallResult, Machine
    from isa_models.memory import Buffer, Pointer
    from isa_models.program import Instruction, Program
    from isa_models.simulation import Bound, Hotspot, Simulation, TimelineEntry
    from isa_models.simulator import Failure, Simulator, simulate, simulate_all
    from isa_models.timing import time_totals, time_trace, timing_digest
    from isa_models.trace import Trace

__all__ = [
    "AssemblyError",
    "Bound",
    "Buffer",
    "CallResult",
    "CanaryError",
    "ClobberedRegisterError",
    "Core",
    "EmulationError",
    "Failure",
    "Hotspot",
    "IllegalInstructionError",
    "Image",
    "ImageError",
    "InOrderCore",
    "InputError",
    "Instruction",
    "IsaModelError",
    "Machine",
    "MemoryFaultError",
    "OutOfOrderCore",
    "Pointer",
    "Program",
    "RunawayError",
    "Simulation",
    "Simulator",
    "SystemCallError",
    "TimelineEntry",
    "Trace",
    "UnsupportedInstructionError",
    "konata_log",
    "list_cores",
    "load_core",
    "random_buffer",
    "simulate",
    "simulate_all",
    "time_totals",
    "time_trace",
    "timing_digest",
]

_NAMES_OF = {
    "call_arguments": "random_buffer",
    "core": "Core InOrderCore OutOfOrderCore list_cores load_core",
    "errors": "AssemblyError CanaryError ClobberedRegisterError EmulationError IllegalInstructionError ImageError"
    " InputError IsaModelError MemoryFaultError RunawayError SystemCallError UnsupportedInstructionError",
    "image": "Image",
    "konata": "konata_log",
    "machine": "CallResult Machine",
    "memory": "Buffer Pointer",
    "program": "Instruction Program",
    "simulation": "Bound Hotspot Simulation TimelineEntry",
    "simulator": "Failure Simulator simulate simulate_all",
    "timing": "time_totals time_trace timing_digest",
    "trace": "Trace",
}
_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names.split()}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    value: object = getattr(import_module(f"isa_models.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
