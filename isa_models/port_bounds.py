"""What the ports of an out-of-order core limit, whichever port each micro-operation takes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from isa_models.core import OutOfOrderCore
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.parts import PARTS
from isa_models.simulation import Bound

IntArray = NDArray[np.int64]


def port_bounds(code: OutOfOrderCode, executions: IntArray, names: Sequence[str], busy: IntArray) -> list[Bound]:
    """Return the cycles that sets of ports need for the work that nothing but they can do.

    The sets are those that micro-operations choose from, and unions of two of these. `executions`: how often each row
    ran; `names`: of the ports; `busy`: cycles that each port was really taken, which counts where it is the only choice
    of all its work (an access may take a port for longer than its class says).
    """
    work = _work(code, executions)
    sets = sorted({*work, *(first | second for first, second in combinations(work, 2))})
    bounds = []
    for ports in sets:
        cycles = sum(count for choice, count in work.items() if not choice & ~ports) / ports.bit_count()
        members = [port for port in range(len(names)) if ports >> port & 1]
        if len(members) == 1 and all(choice == ports or not choice & ports for choice in work):
            cycles = max(cycles, float(busy[members[0]]))
        label = ", ".join(names[port] for port in members)
        bounds.append(Bound(f"port{'s' if len(members) > 1 else ''} {label}", cycles))
    return bounds


def dispatched(code: OutOfOrderCode, executions: IntArray, core: OutOfOrderCore) -> int:
    """Return how many micro-operations can go to no queue but those that take a limited number a cycle."""
    limited = np.array([port in core.queue_inputs for port in core.ports])
    times = np.repeat(executions, np.diff(code.micro_op_before))
    if not times.size:
        return 0
    return int(times[np.logical_and.reduceat(limited[code.choices], code.choice_before[:-1])].sum())


def _work(code: OutOfOrderCode, executions: IntArray) -> dict[int, float]:
    """Cycles of occupancy by the ports to choose from, a bit each."""
    if not code.occupancy.size:
        return {}
    choices, which = np.unique(np.bitwise_or.reduceat(1 << code.choices, code.choice_before[:-1]), return_inverse=True)
    parts = np.zeros(choices.size, np.int64)
    np.add.at(parts, which, code.occupancy * np.repeat(executions, np.diff(code.micro_op_before)))
    return dict(zip(choices.tolist(), (parts / PARTS).tolist(), strict=True))
