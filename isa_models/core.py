"""Core descriptions: what a core's pipeline, caches and instruction timings are, loaded from `cores/NAME.yaml`.

A description may start from another (`extends: cortex-a72`; with `inherited_confidence: low` what it takes over counts
as no surer than that) and single fields may be overridden, which gives a named variant of the core. Every instruction
class entry carries where its figures come from and how sure they are.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from isa_models.class_keys import known_class, known_feature
from isa_models.errors import InputError
from isa_models.near_match import did_you_mean

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORES_FOLDER = Path(__file__).parent / "cores"

Confidence = Literal["high", "medium", "low"]
"""high: measured on silicon; medium: follows from a measurement of a like instruction; low: secondary source."""


def _is_average(cycles: float) -> float:
    """Return cycles; raises ValueError for what the engines, which count hundredths of a cycle, would round."""
    if abs(100 * cycles - round(100 * cycles)) > 1e-6:
        raise ValueError("must have two decimals at most")
    return cycles


Average = Annotated[float, Field(allow_inf_nan=False, le=10_000), AfterValidator(_is_average)]
"""Cycles that may be an average between whole ones, in hundredths: 1.25 is one three times and two the fourth time."""

Cycles = Annotated[int, Field(ge=0, le=10_000)]
"""Whole cycles; ten thousand are more than anything in a core takes, and engines add billions of them in 64 bits."""

Limit = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A number that engines compare theirs with: a thousand million is as good as none."""

ClassKey = Annotated[str, AfterValidator(known_class)]
"""Name of an entry that some instruction is looked up by, see `isa_models.instruction_class`."""

Feature = Annotated[str, AfterValidator(known_feature)]
"""Name of an extension of the instruction set; one that is not emulated is declared for the record."""


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sourced(_Description):
    """Something with an origin: `source` is a key of the core's `sources`."""

    source: str
    confidence: Confidence


class CacheLevel(Sourced):
    """A set-associative cache with least-recently-used replacement.

    `latency`: cycles from the issue of a load to its result when the line is here; the latency of a hit in L1 belongs
    to the instruction class, so L1 has 0 here. `fill_cycles`: cycles between two lines handed to the level above;
    `outstanding`: misses that it waits for at a time (of L1 only). `size_kib` ends at 64 MiB, as every line takes
    memory of this computer.
    """

    size_kib: int = Field(gt=0, le=65_536)
    ways: int = Field(gt=0, le=65_536)
    line_bytes: int = Field(ge=16, le=4_096)
    latency: Cycles = 0
    fill_cycles: Cycles = 0
    outstanding: int = Field(default=8, ge=1, le=64)

    @model_validator(mode="after")
    def _geometry(self) -> "CacheLevel":
        if self.line_bytes & (self.line_bytes - 1):
            raise ValueError(f"line_bytes must be a power of two, got {self.line_bytes}")
        if self.size_kib * 1024 % (self.ways * self.line_bytes) or self.set_count & (self.set_count - 1):
            raise ValueError(f"{self.size_kib} KiB in {self.ways} ways is no power-of-two number of sets")
        return self

    @property
    def set_count(self) -> int:
        """Number of sets."""
        return self.size_kib * 1024 // (self.ways * self.line_bytes)


class Memory(Sourced):
    """Main memory; `latency` in core cycles from issue to result, `fill_cycles` between two lines."""

    latency: Cycles
    fill_cycles: Cycles = 0


class Prefetcher(Sourced):
    """A stride prefetcher: after `trigger` equal strides of one load it fetches `distance` lines ahead (0: none)."""

    trigger: Annotated[Limit, Field(ge=1)]
    distance: int = Field(ge=0, le=32)


class SplitAccess(Sourced):
    """An access to more blocks of `bytes` than its size needs.

    It holds its port `occupancy` cycles longer, and its result comes `latency` cycles later; of these and those of
    `MisalignedLoad` the larger ones count.
    """

    bytes: Literal[4, 8, 16, 32, 64]
    latency: Cycles
    occupancy: Cycles = 1

    @property
    def shift(self) -> int:
        """Base-two logarithm of `bytes`."""
        return self.bytes.bit_length() - 1


