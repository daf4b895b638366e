"""In-order timing of the executed instructions, as arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.core import InOrderCore, InOrderTiming
from isa_models.engines.lowering import NONE, StaticCode, StaticRow, find_class, padded, static_code, static_row
from isa_models.engines.row_numbers import RowNumbers
from isa_models.engines.row_table import RowTable
from isa_models.instruction_class import InstructionClass
from isa_models.operand_syntax import FIRST_VECTOR, FLAGS
from isa_models.operands import Operands
from isa_models.program import INSTRUCTION_BYTES, Instruction, Program

# Units of an in-order core, in the order of their numbers; the last counts the slots of the issue stage.
UNITS = ("alu", "shift", "multiply", "load_store", "branch", "neon", "issue slots")
ISSUE_SLOTS = UNITS.index("issue slots")

MAX_ADDRESS_REGISTERS = 2

# Which slots of an issue pair an instruction may take.
SLOT_ANY, SLOT_FIRST, SLOT_ALONE = range(3)

IntArray = NDArray[np.int64]


class InOrderCode(NamedTuple):
    """Timing of each row, shape (n,): see `core.InOrderTiming`.

    `fetch_slot`: place of the instruction in its aligned fetch group, from 0; `address`: shape (n, 2), registers that
    form its address, -1 beyond the last.
    """

    unit: IntArray
    issue: IntArray
    slot: IntArray
    lanes: IntArray
    busy: IntArray
    late: IntArray
    split: IntArray
    forward: IntArray
    forward_step: IntArray
    bubble: IntArray
    fetch_slot: IntArray
    address: IntArray


class _Row(NamedTuple):
    static: StaticRow
    timing: tuple[int, ...]
    address: tuple[int, ...]


_STATIC = len(StaticRow._fields)


class InOrderLowering:
    """Lowers instructions for one core; what was lowered once is remembered by its text."""

    def __init__(self, core: InOrderCore) -> None:
        self.core = core
        self._class_ids = {name: number for number, name in enumerate(core.classes)}
        self._numbers = RowNumbers(self._lower, self._add)
        self._rows = RowTable(_STATIC + len(InOrderCode._fields) - 1)

    def numbers(self, program: Program, places: Sequence[int]) -> IntArray:
        """Return the numbers of the rows of these instructions; raises as `lowering.find_class`."""
        return self._numbers.of(program, places)

    def lower(self, numbers: IntArray, addresses: IntArray) -> tuple[StaticCode, InOrderCode]:
        """Return the rows of these numbers, of instructions at these addresses."""
        *columns, registers = self._rows.columns(numbers)
        slots = addresses // INSTRUCTION_BYTES % self.core.fetch.width
        return static_code(columns[:_STATIC]), InOrderCode._make([*columns[_STATIC:], slots, registers])

    def _add(self, row: _Row) -> int:
        return self._rows.add((*row.static, *row.timing, row.address))

    def _lower(self, instruction: Instruction) -> _Row:
        core = self.core
        operands, kind, key = find_class(instruction, core)
        timing = core.classes[key]
        lanes = _lanes(timing, kind, operands)
        fields = (
            UNITS.index(timing.unit),
            timing.issue,
            _slot(timing, lanes),
            lanes,
            timing.busy,
            timing.late,
            core.split.latency if timing.split is None else timing.split,
            timing.forward,
            timing.forward_step,
            timing.bubble,
        )
        address = padded(list(operands.address), MAX_ADDRESS_REGISTERS, NONE)
        return _Row(static_row(instruction, operands, timing, self._class_ids[key], core), fields, address)


def _lanes(timing: InOrderTiming, kind: InstructionClass, operands: Operands) -> int:
    if timing.lanes is not None:
        return timing.lanes
    touches_vectors = any(FIRST_VECTOR <= part.register < FLAGS for part in operands.reads + operands.writes)
    if not touches_vectors:
        return 0
    return 2 if kind.form == "q" else 1


def _slot(timing: InOrderTiming, lanes: int) -> int:
    if timing.slot is not None:
        return ("any", "first", "alone").index(timing.slot)
    return SLOT_FIRST if timing.unit == "neon" and lanes == 2 else SLOT_ANY
