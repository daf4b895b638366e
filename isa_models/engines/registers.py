"""Register values of the core that is simulated: when they are there, not what they are."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from isa_models.compilation import compiled
from isa_models.engines.lowering import ACCUMULATOR, MAX_READS, MAX_WRITES, MERGED, NONE, STORE_DATA, StaticCode
from isa_models.operand_syntax import REGISTER_COUNT

IntArray = NDArray[np.int64]


class Registers(NamedTuple):
    """Per register.

    `ready`: cycle of its value; `accumulated`: the same for the accumulator of a like instruction; `writer`: class of
    the last writer; `dataflow`: cycle if nothing but dependences counted; `level`: cache level that delayed the value.
    """

    ready: IntArray
    accumulated: IntArray
    writer: IntArray
    dataflow: IntArray
    level: IntArray


def new_registers() -> Registers:
    """Return registers that all have their values."""
    ready, accumulated, writer, dataflow, level = (np.zeros(REGISTER_COUNT, dtype=np.int64) for _ in range(5))
    writer[:] = NONE
    return Registers(ready, accumulated, writer, dataflow, level)


@compiled
def operands_ready(code: StaticCode, registers: Registers, static: int) -> tuple[int, int, int, int]:
    """Return when an instruction can start, which register sets that, when store data are there, and the dataflow.

    A merged destination is needed only as the result is written, an accumulator of a like instruction comes early.
    """
    start = 0
    culprit = NONE
    data = 0
    dataflow = 0
    for column in range(MAX_READS):
        register = code.reads[static, column]
        if register < 0:
            break
        use = code.read_use[static, column]
        cycle = registers.ready[register]
        if use == STORE_DATA:
            data = max(data, cycle)
            continue
        early = 0
        if use == MERGED:
            early = code.latency[static]
            cycle -= early
        elif (
            use == ACCUMULATOR and registers.writer[register] == code.class_id[static] and code.accumulate[static] >= 0
        ):
            early = code.latency[static] - code.accumulate[static]
            cycle = registers.accumulated[register]
        if cycle > start:
            start = cycle
            culprit = register
        dataflow = max(dataflow, registers.dataflow[register] - early)
    return start, culprit, data, dataflow


@compiled
def write_results(
    code: StaticCode, registers: Registers, static: int, issue: int, start: int, dataflow: int, level: int
) -> int:
    """Note the results of an instruction that took effect at `start`; return its longest dataflow cycle.

    A base register that is written back counts from `issue`: it does not wait for the data.
    """
    longest = 0
    accumulated = start + max(code.accumulate[static], 0)
    for column in range(MAX_WRITES):
        register = code.writes[static, column]
        if register < 0:
            break
        begin = issue if register == code.base[static] else start
        registers.ready[register] = begin + code.write_latency[static, column]
        registers.accumulated[register] = accumulated
        registers.writer[register] = code.class_id[static]
        registers.dataflow[register] = dataflow + code.write_latency[static, column]
        registers.level[register] = level
        longest = max(longest, registers.dataflow[register])
    return longest