class Branches(Sourced):
    """Cost of a misprediction in cycles, and the longest loop whose exit the predictor learns, in iterations."""

    mispredict: Cycles
    learned_iterations: Limit


class InOrderTiming(Sourced):
    """Timing of one instruction class on an in-order core.

    `latency`: cycles from start to the use of the first result; `result_step`: how much later each further one comes.
    `issue`: cycles for which it holds the issue stage. `slot`: "any", "first" (only as the older of a pair), "alone"
    (left out: "first" where it takes both Advanced SIMD lanes, else "any"). `unit`: where it executes; `busy`: cycles
    until the unit (or the lanes) take the next one. `lanes`: 64-bit Advanced SIMD lanes that it takes (left out: two
    for a 128-bit result, else one). `late`: how many cycles after issue it can still wait for its operands in the
    pipeline. `accumulate`: latency from the accumulator result of one such instruction to the accumulator of the next.
    `merges`: keeps part of its destination, which it needs only as it writes.

    Loads: `split`: how much later the results of an access come that crosses a boundary (left out: as `split` of the
    core says). Stores: `forward`: cycles from issue until a load of its first 16 bytes can issue, `forward_step`
    those for each 16 bytes more; `latency` here: cycles from the arrival of the data until such a load can issue.
    Branches: `bubble`: cycles without fetch after it is taken.
    """

    latency: Cycles
    unit: Literal["alu", "shift", "multiply", "load_store", "branch", "neon"]
    late: Cycles = 0
    result_step: Cycles = 0
    issue: Annotated[Cycles, Field(ge=1)] = 1
    slot: Literal["any", "first", "alone"] | None = None
    lanes: int | None = Field(default=None, ge=0, le=2)
    busy: int = Field(default=1, ge=1, le=512)
    accumulate: Cycles | None = None
    merges: bool = False
    split: Cycles | None = None
    forward: Annotated[Cycles, Field(ge=1)] = 1
    forward_step: int = Field(default=0, ge=0, le=2)
    bubble: Cycles = 0


class InstructionFetch(Sourced):
    """Fetch of an in-order core: `width` instructions of one aligned group a cycle into a queue of `queue` entries.

    `keeps_target`: whether the instructions at the target of the last taken branch are kept, so that it has no bubble
    when it is taken again.
    """

    width: Literal[1, 2, 4, 8]
    queue: int = Field(ge=2, le=64)
    keeps_target: bool


class MicroOp(_Description):
    """One port for `occupancy` cycles, at the earliest `after` cycles behind the start of micro-operation `behind`.

    An occupancy between whole cycles is an average: 1.25 is one cycle three times and two the fourth time. `result`:
    cycles from its start to its result, see `OutOfOrderCore.result_ports` (left out: as `OutOfOrderTiming` says).
    """

    ports: tuple[str, ...] = Field(min_length=1)
    occupancy: Average = Field(default=1, ge=1)
    after: Cycles = 0
    behind: int = Field(default=0, ge=0, le=64)
    result: Cycles | None = None


class MisalignedLoad(_Description):
    """What a load costs whose address is no multiple of `alignment` bytes.

    Its results come `latency` cycles later, and it holds its port `occupancy` cycles longer.
    """

    alignment: Literal[2, 4, 8, 16]
    latency: Cycles = 0
    occupancy: Average = Field(default=0, ge=0)


