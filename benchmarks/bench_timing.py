"""Speed of the timing engines, and their errors against timings measured on silicon."""

import time
from collections.abc import Callable, Sequence

from isa_models import Core, load_core, time_trace
from isa_models.silicon.comparison import (
    Case,
    Comparison,
    a53_sequences,
    a72_mixes,
    a72_singletons,
    compare_loops,
    compare_sequences,
    is_floating_point,
    summary,
)
from isa_models.silicon.snippets import assemble, repeated_trace

_KERNEL = """
ldr q0, [x28]
ldr q1, [x28, #16]
ldr q2, [x28, #32]
eor v3.16b, v0.16b, v1.16b
eor v5.16b, v0.16b, v2.16b
cnt v3.16b, v3.16b
cnt v5.16b, v5.16b
uadalp v4.8h, v3.16b
uadalp v6.8h, v5.16b
subs x0, x0, #1
"""
_REPETITIONS = 500_000


def speed(core: Core) -> float:
    """Return simulated instructions per second of processor time, in millions, warm-up pass included."""
    program = assemble([_KERNEL])[0]
    time_trace(repeated_trace(program, 10), core)  # compiles, or loads the compiled code
    trace = repeated_trace(program, _REPETITIONS)
    start = time.process_time()
    time_trace(trace, core)
    return len(trace) / (time.process_time() - start) / 1e6


def _print_errors(
    title: str, cases: Sequence[Case], compare: Callable[[Sequence[Case], Core], list[Comparison]], core: Core
) -> None:
    comparisons = compare(cases, core)
    for label, is_held_out in (("fitting", False), ("held out", True)):
        figures = summary([c for c in comparisons if c.case.is_held_out == is_held_out])
        print(
            f"  {title:<42} {label:<9} {figures['cases']:>4.0f} cases  mean {figures['mean']:6.1%}"
            f"  median {figures['median']:6.1%}  worst {figures['worst']:6.1%}  exact {figures['exact']:6.1%}"
            f"  within 10 % {figures['within 10 %']:6.1%}"
        )


def main() -> None:
    """Print the figures."""
    a53, a72 = load_core("cortex-a53"), load_core("cortex-a72")
    print("timing engines, million instructions per second of processor time (warm-up pass included)")
    for core in (a53, a72):
        print(f"  {core.name:<12} {core.kind:<13} {speed(core):6.1f}")
    print("errors against silicon")
    _print_errors("A53 sequences (issue cycles)", a53_sequences(), compare_sequences, a53)
    for title, cases in (("A72 single instructions", a72_singletons()), ("A72 mixes of five", a72_mixes())):
        integer = [case for case in cases if not is_floating_point(case)]
        _print_errors(title, cases, compare_loops, a72)
        _print_errors(f"{title}, no floating point", integer, compare_loops, a72)


if __name__ == "__main__":
    main()
