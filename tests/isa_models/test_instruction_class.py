"""Classes that core descriptions time instructions by, and the extensions that instructions need."""

import pytest

from isa_models import Instruction
from isa_models.class_examples import class_examples
from isa_models.class_table import CLASSES, SCALAR_CLASSES, SIMD_CLASSES, with_wider
from isa_models.instruction_class import classify
from isa_models.isa_features import FEATURES
from isa_models.operand_table import ROLES
from isa_models.operands import decode


def kind_of(text: str):
    mnemonic, _, operands = text.partition(" ")
    kind = classify(mnemonic, decode(Instruction(0x1000, 0, mnemonic, operands, None)))
    assert kind is not None
    return kind


def class_names() -> set[str]:
    return {name for examples in class_examples().values() for _, kind in examples for name in kind.names}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("add x0, x1, #1", "alu"),
        ("add x0, x1, x2, lsl #1", "alu_shifted"),
        ("lsl x0, x1, #3", "shift_immediate"),
        ("lsl x0, x1, x2", "shift_register"),
        ("and v0.16b, v1.16b, v2.16b", "simd_logic_q"),
        ("and v0.8b, v1.8b, v2.8b", "simd_logic_d"),
        ("cnt v0.16b, v1.16b", "simd_count_q"),
        ("uaddlp v0.8h, v1.16b", "simd_add_pairwise_long_q"),
        ("sqxtn v0.8b, v1.8h", "simd_narrow_saturating_d"),
        ("mul v0.8h, v1.8h, v2.h[1]", "simd_multiply_element_q"),
        ("fcmla v0.4s, v1.4s, v2.s[1], #90", "fp_complex_multiply_element_q"),
        ("mov v0.16b, v1.16b", "simd_move_q"),
        ("mov v0.s[1], v1.s[0]", "simd_insert_d"),
        ("mov w0, v1.s[2]", "simd_to_general"),
        ("fmov d0, x1", "simd_from_general_fmov_d"),
        ("ldr q0, [x1]", "load_vector_q"),
        ("ldr x0, [x1, x2]", "load_indexed"),
        ("ldp x0, x1, [x2]", "load_pair"),
        ("st1 {v0.16b, v1.16b}, [x0]", "st1_2_q"),
        ("ld1 {v0.b}[1], [x0]", "ld1_lane_b_d"),
        ("ld2 {v0.2d, v1.2d}, [x0]", "ld2_doubleword_q"),
    ],
)
def test_class(text, key):
    assert key in kind_of(text).keys