class OutOfOrderTiming(Sourced):
    """Timing of one instruction class on an out-of-order core.

    `latency`: cycles from issue to the first result; `result_step`: how much later each further one comes. `ports`:
    where the first micro-operation may go (none: it needs no port), `occupancy`: cycles it blocks the port. `more`:
    further micro-operations. `accumulate` as in `InOrderTiming`. `merge`: latency from the part of the destination
    that is kept to the result (left out: as from the other operands). `temporaries`: 64-bit results that its
    micro-operations hand to each other, counted besides those of the operands. `misaligned`: of a load, see there.

    A micro-operation for which others wait has its result when they may start, but none if that is in the next cycle:
    it is the first pass of two, which hand over together. The others have theirs when the latency ends.

    Of a store: `forward`: cycles more than `store_forward_latency` that its data take to reach a load;
    `forward_turn`: cycles from the result of the first load that reads it back to that of the first one that reads the
    next store back.
    These and the occupancies may be averages between whole cycles, and so may `accumulate`.
    """

    latency: Cycles
    result_step: Cycles = 0
    ports: tuple[str, ...] = ()
    occupancy: Average = Field(default=1, ge=1)
    more: tuple[MicroOp, ...] = ()
    accumulate: Average | None = Field(default=None, ge=0)
    merge: Cycles | None = None
    temporaries: int = Field(default=0, ge=0, le=64)
    misaligned: MisalignedLoad | None = None
    forward: Average = Field(default=0, ge=0)
    forward_turn: Average = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _order(self) -> "OutOfOrderTiming":
        if self.more and not self.ports:
            raise ValueError("more: the first micro-operation needs ports")
        if self.merge is not None and self.merge > self.latency:
            raise ValueError(f"merge: {self.merge} cycles are more than the latency, {self.latency}")
        for number, micro_op in enumerate(self.more, start=1):
            if micro_op.behind >= number:
                raise ValueError(f"more: micro-operation {number} can only be behind one before it")
        return self

    def micro_ops(self) -> tuple[MicroOp, ...]:
        """All micro-operations, the first included."""
        first = (MicroOp(ports=self.ports, occupancy=self.occupancy),) if self.ports else ()
        return first + self.more


