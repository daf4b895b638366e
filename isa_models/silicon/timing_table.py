"""The table of measured latencies and throughputs: `instruction_timing.csv`, one line for each instruction and core."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TABLE = Path(__file__).parent / "instruction_timing.csv"


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured of one instruction form on one core.

    Attributes:
        group: Heading that the source lists it under, such as "Vector shift".
        row: Its name in the source, such as "shl.b (imm; <<2)"; the same on every core.
        latency: In cycles, None where it was not measured.
        throughput: In instructions per cycle, None where it was not measured.

    """

    group: str
    row: str
    latency: float | None
    throughput: float | None


def measurements(core: str) -> list[Measurement]:
    """Return all rows that were measured on a core, in the order of the source; none for a core that is not in it."""
    return list(_tables().get(core, ()))


def measured_cores() -> tuple[str, ...]:
    """Names of the cores of the table."""
    return tuple(_tables())


def table_rows() -> list[tuple[str, str]]:
    """Group and name of every row, each once."""
    return list(dict.fromkeys((entry.group, entry.row) for table in _tables().values() for entry in table))


@lru_cache(maxsize=1)
def _tables() -> dict[str, tuple[Measurement, ...]]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return _by_core(csv.DictReader(file))


def _by_core(lines: Iterable[dict[str, str]]) -> dict[str, tuple[Measurement, ...]]:
    tables: dict[str, list[Measurement]] = {}
    for line in lines:
        latency, throughput = _number(line["latency_cycles"]), _number(line["throughput_per_cycle"])
        if latency is not None or throughput is not None:
            entry = Measurement(line["group"], line["instruction"], latency, throughput)
            tables.setdefault(line["core"], []).append(entry)
    return {core: tuple(entries) for core, entries in tables.items()}


def _number(text: str) -> float | None:
    return float(text) if text else None
