"""What core descriptions give timings for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from isa_models import class_table, list_cores, load_core, simulate_all
from isa_models.class_examples import Example, class_examples
from isa_models.coverage import coverage, entry_of
from isa_models.instruction_class import classify
from isa_models.operands import decode
from isa_models.simulation import Simulation
from isa_models.source import load_image

WITHOUT_MEMBERS = {"simd_arithmetic", "simd_permute", "fp_convert"}
"""Classes that only gather narrower ones."""


def all_examples() -> list[Example]:
    return [example for examples in class_examples().values() for example in examples]


def test_every_class_has_an_example():
    listed = {*class_table.SCALAR_CLASSES, *class_table.SIMD_CLASSES}
    given = {name for _, kind in all_examples() for name in kind.names}
    assert listed <= given
    assert given >= WITHOUT_MEMBERS


def test_every_shape_that_descriptions_know_has_an_example():
    kinds = {(kind.mnemonic, kind.shape) for _, kind in all_examples()}
    assert {("fdiv", shape) for shape in ("h", "s", "d", "4h", "8h", "2s", "4s", "2d")} <= kinds
    assert {("mul", "w"), ("mul", "x"), ("mul", "16b"), ("mul", "4s"), ("ld2", "16b"), ("ld2", "2d")} <= kinds


def test_every_example_is_an_instruction():
    """The assembler takes each, and it is disassembled to an instruction of the same class."""
    examples = all_examples()
    code = "\n".join(text for text, _ in examples)
    program = load_image(f".arch armv8.5-a+aes+sha2+sha3+sm4+fp16+fp16fml\nf:\n{code}\n").program
    for (text, kind), instruction in zip(examples, program.instructions, strict=False):  # padding follows
        shown = classify(instruction.mnemonic, decode(instruction))
        assert shown == replace(kind, mnemonic=instruction.mnemonic), text  # which may be an alias


@pytest.mark.parametrize("name", list_cores())
def test_classes_are_timed_untimed_or_of_another_isa(name):
    covered = coverage(load_core(name))
    assert {*covered.timed, *covered.untimed, *covered.other_isa} == class_examples().keys()
    assert not covered.untimed
    assert not covered.unused


@pytest.mark.parametrize("name", list_cores())
def test_an_entry_for_doublewords_stands_for_no_other_shape(name):
    """`fdiv.d` is that of results of 64 bits, too: a mnemonic with entries by shape needs one for each of these."""
    core = load_core(name)
    by_shape = {key.partition(".")[0] for key in core.classes if "." in key and not key.endswith((".d", ".q"))}
    for text, kind in all_examples():
        if kind.mnemonic in by_shape and kind.feature in (None, *core.features):
            assert entry_of(kind, core) != f"{kind.mnemonic}.{kind.form}" or kind.shape == kind.form, text


def test_one_shape_without_entry_is_found():
    core = load_core("cortex-a53")
    lacking = core.model_copy(update={"features": (*core.features, "fp16")})
    covered = coverage(lacking)
    assert covered.untimed["fp_divide_q"] == "fdiv v0.8h, v1.8h, v2.8h"
    assert covered.untimed["fp_reduce_minmax_8h_d"] == "fmaxv h0, v1.8h"
    assert "fp_divide_q" in coverage(core).timed


def test_an_entry_that_no_instruction_is_looked_up_by_is_found():
    core = load_core("cortex-a53")
    classes = {**core.classes, "fdiv.16b": core.classes["fdiv.4s"], "alu_q": core.classes["alu"]}
    assert coverage(core.model_copy(update={"classes": classes})).unused == ("fdiv.16b", "alu_q")


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
