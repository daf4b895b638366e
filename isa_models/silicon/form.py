"""An instruction form of the table as code: how its latency and its throughput were measured."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Form:
    """The code of one row.

    Registers: x28 points to a writable buffer of zeros, x26 is 0, x24 and x25 hold small numbers; a chain runs through
    x0 or v0, x0 and x20 to x23 start as copies of x28, x1 to x13 as 0. In a stream `<x>` and `<v>` stand for the
    number of a register that differs from copy to copy, `<v1>` to `<v3>` for the three after `<v>`, `<x1>` for the one
    after `<x>`, `<b>` for one of x20 to x23, and `<sign>` is a minus every other time that a base comes by.

    Attributes:
        chain: One link: code that depends on its own result. Empty: no latency can be had.
        stream: One copy, independent of the others. Empty: no throughput can be had.
        less: A chain whose cycles the source took off from those of `chain`.
        less_half: The source took off half of `less` (the way there, of a way there and back).
        setup: Run once, before the loop.
        anchor: Row whose measured latency this one is relative to: the same unknown cycles were taken off both.
        why_no_chain: Why `chain` is empty though the row has a latency.
        why_no_stream: Why `stream` is empty though the row has a throughput.
        links_per_chain: How many latencies one pass through `chain` is made of.
        copies_per_stream: How many instructions of the row `stream` holds.
        copies: Of chain and stream in the body of a loop.
        in_loop: Whether the two instructions of the loop itself are timed with the chain: one that takes a cycle a link
            does not hide them on an in-order core.
        rotation: Vector registers that a stream rotates through, starting with the first in each pass of the loop.
        list_length: Vector registers that a copy takes, one after the other, from all 32; 0: one of those that are no
            sources.

    """

    chain: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    less_half: bool = False
    setup: tuple[str, ...] = ()
    anchor: str | None = None
    why_no_chain: str = ""
    why_no_stream: str = ""
    links_per_chain: int = 1
    copies_per_stream: int = 1
    copies: int = 16
    in_loop: bool = False
    rotation: int = 16
    list_length: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that is not turned into code, and why."""

    reason: str


MEASURED_COPIES = 96
"""In one pass of the loops that were measured: multiplications by an element in 14 chains, which begin anew with each
pass, run at 24 / 7 a cycle where a link takes four cycles and at 96 / 35 where it takes five."""

CHAIN_REGISTER = 0
SOURCE_REGISTER = 30


def simple(template: str, *, forwards: bool = False, setup: tuple[str, ...] = ()) -> Form:
    """Return the form of an instruction with `{d}`, the number of its destination, and `{s}`, of one of its sources.

    The chain runs from destination to source; with `forwards` it runs through the accumulator, which is the
    destination itself, in loops as they were measured. `{s}` is x25 or v30 where nothing may depend on it.
    """
    source = CHAIN_REGISTER if not forwards else _free_source(template)
    form = Form(
        chain=(template.format(d=CHAIN_REGISTER, s=source),),
        stream=(stream_of(template),),
        setup=setup,
    )
    return replace(form, copies=MEASURED_COPIES, in_loop=True) if forwards else form


def stream_of(template: str) -> str:
    """Return a template of `simple` as one independent copy of a stream."""
    destination = "<v>" if _is_vector(template) else "<x>"
    return template.format(d=destination, s=_free_source(template))


def _free_source(template: str) -> int:
    return SOURCE_REGISTER if _is_vector(template) else 25


def _is_vector(template: str) -> bool:
    """Whether the destination, the first operand, is an Advanced SIMD register."""
    operands = template.split(None, 1)[1]
    return operands.lstrip("{")[0] in "vqdshb"
