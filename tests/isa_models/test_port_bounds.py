"""What the ports limit, against every set of ports tried one by one and against the engine."""

from __future__ import annotations

from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isa_models import OutOfOrderCore, load_core, time_trace
from isa_models.engines.lowering_out_of_order import OutOfOrderCode
from isa_models.engines.parts import parts_of
from isa_models.port_bounds import port_bounds
from tests.isa_models.snippets import assemble, repeated_trace

PORTS = "ABCD"
MicroOps = tuple[tuple[str, int], ...]
"""Ports to choose from and cycles of occupancy, of each micro-operation of an instruction."""


def code_of(rows: list[MicroOps]) -> OutOfOrderCode:
    micro_ops = list(chain.from_iterable(rows))
    count, none = len(micro_ops), np.zeros(len(rows), dtype=np.int64)
    return OutOfOrderCode(
        results=none,
        forward=none,
        forward_turn=none,
        misaligned_latency=none,
        misaligned_occupancy=none,
        micro_op_before=np.cumsum([0, *map(len, rows)]),
        occupancy=np.array([parts_of(occupancy) for _, occupancy in micro_ops], dtype=np.int64),
        after=np.zeros(count, dtype=np.int64),
        behind=np.zeros(count, dtype=np.int64),
        depth=np.zeros(count, dtype=np.int64),
        result=np.zeros(count, dtype=np.int64),
        choice_before=np.cumsum([0, *(len(ports) for ports, _ in micro_ops)]),
        choices=np.array([PORTS.index(port) for ports, _ in micro_ops for port in ports], dtype=np.int64),
    )


def bounds_of(rows: list[tuple[MicroOps, int]], busy: tuple[int, ...] = (0, 0, 0, 0)) -> dict[str, float]:
    """Bounds by name of instructions that run so many times each."""
    executions = np.array([times for _, times in rows], dtype=np.int64)
    bounds = port_bounds(code_of([micro_ops for micro_ops, _ in rows]), executions, PORTS, np.array(busy))
    assert len({bound.what for bound in bounds}) == len(bounds)
    return {bound.what: bound.cycles for bound in bounds}


def least_cycles(rows: list[tuple[MicroOps, int]]) -> float:
    """Cycles of the best way to share the work out, parts of an operation included: the worst of all sets of ports."""
    sets = chain.from_iterable(combinations(PORTS, size) for size in range(1, len(PORTS) + 1))
    work = [(set(ports), occupancy * times) for micro_ops, times in rows for ports, occupancy in micro_ops]
    return max(sum(cycles for choice, cycles in work if choice <= set(ports)) / len(ports) for ports in sets)


def test_occupancy_of_every_execution_counts():
    assert bounds_of([((("A", 2),), 10), ((("A", 1), ("B", 3)), 5)]) == {"port A": 25, "port B": 15, "ports A, B": 20}


def test_work_that_may_go_elsewhere_counts_for_the_set_only():
    assert bounds_of([((("AB", 1),), 30), ((("A", 1),), 10)]) == {"ports A, B": 20, "port A": 10}


def test_two_choices_that_overlap_are_limited_by_what_they_are_together():
    bounds = bounds_of([((("AB", 1),), 30), ((("BC", 1),), 30)])
    assert bounds == {"ports A, B": 15, "ports B, C": 15, "ports A, B, C": 20}


@pytest.mark.parametrize(("others", "expected"), [([], 27), ([((("AB", 1),), 1)], 20)])
def test_cycles_that_accesses_took_longer_count_where_the_port_does_nothing_else(others, expected):
    assert bounds_of([((("A", 2),), 10), *others], busy=(27, 0, 0, 0))["port A"] == expected


def test_instructions_without_micro_operations_limit_nothing():
    assert bounds_of([((), 100)]) == {}


CHOICES = st.sets(st.sampled_from(PORTS), min_size=1).map(lambda ports: "".join(sorted(ports)))
ROWS = st.tuples(st.lists(st.tuples(CHOICES, st.integers(1, 4)), max_size=3).map(tuple), st.integers(0, 20))


@given(st.lists(ROWS, min_size=1, max_size=5))
def test_no_bound_is_above_the_best_way_to_share_the_work_out(rows):
    bounds = bounds_of(rows)
    best = least_cycles(rows)
    assert max(bounds.values(), default=0.0) <= best + 1e-9
    if len({ports for micro_ops, _ in rows for ports, _ in micro_ops}) <= 2:
        assert max(bounds.values(), default=0.0) == pytest.approx(best)


@pytest.mark.parametrize("name", ["cortex-a72", "neoverse-n1", "neoverse-v1", "apple-m1"])
@pytest.mark.parametrize(
    "source",
    [
        pytest.param("eor v0.16b, v30.16b, v31.16b\ncnt v1.16b, v31.16b\nuadalp v2.8h, v29.16b", id="dot product"),
        pytest.param("ldr q0, [x28]\nldr q1, [x28, #1]\nldp q2, q3, [x28]", id="loads"),
        pytest.param("mul x0, x20, x21\nudiv x1, x20, x21\nadd x2, x20, x21", id="integer"),
        pytest.param("addv b0, v31.16b\nshl v1.8h, v31.8h, #2\nmul v2.8h, v30.8h, v31.8h", id="reduction"),
    ],
)
def test_the_engine_never_beats_a_port(name, source):
    core = load_core(name)
    assert isinstance(core, OutOfOrderCore)
    simulation = time_trace(repeated_trace(assemble([source])[0], 100), core)
    ports = [bound for bound in simulation.bounds if bound.what.startswith("port")]
    assert ports
    for bound in ports:
        assert bound.cycles <= simulation.cycles, bound
    for port, share in simulation.ports.items():
        assert 0.0 <= share <= 1.0, port
