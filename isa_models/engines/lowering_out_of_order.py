"""Out-of-order timing of the executed instructions, as arrays."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.core import MicroOp, OutOfOrderCore
from isa_models.engines.lowering import NONE, StaticCode, StaticRow, find_class, running, static_code, static_row
from isa_models.engines.parts import parts_of
from isa_models.engines.row_numbers import RowNumbers
from isa_models.engines.row_table import RowTable, spread
from isa_models.operand_syntax import FLAGS
from isa_models.operands import Operands
from isa_models.program import Instruction, Program

IntArray = NDArray[np.int64]


class OutOfOrderCode(NamedTuple):
    """Timing of each row: see `core.OutOfOrderTiming`.

    `results`: shape (n,), 64-bit results; `forward`, `forward_turn`: shape (n,), of stores, in parts of a cycle (see
    `parts`); `misaligned_latency`, `misaligned_occupancy`: shape (n,), of loads, in cycles and in parts;
    `micro_op_before`: shape (n + 1,), micro-operations in front of each row. Per micro-operation: `occupancy` in parts,
    `after`, `behind`; `depth`: cycles from the first, through those that it is behind; `result`: cycles from its start
    to its result, 0 if it has none; `choice_before`: one entry more, places in `choices` in front of it; `choices`: the
    ports that each may go to, one after the other.
    """

    results: IntArray
    forward: IntArray
    forward_turn: IntArray
    misaligned_latency: IntArray
    misaligned_occupancy: IntArray
    micro_op_before: IntArray
    occupancy: IntArray
    after: IntArray
    behind: IntArray
    depth: IntArray
    result: IntArray
    choice_before: IntArray
    choices: IntArray


class _MicroOpRow(NamedTuple):
    ports: tuple[int, ...]
    occupancy: int
    after: int
    behind: int
    depth: int
    result: int


class _Row(NamedTuple):
    static: StaticRow
    results: int
    forward: int
    forward_turn: int
    misaligned_latency: int
    misaligned_occupancy: int
    micro_ops: tuple[_MicroOpRow, ...]


_STATIC = len(StaticRow._fields)
_PLACE = 2
"""Elements of a row in a table that tell where what belongs to it begins in the next table, and how much it is."""


class OutOfOrderLowering:
    """Lowers instructions for one core; what was lowered once is remembered by its text."""

    def __init__(self, core: OutOfOrderCore) -> None:
        self.core = core
        self._class_ids = {name: number for number, name in enumerate(core.classes)}
        self._numbers = RowNumbers(self._lower, self._add)
        self._rows = RowTable(_STATIC + len(_Row._fields) - 2 + _PLACE)
        self._micro_ops = RowTable(len(_MicroOpRow._fields) - 1 + _PLACE)
        self._choices = RowTable(1)

    def numbers(self, program: Program, places: Sequence[int]) -> IntArray:
        """Return the numbers of the rows of these instructions; raises as `lowering.find_class`."""
        return self._numbers.of(program, places)

    def lower(self, numbers: IntArray) -> tuple[StaticCode, OutOfOrderCode]:
        """Return the rows of these numbers."""
        columns = self._rows.columns(numbers)
        results, forward, forward_turn, latency, misaligned_occupancy, first, count = columns[_STATIC:]
        micro_ops = self._micro_ops.columns(spread(first, count))
        occupancy, after, behind, depth, result, first_choice, choice_count = micro_ops
        (choices,) = self._choices.columns(spread(first_choice, choice_count))
        code = OutOfOrderCode(
            results=results,
            forward=forward,
            forward_turn=forward_turn,
            misaligned_latency=latency,
            misaligned_occupancy=misaligned_occupancy,
            micro_op_before=running(count),
            occupancy=occupancy,
            after=after,
            behind=behind,
            depth=depth,
            result=result,
            choice_before=running(choice_count),
            choices=choices if choices.size else _array([NONE]),
        )
        return static_code(columns[:_STATIC]), code

    def _add(self, row: _Row) -> int:
        places = [
            self._micro_ops.add((*micro_op[1:], *_place([self._choices.add((port,)) for port in micro_op.ports])))
            for micro_op in row.micro_ops
        ]
        return self._rows.add((*row.static, *row[1:-1], *_place(places)))

    def _lower(self, instruction: Instruction) -> _Row:
        core = self.core
        operands, _, key = find_class(instruction, core)
        timing = core.classes[key]
        micro_ops = list(timing.micro_ops())
        results = _result_count(operands)
        latency = timing.latency if results > 0 else 0
        if operands.writeback is not None:
            micro_ops.append(MicroOp(ports=core.writeback_ports))
        depths = _depths(micro_ops)
        return _Row(
            static=static_row(instruction, operands, timing, self._class_ids[key], core),
            results=results + timing.temporaries,
            forward=parts_of(timing.forward),
            forward_turn=parts_of(timing.forward_turn),
            misaligned_latency=timing.misaligned.latency if timing.misaligned else 0,
            misaligned_occupancy=parts_of(timing.misaligned.occupancy) if timing.misaligned else 0,
            micro_ops=tuple(
                self._micro_op(micro_op, depth, _result(micro_ops, number, max(latency - depth, 0)))
                for number, (micro_op, depth) in enumerate(zip(micro_ops, depths, strict=True))
            ),
        )

    def _micro_op(self, micro_op: MicroOp, depth: int, result: int) -> _MicroOpRow:
        core = self.core
        return _MicroOpRow(
            ports=tuple(core.ports.index(port) for port in micro_op.ports),
            occupancy=parts_of(micro_op.occupancy),
            after=micro_op.after,
            behind=micro_op.behind,
            depth=depth,
            result=result,
        )


def _depths(micro_ops: list[MicroOp]) -> list[int]:
    """Cycles from the start of the first micro-operation to the earliest start of each."""
    depths: list[int] = []
    for micro_op in micro_ops:
        depths.append(micro_op.after + (depths[micro_op.behind] if depths else 0))
    return depths


def _result(micro_ops: list[MicroOp], number: int, latency: int) -> int:
    """Cycles from the start of a micro-operation to its result, 0 for none; see `core.OutOfOrderTiming`."""
    given = micro_ops[number].result
    if given is not None:
        return given
    waits = [later.after for later in micro_ops[number + 1 :] if later.behind == number and later.after > 0]
    if not waits:
        return latency
    return min(waits) if min(waits) > 1 else 0


def _result_count(operands: Operands) -> int:
    """Count the 64-bit results: two for a 128-bit register, none for the flags."""
    return sum(2 if part.bits == 128 else 1 for part in operands.writes if part.register != FLAGS)


def _place(numbers: list[int]) -> tuple[int, int]:
    """Return the first of numbers that follow one another, and how many they are."""
    return (numbers[0], len(numbers)) if numbers else (0, 0)


def _array(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)
