"""Turn the executed instructions of a program into arrays that the compiled engines read.

What both kinds of engine need is `StaticCode`; `lowering_in_order` and `lowering_out_of_order` add the timing of their
kind of core. All arrays have one row per executed instruction, in the order of addresses.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.core import Core, InOrderTiming, OutOfOrderTiming
from isa_models.engines.branches import CONDITIONAL, DIRECT, INDIRECT, NO_BRANCH, RETURN
from isa_models.engines.parts import parts_of
from isa_models.errors import InputError
from isa_models.instruction_class import InstructionClass, classify
from isa_models.operands import Operands, decode
from isa_models.program import Instruction

MAX_READS = 6
MAX_WRITES = 5
NONE = -1

# What a register that is read is needed for.
PLAIN, ACCUMULATOR, STORE_DATA, MERGED = range(4)

# To where an instruction prefetches data.
NO_PREFETCH, PREFETCH_TO_L1, PREFETCH_TO_L2 = range(3)

IntArray = NDArray[np.int64]


class StaticCode(NamedTuple):
    """Registers, memory and branches of each row; shapes (n,), (n, MAX_READS) or (n, MAX_WRITES).

    `reads`, `writes`: register numbers, the first `read_count` or `write_count` of them; `read_use`: PLAIN,
    ACCUMULATOR, STORE_DATA or MERGED; `write_latency`: cycles from start to the result; `class_id`: equal for
    instructions of one timing class; `accumulate`: latency between accumulators of one class, -1 without forwarding,
    and `accumulate_parts`, in parts of a cycle, more; `merge`: latency from the part of the destination that is kept;
    `alignment`: bytes of which the address of a load should be a multiple; `base`: register written back, -1 if none;
    `size`: bytes accessed, 0 if none, 1 for a prefetch; `is_atomic`: a load that stores
    to the same bytes, as its result comes; `prefetch`: NO_PREFETCH, PREFETCH_TO_L1 or PREFETCH_TO_L2.
    `access_rows`, `branch_rows`: the rows that access memory, and those that branch; `access_before`, `branch_before`:
    shape (n + 1,), how many of these lie in front of each row.
    """

    reads: IntArray
    read_use: IntArray
    read_count: IntArray
    writes: IntArray
    write_latency: IntArray
    write_count: IntArray
    class_id: IntArray
    latency: IntArray
    accumulate: IntArray
    accumulate_parts: IntArray
    merge: IntArray
    alignment: IntArray
    base: IntArray
    size: IntArray
    prefetch: IntArray
    is_store: NDArray[np.bool_]
    is_atomic: NDArray[np.bool_]
    branch: IntArray
    access_rows: IntArray
    access_before: IntArray
    branch_rows: IntArray
    branch_before: IntArray


class StaticRow(NamedTuple):
    """One row of `StaticCode`, as plain numbers."""

    reads: tuple[int, ...]
    read_use: tuple[int, ...]
    read_count: int
    writes: tuple[int, ...]
    write_latency: tuple[int, ...]
    write_count: int
    class_id: int
    latency: int
    accumulate: int
    accumulate_parts: int
    merge: int
    alignment: int
    base: int
    size: int
    prefetch: int
    is_store: bool
    is_atomic: bool
    branch: int


def find_class(instruction: Instruction, core: Core) -> tuple[Operands, InstructionClass, str]:
    """Return operands and class of an instruction, and the key of its entry in `core`.

    Raises UnsupportedInstructionError for an instruction that the operand table lacks, InputError, with instruction,
    place and core, for one that belongs to no class or has no entry, or needs an ISA extension that the core has not.
    """
    operands = decode(instruction)
    kind = classify(instruction.mnemonic, operands)
    if kind is None:
        raise _refused(instruction, f"'{instruction.text}' belongs to no instruction class (instruction_class.py)")
    if kind.feature is not None and kind.feature not in core.features:
        raise _refused(instruction, f"'{instruction.text}' needs the ISA feature '{kind.feature}', {core.name} has not")
    for key in kind.keys:
        if key in core.classes:
            return operands, kind, key
    wanted = kind.names[-1]
    raise _refused(instruction, f"{core.name} has no entry '{wanted}' for '{instruction.text}': add it to classes")


def _refused(instruction: Instruction, reason: str) -> InputError:
    return InputError(f"{instruction.source or 'no source line'} ({instruction.address:#x}): {reason}")


def static_row(
    instruction: Instruction,
    operands: Operands,
    timing: InOrderTiming | OutOfOrderTiming,
    class_id: int,
    core: Core,
) -> StaticRow:
    """Lower one instruction."""
    merges = timing.merges if isinstance(timing, InOrderTiming) else timing.merge is not None
    latencies = [timing.latency + place * timing.result_step for place in range(len(operands.writes))]
    for place, part in enumerate(operands.writes):
        if part.register == operands.writeback:
            latencies[place] = core.writeback_latency
    memory = operands.memory
    prefetch = _prefetch_target(operands)
    return StaticRow(
        reads=padded([part.register for part in operands.reads], MAX_READS, NONE),
        read_use=padded([_use(part.register, operands, merges) for part in operands.reads], MAX_READS, PLAIN),
        read_count=len(operands.reads),
        writes=padded([part.register for part in operands.writes], MAX_WRITES, NONE),
        write_latency=padded(latencies, MAX_WRITES, 0),
        write_count=len(operands.writes),
        class_id=class_id,
        latency=timing.latency,
        accumulate=NONE if timing.accumulate is None else int(timing.accumulate),
        accumulate_parts=parts_of((timing.accumulate or 0) % 1),
        merge=0 if isinstance(timing, InOrderTiming) or timing.merge is None else timing.merge,
        alignment=1 if isinstance(timing, InOrderTiming) or timing.misaligned is None else timing.misaligned.alignment,
        base=NONE if operands.writeback is None else operands.writeback,
        size=int(prefetch != NO_PREFETCH) if memory is None else memory.size_bytes,
        prefetch=prefetch,
        is_store=memory is not None and memory.is_store,
        is_atomic=memory is not None and memory.is_atomic,
        branch=_branch_kind(instruction.mnemonic),
    )


def static_code(columns: Sequence[NDArray[Any]]) -> StaticCode:
    """Return the code whose rows have these columns, one for each field of `StaticRow`."""
    fields = dict(zip(StaticRow._fields, columns, strict=True))
    access = fields["size"] > 0
    branch = fields["branch"] != NO_BRANCH
    return StaticCode(
        **fields,
        access_rows=np.flatnonzero(access),
        access_before=running(access),
        branch_rows=np.flatnonzero(branch),
        branch_before=running(branch),
    )


def running(counts: NDArray[Any]) -> IntArray:
    """Return for each place the sum of the counts in front of it, and behind them the sum of all."""
    return np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])


def padded(values: list[int], width: int, padding: int) -> tuple[int, ...]:
    """Return the values, and as much padding behind them as makes `width`."""
    return tuple(values + [padding] * (width - len(values)))


def _use(register: int, operands: Operands, merges: bool) -> int:
    if register == operands.accumulator:
        return ACCUMULATOR
    if operands.memory is not None and operands.memory.is_store and register not in operands.address:
        return STORE_DATA
    if merges and any(part.register == register for part in operands.writes):
        return MERGED
    return PLAIN


def _prefetch_target(operands: Operands) -> int:
    """Return to where data are prefetched; there is no third level here."""
    if operands.prefetch_level is None:
        return NO_PREFETCH
    return PREFETCH_TO_L1 if operands.prefetch_level == 1 else PREFETCH_TO_L2


def _branch_kind(mnemonic: str) -> int:
    if mnemonic in ("b", "bl"):
        return DIRECT
    if mnemonic.startswith("b.") or mnemonic in ("cbz", "cbnz", "tbz", "tbnz"):
        return CONDITIONAL
    if mnemonic in ("br", "blr"):
        return INDIRECT
    return RETURN if mnemonic == "ret" else NO_BRANCH