class _CoreBase(_Description):
    name: str
    description: str
    clock_hz: int = Field(gt=0, le=1_000_000_000_000)
    features: tuple[Feature, ...] = ()
    sources: dict[str, str]
    l1: CacheLevel
    l2: CacheLevel
    memory: Memory
    prefetcher: Prefetcher
    split: SplitAccess
    store_split: SplitAccess | None = None
    branches: Branches
    writeback_latency: Cycles

    @model_validator(mode="after")
    def _same_lines(self) -> "_CoreBase":
        if self.l1.line_bytes != self.l2.line_bytes:
            raise ValueError(
                f"l2.line_bytes: must be that of L1, {self.l1.line_bytes}, got {self.l2.line_bytes}: lines move whole"
            )
        return self

    @cached_property
    def digest(self) -> str:
        """Content hash of the whole description, hexadecimal; kept, as the key of every timing asks for it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class InOrderCore(_CoreBase):
    """An in-order core.

    `width` instructions issue a cycle at most; the Advanced SIMD queue has `neon_queue` entries. An address needs its
    registers `address_early` cycles before arithmetic would, unless the result is a base that was written back. A store
    waits at issue until its data are `store_data_late` cycles away. It holds issue for a cycle more for each line that
    it opens beyond the first; a line is open where the store before it ended.
    """

    kind: Literal["in-order"]
    width: int = Field(ge=1, le=4)
    fetch: InstructionFetch
    neon_queue: int = Field(ge=1, le=64)
    address_early: Cycles
    store_data_late: Cycles
    classes: dict[ClassKey, InOrderTiming]

    @model_validator(mode="after")
    def _check(self) -> "InOrderCore":
        _check_sources(self, self.classes, {"fetch": self.fetch})
        return self


class OutOfOrderCore(_CoreBase):
    """An out-of-order core.

    Fetch and renaming run at most `fetch_ahead` cycles ahead of dispatch, and a taken branch ends its group.
    `decode_width` instructions are fetched a cycle and at most dispatched, `results_per_cycle` 64-bit results renamed
    (null: no such limit); `retire_width` leave the window.

    At most `port_queue` micro-operations wait in front of each port. They are dispatched in program order, each to that
    of its ports which has the fewest, counting those that wait and those that started in the last `queue_hold` cycles;
    `steering` decides between equal ones: "shortest_queue" for the one chosen longest ago or, of empty ones, listed
    first, "shortest_queue_listed" for the one listed first. In a cycle each queue takes as many as `queue_inputs` says,
    and these queues together `dispatch_width` (left out: any number).

    Each of `result_ports` hands over one result a cycle: what would end together with another one, which waits or
    started in the last `queue_hold` cycles, starts later. In a cycle each looks at its `issue_reach` oldest
    micro-operations that are ready (left out: at all), so that no younger one can use what these leave.

    A store that touches 16 bytes which the store before it did not touch takes the store port for `store_drain` cycles
    at least, one of a byte or halfword for `narrow_store_drain`. A load of bytes that a store in the window wrote has
    its result `store_forward_latency`, and what `forward` of the store's class adds, after the store at the earliest.
    Where the last store to some 8 bytes of the load wrote only some of these, the load has its result
    `partial_forward_latency` cycles after the data (left out: as any other), and after the stores were written to L1,
    `commit_latency` cycles behind their retirement.
    """

    kind: Literal["out-of-order"]
    decode_width: int = Field(ge=1, le=16)
    fetch_ahead: int = Field(ge=0, le=1024)
    results_per_cycle: Annotated[Limit, Field(ge=1)] | None
    retire_width: int = Field(ge=1, le=16)
    window: int = Field(ge=1, le=1024)
    port_queue: int = Field(ge=1, le=64)
    store_forward_latency: Average = Field(ge=0)
    partial_forward_latency: Average | None = Field(default=None, ge=0)
    commit_latency: Average = Field(default=0, ge=0)
    store_drain: Average = Field(ge=1)
    narrow_store_drain: Average = Field(ge=1)
    writeback_ports: tuple[str, ...] = Field(min_length=1)
    ports: tuple[str, ...] = Field(min_length=1, max_length=32)
    steering: Literal["shortest_queue", "shortest_queue_listed"] = "shortest_queue"
    queue_inputs: dict[str, Annotated[int, Field(ge=1, le=64)]] = Field(default_factory=dict)
    queue_hold: int = Field(default=0, ge=0, le=32)
    result_ports: tuple[str, ...] = ()
    issue_reach: int | None = Field(default=None, ge=1, le=64)
    dispatch_width: int | None = Field(default=None, ge=1, le=64)
    classes: dict[ClassKey, OutOfOrderTiming]

    @model_validator(mode="after")
    def _check(self) -> "OutOfOrderCore":
        _check_sources(self, self.classes)
        used: dict[str, list[tuple[str, ...]]] = {
            f"classes.{name}": [micro_op.ports for micro_op in timing.micro_ops()]
            for name, timing in self.classes.items()
        }
        used["writeback_ports"] = [self.writeback_ports]
        used["queue_inputs"] = [tuple(self.queue_inputs)]
        used["result_ports"] = [self.result_ports]
        if self.dispatch_width is not None and not self.queue_inputs:
            raise ValueError("dispatch_width: limits the queues that queue_inputs names, which names none")
        if self.issue_reach is not None and not self.result_ports:
            raise ValueError("issue_reach: limits the ports that result_ports names, which names none")
        for field, choices in used.items():
            for port in (port for choice in choices for port in choice):
                if port not in self.ports:
                    raise ValueError(f"{field}: port '{port}' is none of {', '.join(self.ports)}")
        return self


Core = InOrderCore | OutOfOrderCore
_ADAPTER: TypeAdapter[Core] = TypeAdapter(Annotated[Core, Field(discriminator="kind")])


def list_cores() -> tuple[str, ...]:
    """Names of the cores that come with the package, sorted."""
    return tuple(sorted(path.stem for path in _CORES_FOLDER.glob("*.yaml")))


def load_core(name: str | Path, overrides: dict[str, str] | None = None) -> Core:
    """Load a core by the name of one that comes with the package, or by the path of a `.yaml` file.

    `overrides` maps field paths to values as in YAML, such as `{"l2.latency": "30"}`; the result is named after them.
    Raises InputError, in one line with file, overrides and field, for an unknown core, a malformed file or a wrong
    field.
    """
    path = _core_path(str(name))
    fields = _read_with_bases(path, seen=())
    fields.pop("extends", None)
    fields.pop("inherited_confidence", None)
    fields["name"] = path.stem
    changes = sorted((overrides or {}).items())
    for field, value in changes:
        _override(fields, field, value)
        fields["name"] += f"+{field}={value}"
    try:
        return _ADAPTER.validate_python(fields)
    except ValidationError as error:
        where = " ".join([str(path), *(f"--override {field}={value}" for field, value in changes)])
        raise InputError(f"{where}: {_first_problem(error)}") from None


def _core_path(name: str) -> Path:
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"{name}: no such core file")
        return path
    if name in list_cores():
        return _CORES_FOLDER / f"{name}.yaml"
    hint = did_you_mean(name, list_cores(), f"known: {', '.join(list_cores())}")
    raise InputError(f"unknown core '{name}': {hint}")


def _read_with_bases(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """Read a file and merge it over the file that it extends."""
    if path in seen:
        raise InputError(f"{path}: extends itself through {' -> '.join(step.name for step in (*seen, path))}")
    fields = _read(path)
    base_name = fields.get("extends")
    if base_name is None:
        return fields
    sibling = path.parent / f"{base_name}.yaml"
    try:
        base_path = sibling if sibling.is_file() else _core_path(str(base_name))
    except InputError as error:
        raise InputError(f"{path}: extends: {error}") from None
    base = _read_with_bases(base_path, (*seen, path))
    if "inherited_confidence" in fields:
        base = _no_surer_than(base, fields["inherited_confidence"], path)
    return _merge(base, fields)


def _no_surer_than(fields: dict[str, Any], most: object, path: Path) -> dict[str, Any]:
    """Return the description with every confidence above `most` lowered to it."""
    levels = get_args(Confidence)
    if most not in levels:
        raise InputError(f"{path}: inherited_confidence: must be one of {', '.join(levels)}, got {most!r}")
    surer = levels[: levels.index(most)]

    def lowered(value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {key: most if key == "confidence" and inner in surer else lowered(inner) for key, inner in value.items()}

    return {key: lowered(value) for key, value in fields.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        fields = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  # safe loaders both
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise InputError(f"{path}:{line}: not valid YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, a number without end
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(fields, dict):
        raise InputError(f"{path}: a core description is a mapping of fields, this is a {type(fields).__name__}")
    return fields


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        inner = merged.get(key)
        merged[key] = _merge(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


def _override(fields: dict[str, Any], field: str, value: str) -> None:
    *parents, last = field.split(".")
    here: Any = fields
    for depth, parent in enumerate(parents):
        if not isinstance(here.get(parent), dict):
            hint = did_you_mean(parent, here, "dse core show lists them")
            raise InputError(
                f"override {field}={value}: no field '{'.'.join(parents[: depth + 1])}' to go into: {hint}"
            )
        here[parent] = dict(here[parent])
        here = here[parent]
    try:
        here[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError):  # ValueError: a date that is none, a number without end
        raise InputError(f"override {field}={value}: the value is not valid YAML") from None


def _first_problem(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    field = ".".join(str(step) for step in first["loc"] if step not in ("in-order", "out-of-order", "[key]"))
    message = first["msg"].removeprefix("Value error, ")
    is_told = isinstance(first["input"], dict) or (isinstance(first["input"], str) and repr(first["input"]) in message)
    given = "" if is_told else f", got {first['input']!r}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{field + ': ' if field else ''}{message}{given}{more}"


def _check_sources(core: _CoreBase, classes: dict[str, Any], own: dict[str, Sourced] | None = None) -> None:
    """Raise where an entry names no key of `sources`; `own`: entries that only this kind of core has."""
    parts = {"l1": core.l1, "l2": core.l2, "memory": core.memory, "prefetcher": core.prefetcher, "split": core.split}
    entries: dict[str, Sourced] = {**parts, "branches": core.branches, **(own or {})}
    if core.store_split is not None:
        entries["store_split"] = core.store_split
    entries.update({f"classes.{name}": timing for name, timing in classes.items()})
    for field, entry in entries.items():
        if entry.source not in core.sources:
            raise ValueError(f"{field}.source: '{entry.source}' is none of the keys of sources")