def test_the_entry_of_one_shape_comes_before_those_of_a_form_and_of_the_class():
    assert kind_of("sabd v0.16b, v1.16b, v2.16b").keys == (
        "sabd.16b",
        "sabd.q",
        "simd_absolute_difference_q",
        "simd_absolute_difference",
        "simd_absolute_q",
        "simd_absolute",
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("mov x0, x1", ("move_register", "alu")),
        ("mov x0, sp", ("alu",)),
        ("mov x0, xzr", ("move_zero", "move_immediate", "alu")),
        ("mov w0, #0", ("move_zero", "move_immediate", "alu")),
        ("mov x0, #0x10000", ("move_immediate", "alu")),
        ("movn w0, #0xffff", ("move_immediate", "alu")),
        ("movk x0, #0", ("move_keep", "alu")),
        ("adrp x0, #0x1000", ("address", "alu")),
        ("adc x0, x1, x2", ("add_carry", "alu")),
        ("ngcs x0, x1", ("add_carry_flags", "alu_flags")),
        ("cmp x0, #1", ("compare", "alu_flags")),
        ("cmp x0, x1, lsl #4", ("compare_shifted_small", "compare_shifted", "alu_flags_shifted")),
        ("cmp x0, w1, uxtb", ("compare_extended", "compare_shifted", "alu_flags_shifted")),
        ("tst x0, x1, lsr #2", ("test_shifted", "alu_flags_shifted")),
        ("add x0, x1, x2, lsl #4", ("alu_shifted_small", "alu_shifted")),
        ("add x0, x1, x2, lsl #5", ("alu_shifted",)),
        ("add x0, x1, #1, lsl #12", ("alu",)),
        ("add x0, x1, w2, sxtw #2", ("alu_extended", "alu_shifted")),
        ("mvn x0, x1, lsl #1", ("logic_shifted_small", "logic_shifted", "alu_shifted")),
        ("bics x0, x1, x2, ror #1", ("logic_flags_shifted", "alu_flags_shifted")),
        ("ror x0, x1, #3", ("rotate_immediate", "shift_immediate")),
        ("b.ne #0x40", ("branch_conditional", "branch")),
        ("ldr x0, #0x40", ("load_literal", "load")),
        ("ldrsw x0, #0x40", ("load_narrow_literal", "load_narrow")),
        ("ldr x0, [x1, x2, lsl #3]", ("load_indexed_scaled", "load_indexed")),
        ("ldrh w0, [x1, w2, uxtw]", ("load_narrow_indexed",)),
        ("ldr q0, [x1, x2]", ("load_vector_indexed", "load_vector")),
        ("strb w0, [x1, x2]", ("store_narrow_indexed", "store_narrow", "store")),
        ("ldapur x0, [x1, #3]", ("load_acquire", "load")),
        ("ldapursw x0, [x1, #3]", ("load_acquire_narrow", "load_narrow")),
        ("ldapursb w0, [x1, #3]", ("load_acquire_narrow", "load_narrow")),
        ("stlurh w0, [x1, #3]", ("store_release_narrow", "store_release", "store")),
        ("ldaxrb w0, [x1]", ("load_exclusive_narrow", "load_narrow")),
        ("stlxp w0, x1, x2, [x3]", ("store_exclusive_pair", "store_pair")),
        ("swpal x0, x1, [x2]", ("atomic_swap", "atomic_operation")),
        ("caspal x0, x1, x2, x3, [x4]", ("atomic_compare_pair",)),
        ("movi v0.2d, #0000000000000000", ("simd_zero", "simd_immediate")),
        ("fmov v0.4s, #1.00000000", ("fp_immediate", "simd_immediate")),
        ("orr v0.4s, #1", ("simd_logic_immediate", "simd_logic")),
        ("cmgt v0.4s, v1.4s, #0", ("simd_compare_zero", "simd_compare", "simd_arithmetic")),
        ("shl v0.4s, v1.4s, #3", ("simd_shift",)),
        ("mla v0.8h, v1.8h, v2.h[1]", ("simd_multiply_accumulate_element", "simd_multiply_element", "simd_multiply")),
        ("mov b0, v1.b[3]", ("simd_duplicate", "simd_permute")),
        ("fcvtzs w0, s1", ("fp_to_general", "fp_to_integer", "fp_convert")),
        ("scvtf s0, s1, #3", ("fp_from_integer", "fp_convert")),
        ("fcmp d0, #0.0", ("fp_compare_zero", "fp_compare")),
        ("uaddlv h0, v1.16b", ("simd_reduce_add_16b",)),
    ],
)
def test_classes_from_the_narrowest_to_the_widest(text, names):
    assert kind_of(text).names == names


def test_classes_of_the_tables_name_instructions_that_are_supported():
    for classes in (SCALAR_CLASSES, SIMD_CLASSES):
        named = [mnemonic for members in classes.values() for mnemonic in members.split()]
        assert len(named) == len(set(named))
        assert set(named) <= set(ROLES)


def test_classes_are_those_that_some_instruction_belongs_to():
    assert class_names() == CLASSES


def test_a_class_by_form_is_no_other_class():
    """Else an entry for the one would time the other: `ld2_lane_d` cannot be 64-bit results of a class `ld2_lane`."""
    names = class_names()
    assert not names & {f"{name}_{form}" for name in names for form in "dq"}


def test_no_class_lies_within_itself():
    for name in (*SCALAR_CLASSES, *SIMD_CLASSES):
        names = with_wider(name)
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("add x0, x1, x2", None),
        ("crc32b w0, w1, w2", "crc"),
        ("udot v0.4s, v1.16b, v2.16b", "dotprod"),
        ("ldadd x0, x1, [x2]", "lse"),
        ("ldaprb w0, [x1]", "rcpc"),
        ("stlurb w0, [x1, #3]", "rcpc-immo"),
        ("sqrdmlah v0.4h, v1.4h, v2.4h", "rdm"),
        ("fadd v0.8h, v1.8h, v2.8h", "fp16"),
        ("scvtf h0, w1", "fp16"),
        ("fcvt s0, h1", None),
        ("fcvtl v0.4s, v1.4h", None),
        ("ldr h0, [x1]", None),
        ("fmlal v0.4s, v1.4h, v2.4h", "fp16fml"),
        ("pmull v0.8h, v1.8b, v2.8b", None),
        ("pmull v0.1q, v1.1d, v2.1d", "aes"),
        ("bcax v0.16b, v1.16b, v2.16b, v3.16b", "sha3"),
    ],
)
def test_extension_that_an_instruction_needs(text, feature):
    assert kind_of(text).feature == feature
    assert feature is None or feature in FEATURES
