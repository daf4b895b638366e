"""What core descriptions give timings for."""

from __future__ import annotations

import pytest

from isa_models import class_table, list_cores, load_core, simulate_all
from isa_models.class_examples import class_examples
from isa_models.coverage import coverage
from isa_models.instruction_class import classify
from isa_models.operands import decode
from isa_models.simulation import Simulation
from isa_models.source import load_image

WITHOUT_MEMBERS = {"simd_arithmetic", "simd_permute", "fp_convert"}
"""Classes that only gather narrower ones."""


def test_every_class_has_an_example():
    listed = {*class_table.SCALAR_CLASSES, *class_table.SIMD_CLASSES}
    given = {name for _, kind in class_examples().values() for name in kind.names}
    assert listed <= given
    assert given >= WITHOUT_MEMBERS


def test_every_example_is_an_instruction():
    """The assembler takes each, and it is disassembled to an instruction of the same class."""
    examples = class_examples().values()
    code = "\n".join(text for text, _ in examples).replace("#0x1000", "f")
    program = load_image(f"f:\n{code}\n").program
    for (text, kind), instruction in zip(examples, program.instructions, strict=False):  # padding follows
        assert classify(instruction.mnemonic, decode(instruction)) == kind, text


@pytest.mark.parametrize("name", list_cores())
def test_classes_are_timed_untimed_or_of_another_isa(name):
    covered = coverage(load_core(name))
    assert {*covered.timed, *covered.untimed, *covered.other_isa} == class_examples().keys()
    assert len(covered.timed) > len(covered.untimed)


def test_coverage_tells_what_the_engines_do():
    """A core that lost an entry says so, and an instruction of that class is an error there."""
    core = load_core("cortex-a72")
    lacking = core.model_copy(update={"classes": {key: core.classes[key] for key in ("alu", "branch", "return")}})
    covered = coverage(lacking)
    assert covered.timed["alu"] == "alu"
    assert covered.timed["logic"] == "alu"
    assert "simd_logic_q" in covered.untimed
    assert covered.other_isa["simd_dot_q"] == "dotprod"
    code = ".globl f\nf: eor v0.16b, v1.16b, v2.16b\n ret\n.globl g\ng: eor x0, x1, x2\n ret\n"
    failed, timed = simulate_all(code, cores=[lacking])
    assert not isinstance(failed, Simulation)
    assert "has no entry" in str(failed.error)
    assert isinstance(timed, Simulation)
