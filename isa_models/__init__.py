"""How long AArch64 code takes: an emulated machine that runs and records it, and timing models of Arm cores."""

from isa_models.core import Core, InOrderCore, OutOfOrderCore, list_cores, load_core
from isa_models.errors import (
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
from isa_models.machine import CallResult, Machine
from isa_models.memory import Buffer, Pointer
from isa_models.program import Instruction, Program
from isa_models.simulation import Bound, Hotspot, Simulation, TimelineEntry
from isa_models.timing import time_trace, timing_digest
from isa_models.trace import Trace

__all__ = [
    "Bound",
    "Buffer",
    "CallResult",
    "CanaryError",
    "ClobberedRegisterError",
    "Core",
    "EmulationError",
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
    "SystemCallError",
    "TimelineEntry",
    "Trace",
    "UnsupportedInstructionError",
    "list_cores",
    "load_core",
    "time_trace",
    "timing_digest",
]
