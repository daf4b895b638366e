"""The engines against timings measured on silicon (isa_models/silicon/README.md).

The limits are what the models reach now with a little air: they may only be lowered.
"""

import pytest

from isa_models import load_core
from isa_models.silicon.comparison import (
    a53_sequences,
    a72_mixes,
    a72_singletons,
    compare_loops,
    compare_sequences,
    is_floating_point,
    steady_cycles,
    summary,
)
from isa_models.silicon.instruction_forms import FORMS, measured
from isa_models.silicon.snippets import assemble


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a53_sequences_issue_in_the_measured_cycles(is_held_out):
    cases = [case for case in a53_sequences() if case.is_held_out == is_held_out]
    wrong = {
        comparison.case.name: (comparison.predicted, comparison.case.measured)
        for comparison in compare_sequences(cases, load_core("cortex-a53"))
        if comparison.predicted != comparison.case.measured
    }
    assert not wrong


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a72_singletons_without_floating_point(is_held_out):
    cases = [c for c in a72_singletons() if c.is_held_out == is_held_out and not is_floating_point(c)]
    figures = summary(compare_loops(cases, load_core("cortex-a72")))
    assert figures["mean"] < 0.035
    assert figures["within 10 %"] > 0.92


@pytest.mark.parametrize("is_held_out", [False, True])
def test_a72_mixes_without_floating_point(is_held_out):
    cases = [c for c in a72_mixes() if c.is_held_out == is_held_out and not is_floating_point(c)]
    figures = summary(compare_loops(cases, load_core("cortex-a72")))
    assert figures["cases"] > 80
    assert figures["mean"] < 0.065
    assert figures["median"] < 0.03


@pytest.mark.parametrize("core_name", ["cortex-a53", "cortex-a72"])
def test_latencies_of_single_instructions(core_name):
    core, table = load_core(core_name), measured(core_name)
    forms = [form for form in FORMS if form.chain and table[form.row][0] is not None]
    wrong = {}
    for form, program in zip(forms, assemble([form.chain for form in forms]), strict=True):
        latency, cycles = table[form.row][0], steady_cycles(program, core)
        if abs(cycles - latency) > 0.04 * latency:
            wrong[form.row] = (cycles, latency)
    assert len(forms) > 30
    assert not wrong


@pytest.mark.parametrize("core_name", ["cortex-a53", "cortex-a72"])
def test_throughputs_of_single_instructions(core_name):
    core, table = load_core(core_name), measured(core_name)
    forms = [form for form in FORMS if form.stream and table[form.row][1] is not None]
    copies = 16
    sources = ["\n".join(form.stream.format(n=number) for number in range(copies)) for form in forms]
    wrong = {}
    for form, program in zip(forms, assemble(sources), strict=True):
        throughput, predicted = table[form.row][1], copies / steady_cycles(program, core)
        if abs(predicted - throughput) > 0.025 * throughput:
            wrong[form.row] = (predicted, throughput)
    assert len(forms) > 30
    assert not wrong
