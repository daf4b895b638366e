"""Turn the executed instructions of a program into arrays that the compiled engines read.

What both engines need is `StaticCode`; each engine adds the timing of its kind of core. All arrays have one row per
instruction of the program; rows of instructions that the trace never executes stay empty.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.core import Core, InOrderCore, InOrderTiming, OutOfOrderCore, OutOfOrderTiming
from isa_models.engines.branches import CONDITIONAL, DIRECT, INDIRECT, NO_BRANCH, RETURN
from isa_models.errors import InputError
from isa_models.instruction_class import InstructionClass, classify
from isa_models.operand_syntax import FIRST_VECTOR, FLAGS
from isa_models.operands import Operands, decode
from isa_models.program import Instruction, Program

MAX_READS = 6
MAX_WRITES = 5
MAX_MICRO_OPS = 4
NONE = -1

# What a register that is read is needed for.
PLAIN, ACCUMULATOR, STORE_DATA, MERGED = range(4)

# Units of an in-order core, in the order of their numbers.
UNITS = ("alu", "shift", "multiply", "load_store", "branch", "neon")
# Which slots of an issue pair an instruction may take.
SLOT_ANY, SLOT_FIRST, SLOT_ALONE = range(3)

IntArray = NDArray[np.int64]


class StaticCode(NamedTuple):
    """Registers, memory and branches of each instruction; shapes (n,), (n, MAX_READS) or (n, MAX_WRITES).

    `reads`, `writes`: register numbers, -1 beyond the last; `read_use`: PLAIN, ACCUMULATOR, STORE_DATA or MERGED;
    `write_latency`: cycles from start to the result; `class_id`: equal for instructions of one timing class;
    `accumulate`: latency between accumulators of one class, -1 without forwarding; `base`: register written back, -1 if
    none; `size`: bytes accessed, 0 if none.
    """

    reads: IntArray
    read_use: IntArray
    writes: IntArray
    write_latency: IntArray
    class_id: IntArray
    latency: IntArray
    accumulate: IntArray
    base: IntArray
    size: IntArray
    is_store: NDArray[np.bool_]
    branch: IntArray


class InOrderCode(NamedTuple):
    """In-order timing of each instruction, shape (n,): see `core.InOrderTiming`."""

    unit: IntArray
    issue: IntArray
    slot: IntArray
    lanes: IntArray
    busy: IntArray
    late: IntArray


class OutOfOrderCode(NamedTuple):
    """Out-of-order timing of each instruction: see `core.OutOfOrderTiming`.

    `results`, `micro_ops`: shape (n,); `occupancy`, `after`: shape (n, MAX_MICRO_OPS); `choices`: shape
    (n, MAX_MICRO_OPS, ports), numbers of the ports that a micro-operation may go to, -1 beyond the last.
    """

    results: IntArray
    micro_ops: IntArray
    choices: IntArray
    occupancy: IntArray
    after: IntArray


def lower_in_order(program: Program, executed: NDArray[np.intp], core: InOrderCore) -> tuple[StaticCode, InOrderCode]:
    """Lower the instructions with indices `executed` for an in-order core; raises as `timing_of` does."""
    count = len(program.instructions)
    static = _empty_static(count)
    code = InOrderCode(*(np.zeros(count, dtype=np.int64) for _ in InOrderCode._fields))
    class_ids = {name: number for number, name in enumerate(core.classes)}
    for row in executed:
        instruction = program.instructions[row]
        operands = decode(instruction)
        kind, key = _find_class(instruction, operands, core)
        timing = core.classes[key]
        _fill_static(static, row, instruction, operands, timing, class_ids[key], core)
        lanes = _lanes(timing, kind, operands)
        code.unit[row] = UNITS.index(timing.unit)
        code.issue[row] = timing.issue
        code.lanes[row] = lanes
        code.busy[row] = timing.busy
        code.late[row] = timing.late
        code.slot[row] = _slot(timing, lanes)
    return static, code


def lower_out_of_order(
    program: Program, executed: NDArray[np.intp], core: OutOfOrderCore
) -> tuple[StaticCode, OutOfOrderCode]:
    """Lower the instructions with indices `executed` for an out-of-order core; raises as `timing_of` does."""
    count = len(program.instructions)
    static = _empty_static(count)
    code = OutOfOrderCode(
        results=np.zeros(count, dtype=np.int64),
        micro_ops=np.zeros(count, dtype=np.int64),
        choices=np.full((count, MAX_MICRO_OPS, len(core.ports)), NONE, dtype=np.int64),
        occupancy=np.zeros((count, MAX_MICRO_OPS), dtype=np.int64),
        after=np.zeros((count, MAX_MICRO_OPS), dtype=np.int64),
    )
    class_ids = {name: number for number, name in enumerate(core.classes)}
    for row in executed:
        instruction = program.instructions[row]
        operands = decode(instruction)
        _, key = _find_class(instruction, operands, core)
        timing = core.classes[key]
        _fill_static(static, row, instruction, operands, timing, class_ids[key], core)
        code.results[row] = _result_count(operands) + timing.temporaries
        micro_ops = [(micro_op.ports, micro_op.occupancy, micro_op.after) for micro_op in timing.micro_ops()]
        if operands.writeback is not None:
            micro_ops.append((core.writeback_ports, 1, 0))
        code.micro_ops[row] = len(micro_ops)
        for number, (ports, occupancy, after) in enumerate(micro_ops):
            for column, port in enumerate(ports):
                code.choices[row, number, column] = core.ports.index(port)
            code.occupancy[row, number] = occupancy
            code.after[row, number] = after
    return static, code


def _find_class(instruction: Instruction, operands: Operands, core: Core) -> tuple[InstructionClass, str]:
    """Return class and key of its entry in `core`; raises InputError naming instruction, place and core if none."""
    kind = classify(instruction.mnemonic, operands)
    where = f"{instruction.source or 'no source line'} ({instruction.address:#x})"
    if kind is None:
        raise InputError(f"{where}: '{instruction.text}' belongs to no instruction class (instruction_class.py)")
    if kind.feature is not None and kind.feature not in core.features:
        raise InputError(f"{where}: '{instruction.text}' needs the ISA feature '{kind.feature}', {core.name} has not")
    for key in kind.keys:
        if key in core.classes:
            return kind, key
    raise InputError(
        f"{where}: {core.name} has no entry '{kind.names[-1]}' for '{instruction.text}': add it to classes"
    )


def _empty_static(count: int) -> StaticCode:
    def table(width: int, value: int) -> IntArray:
        return np.full((count, width), value, dtype=np.int64)

    def column(value: int) -> IntArray:
        return np.full(count, value, dtype=np.int64)

    return StaticCode(
        reads=table(MAX_READS, NONE),
        read_use=table(MAX_READS, PLAIN),
        writes=table(MAX_WRITES, NONE),
        write_latency=table(MAX_WRITES, 0),
        class_id=column(NONE),
        latency=column(0),
        accumulate=column(NONE),
        base=column(NONE),
        size=column(0),
        is_store=np.zeros(count, dtype=np.bool_),
        branch=column(NO_BRANCH),
    )


def _fill_static(
    static: StaticCode,
    row: int,
    instruction: Instruction,
    operands: Operands,
    timing: InOrderTiming | OutOfOrderTiming,
    class_id: int,
    core: Core,
) -> None:
    merges = isinstance(timing, InOrderTiming) and timing.merges
    for column, part in enumerate(operands.reads):
        static.reads[row, column] = part.register
        static.read_use[row, column] = _use(part.register, operands, merges)
    for column, part in enumerate(operands.writes):
        is_base = part.register == operands.writeback
        static.writes[row, column] = part.register
        static.write_latency[row, column] = (
            core.writeback_latency if is_base else timing.latency + column * timing.result_step
        )
    static.class_id[row] = class_id
    static.latency[row] = timing.latency
    static.accumulate[row] = NONE if timing.accumulate is None else timing.accumulate
    static.base[row] = NONE if operands.writeback is None else operands.writeback
    static.branch[row] = _branch_kind(instruction.mnemonic)
    if operands.memory is not None:
        static.size[row] = operands.memory.size_bytes
        static.is_store[row] = operands.memory.is_store


def _use(register: int, operands: Operands, merges: bool) -> int:
    if register == operands.accumulator:
        return ACCUMULATOR
    if operands.memory is not None and operands.memory.is_store and register not in operands.address:
        return STORE_DATA
    if merges and any(part.register == register for part in operands.writes):
        return MERGED
    return PLAIN


def _branch_kind(mnemonic: str) -> int:
    if mnemonic in ("b", "bl"):
        return DIRECT
    if mnemonic.startswith("b.") or mnemonic in ("cbz", "cbnz", "tbz", "tbnz"):
        return CONDITIONAL
    if mnemonic in ("br", "blr"):
        return INDIRECT
    return RETURN if mnemonic == "ret" else NO_BRANCH


def _result_count(operands: Operands) -> int:
    """Count the 64-bit results: two for a 128-bit register, none for the flags."""
    return sum(2 if part.bits == 128 else 1 for part in operands.writes if part.register != FLAGS)


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
