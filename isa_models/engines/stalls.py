"""Numbers of the reasons for which an instruction waited, as the compiled engines count them.

A reason below REGISTER_COUNT is a dependence on that register; from `FIRST_PORT` on it is a port or unit of the core.
"""

from isa_models.operand_syntax import REGISTER_COUNT

FRONT_END = REGISTER_COUNT
RESULTS = REGISTER_COUNT + 1
WINDOW = REGISTER_COUNT + 2
QUEUE = REGISTER_COUNT + 3
BRANCH = REGISTER_COUNT + 4
L1_MISS = REGISTER_COUNT + 5
L2_MISS = REGISTER_COUNT + 6
STORE = REGISTER_COUNT + 7
PAIRING = REGISTER_COUNT + 8
DISPATCH = REGISTER_COUNT + 9
FIRST_PORT = REGISTER_COUNT + 10

_NAMES = {
    FRONT_END: "front end",
    RESULTS: "results per cycle",
    WINDOW: "window full",
    QUEUE: "queue full",
    BRANCH: "branch misprediction",
    L1_MISS: "L1 miss",
    L2_MISS: "L2 miss",
    STORE: "store to load",
    PAIRING: "issue pairing",
    DISPATCH: "dispatch",
}


def reason_count(port_count: int) -> int:
    """Return how many reasons a core with `port_count` ports or units has."""
    return FIRST_PORT + port_count


def reason_name(reason: int, ports: tuple[str, ...], register: str | None) -> str:
    """Name a reason for people; `register` is the name of the register for a dependence."""
    if register is not None:
        return f"dependence on {register}"
    if reason >= FIRST_PORT:
        return f"port {ports[reason - FIRST_PORT]}"
    return _NAMES[reason]
