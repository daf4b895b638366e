"""What the ports of an out-of-order core limit, whichever port each micro-operation takes."""

from collections import Counter
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
    sets = set(work) | {first | second for first, second in combinations(work, 2)}
    bounds = []
    for ports in sets:
        cycles = float(sum(count for choice, count in work.items() if choice <= ports)) / len(ports)
        if len(ports) == 1 and not any(ports < choice for choice in work):
            cycles = max(cycles, float(busy[min(ports)]))
        label = ", ".join(names[port] for port in sorted(ports))
        bounds.append(Bound(f"port{'s' if len(ports) > 1 else ''} {label}", cycles))
    return bounds


def dispatched(code: OutOfOrderCode, executions: IntArray, core: OutOfOrderCore) -> int:
    """Return how many micro-operations can go to no queue but those that take a limited number a cycle."""
    limited = np.array([port in core.queue_inputs for port in core.ports])
    times = np.repeat(executions, np.diff(code.micro_op_before))
    if not times.size:
        return 0
    return int(times[np.logical_and.reduceat(limited[code.choices], code.choice_before[:-1])].sum())


def _work(code: OutOfOrderCode, executions: IntArray) -> dict[frozenset[int], float]:
    """Cycles of occupancy by the ports to choose from."""
    work: Counter[frozenset[int]] = Counter()
    times = np.repeat(executions, np.diff(code.micro_op_before))
    choices, before = code.choices.tolist(), code.choice_before.tolist()
    for micro_op, parts in enumerate((code.occupancy * times).tolist()):
        work[frozenset(choices[before[micro_op] : before[micro_op + 1]])] += parts
    return {ports: parts / PARTS for ports, parts in work.items()}
