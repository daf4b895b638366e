"""Forms of the table as loops: their traces, which do not depend on a core, and their cycles on one."""

from __future__ import annotations

from collections.abc import Iterable

from isa_models.core import Core
from isa_models.silicon.form import Form
from isa_models.silicon.loops import Loops, Piece, cycles_per_pass
from isa_models.trace import Trace

_PASSES = (48, 80)
_BASES = range(20, 24)
_VECTORS = (*range(15), 16)  # v15 is the source of lanes
_VECTOR_COUNT = 32
_GENERALS = (*range(1, 14), 16, 17, 18)


class FormRuns:
    """The chains and streams of many forms, assembled together; each is run once, however many cores time it."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self._loops = Loops([piece for form in forms for piece in _pieces(form)])
        self._traces: dict[Piece, Trace] = {}

    def trace(self, piece: Piece) -> Trace:
        """Run as many passes through a piece of one of the forms as timing needs; raises as `Loops.trace` does."""
        if piece not in self._traces:
            self._traces[piece] = self._loops.trace(piece, _PASSES[1])
        return self._traces[piece]


class FormTimes:
    """How long forms take on one core."""

    def __init__(self, runs: FormRuns, core: Core) -> None:
        self._runs = runs
        self._core = core
        self._cycles_of: dict[Piece, float] = {}

    def latency(self, form: Form) -> float:
        """Cycles from one result of the chain to the next, less what the source takes off.

        Raises UnsupportedInstructionError for an instruction outside the operand table, InputError for one that the
        core's description does not time.
        """
        cycles = self._cycles(_chain(form)) / form.links_per_chain
        if form.less:
            cycles -= self._cycles(_less(form)) / (2 if form.less_half else 1)
        return cycles / form.copies

    def throughput(self, form: Form) -> float:
        """Instructions of the row per cycle; raises as `latency` does."""
        return form.copies * form.copies_per_stream / self._cycles(_stream(form))

    def _cycles(self, piece: Piece) -> float:
        """Cycles of one pass through the body of a loop."""
        if piece not in self._cycles_of:
            self._cycles_of[piece] = cycles_per_pass(self._runs.trace(piece), _PASSES, self._core)
        return self._cycles_of[piece]


def _pieces(form: Form) -> Iterable[Piece]:
    if form.chain:
        yield _chain(form)
    if form.less:
        yield _less(form)
    if form.stream:
        yield _stream(form)


def _chain(form: Form) -> Piece:
    return Piece(form.chain * form.copies, form.setup, form.in_loop)


def _less(form: Form) -> Piece:
    return Piece(form.less * form.copies)


def _stream(form: Form) -> Piece:
    lines: list[str] = []
    for copy in range(form.copies):
        numbers = _numbers(copy, form.rotation, form.list_length)
        lines += [_numbered(line, numbers) for line in form.stream]
    return Piece(tuple(lines), form.setup)


def _numbered(line: str, numbers: dict[str, int | str]) -> str:
    for name, number in numbers.items():
        line = line.replace(f"<{name}>", str(number))
    return line


def _numbers(copy: int, rotation: int, list_length: int) -> dict[str, int | str]:
    """Return the registers of one copy, those of a list one after the other, and its direction."""
    vector = copy * list_length % _VECTOR_COUNT if list_length else _VECTORS[copy % rotation]
    following = {f"v{step}": (vector + step) % _VECTOR_COUNT for step in range(1, 4)}
    return {
        "x": _GENERALS[copy % len(_GENERALS)],
        "x1": _GENERALS[(copy + 1) % len(_GENERALS)],
        "b": _BASES[copy % len(_BASES)],
        "sign": "-" if copy // len(_BASES) % 2 else "",
        "v": vector,
        **following,
    }
