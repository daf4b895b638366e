"""Which instruction class a mnemonic belongs to, and which class lies within which.

A class holds instructions that a core executes alike. A narrower class lies within a wider one: a core description
that has no entry for the narrower one times it as the wider one. Each mnemonic is listed at its narrowest class; where
the operands decide (a shift, a lane, a general register), `instruction_class` chooses.
"""

from collections.abc import Mapping

# Mnemonics that work on general registers and the flags alone.
SCALAR_CLASSES = {
    "alu": "add sub neg",
    "alu_flags": "adds subs negs",
    "add_carry": "adc sbc ngc",
    "add_carry_flags": "adcs sbcs ngcs",
    "compare": "cmp cmn",
    "test": "tst",
    "logic": "and orr eor bic orn eon mvn",
    "logic_flags": "ands bics",
    "move_immediate": "movz movn",
    "move_keep": "movk",
    "address": "adr adrp",
    "shift_immediate": "ubfx sbfx ubfiz sbfiz",
    "extend": "uxtb uxth sxtb sxth sxtw",
    "reverse": "rbit rev rev16 rev32 rev64",
    "extract": "extr",
    "bitfield_insert": "bfi bfxil bfc",
    "count_bits": "clz cls",
    "select": "csel",
    "select_invert": "csinv csetm cinv",
    "select_increment": "csinc cset cinc csneg cneg",
    "conditional_compare": "ccmp ccmn",
    "flag_move": "cfinv rmif setf8 setf16 axflag xaflag",
    "multiply_long": "smull umull smnegl umnegl",
    "multiply_add_long": "smaddl umaddl smsubl umsubl",
    "multiply_high": "smulh umulh",
    "crc": "crc32b crc32h crc32w crc32x crc32cb crc32ch crc32cw crc32cx",
    "nop": "nop",
    "hint": "hint yield sev sevl wfe csdb esb psb tsb bti"
    " paciasp pacibsp paciaz pacibz pacia1716 pacib1716 autiasp autibsp autiaz autibz autia1716 autib1716 xpaclri",
    "barrier": "dmb dsb isb sb ssbb pssbb clrex",
    "system_read": "mrs",
    "system_write": "msr",
    "prefetch": "prfm prfum",
    "branch": "b",
    "branch_compare": "cbz cbnz",
    "branch_test": "tbz tbnz",
    "branch_link": "bl",
    "branch_link_register": "blr",
    "branch_register": "br",
    "return": "ret",
}

# Mnemonics that work on an Advanced SIMD register.
SIMD_CLASSES = {
    "simd_logic": "and orr eor bic orn",
    "simd_not": "mvn",
    "simd_logic_three": "eor3 bcax",
    "simd_rotate_logic": "rax1 xar",
    "simd_add": "add sub neg",
    "simd_minmax": "smax smin umax umin",
    "simd_minmax_pairwise": "smaxp sminp umaxp uminp",
    "simd_compare": "cmeq cmge cmgt cmhi cmhs cmle cmlt",
    "simd_halving": "shadd uhadd shsub uhsub srhadd urhadd",
    "simd_test": "cmtst",
    "simd_saturating": "sqadd uqadd sqsub uqsub",
    "simd_saturating_sign": "sqneg sqabs",
    "simd_saturating_mixed": "suqadd usqadd",
    "simd_add_long": "saddl uaddl ssubl usubl saddl2 uaddl2 ssubl2 usubl2",
    "simd_add_wide": "saddw uaddw ssubw usubw saddw2 uaddw2 ssubw2 usubw2",
    "simd_add_pairwise": "addp",
    "simd_add_pairwise_long": "saddlp uaddlp",
    "simd_add_pairwise_accumulate": "sadalp uadalp",
    "simd_absolute": "abs",
    "simd_absolute_difference": "sabd uabd",
    "simd_absolute_difference_long": "sabdl uabdl sabdl2 uabdl2",
    "simd_absolute_accumulate": "saba uaba",
    "simd_absolute_accumulate_long": "sabal uabal sabal2 uabal2",
    "simd_count": "cnt clz",
    "simd_count_sign": "cls",
    "simd_select": "bsl bit bif",
    "simd_shift": "shl sshr ushr",
    "simd_shift_long": "sshll ushll sshll2 ushll2 shll shll2",
    "simd_shift_narrow": "shrn shrn2",
    "simd_shift_round": "srshr urshr",
    "simd_shift_round_narrow": "rshrn rshrn2",
    "simd_shift_accumulate": "ssra usra",
    "simd_shift_round_accumulate": "srsra ursra",
    "simd_shift_insert": "sli sri",
    "simd_shift_register": "sshl ushl",
    "simd_shift_round_register": "srshl urshl",
    "simd_shift_saturating": "sqshlu",
    "simd_shift_saturating_register": "sqrshl uqrshl",
    "simd_narrow": "xtn xtn2",
    "simd_narrow_saturating": "sqxtn uqxtn sqxtun sqxtn2 uqxtn2 sqxtun2",
    "simd_shift_narrow_saturating": "sqshrn uqshrn sqshrun sqrshrn uqrshrn sqrshrun"
    " sqshrn2 uqshrn2 sqshrun2 sqrshrn2 uqrshrn2 sqrshrun2",
    "simd_add_narrow": "addhn subhn addhn2 subhn2",
    "simd_add_narrow_round": "raddhn rsubhn raddhn2 rsubhn2",
    "simd_zip": "zip1 zip2 uzp1 uzp2 trn1 trn2",
    "simd_extract": "ext",
    "simd_reverse": "rev16 rev32 rev64",
    "simd_reverse_bits": "rbit",
    "simd_immediate": "movi mvni",
    "simd_multiply": "mul",
    "simd_multiply_accumulate": "mla mls",
    "simd_multiply_saturating": "sqdmulh sqrdmulh",
    "simd_multiply_accumulate_saturating": "sqrdmlah sqrdmlsh",
    "simd_multiply_polynomial": "pmul",
    "simd_multiply_polynomial_long": "pmull pmull2",
    "simd_multiply_long": "smull umull smull2 umull2",
    "simd_multiply_long_saturating": "sqdmull sqdmull2",
    "simd_multiply_accumulate_long": "smlal umlal smlsl umlsl smlal2 umlal2 smlsl2 umlsl2",
    "simd_multiply_accumulate_long_saturating": "sqdmlal sqdmlal2 sqdmlsl sqdmlsl2",
    "simd_dot": "udot sdot",
    "simd_estimate": "urecpe ursqrte",
    "fp_add": "fadd fsub",
    "fp_absolute_difference": "fabd",
    "fp_add_pairwise": "faddp",
    "fp_complex_add": "fcadd",
    "fp_compare_mask": "fcmeq fcmge fcmgt fcmle fcmlt",
    "fp_compare_absolute": "facge facgt",
    "fp_sign": "fabs fneg",
    "fp_minmax": "fmax fmin fmaxnm fminnm",
    "fp_minmax_pairwise": "fmaxp fminp fmaxnmp fminnmp",
    "fp_multiply": "fmul fnmul",
    "fp_multiply_extended": "fmulx",
    "fp_multiply_accumulate": "fmla fmls",
    "fp_multiply_accumulate_long": "fmlal fmlal2 fmlsl fmlsl2",
    "fp_complex_multiply": "fcmla",
    "fp_fused": "fmadd fmsub fnmadd fnmsub",
    "fp_step": "frecps frsqrts",
    "fp_estimate": "frecpe frsqrte frecpx",
    "fp_divide": "fdiv",
    "fp_square_root": "fsqrt",
    "fp_convert_precision": "fcvt",
    "fp_convert_long": "fcvtl fcvtl2",
    "fp_convert_narrow": "fcvtn fcvtn2 fcvtxn fcvtxn2",
    "fp_to_integer": "fcvtzs fcvtzu fcvtns fcvtnu fcvtas fcvtau fcvtms fcvtmu fcvtps fcvtpu fjcvtzs",
    "fp_from_integer": "scvtf ucvtf",
    "fp_round": "frinta frinti frintm frintn frintp frintx frintz frint32z frint32x frint64z frint64x",
    "fp_compare": "fcmp fcmpe",
    "fp_conditional_compare": "fccmp fccmpe",
    "fp_select": "fcsel",
    "crypto_aes": "aese aesd",
    "crypto_aes_mix": "aesmc aesimc",
    "crypto_sha1": "sha1c sha1m sha1p",
    "crypto_sha1_rotate": "sha1h",
    "crypto_sha1_schedule": "sha1su0 sha1su1",
    "crypto_sha256": "sha256h sha256h2",
    "crypto_sha256_schedule": "sha256su0 sha256su1",
    "crypto_sha512": "sha512h sha512h2",
    "crypto_sha512_schedule": "sha512su0 sha512su1",
    "crypto_sm3": "sm3tt1a sm3tt1b sm3tt2a sm3tt2b sm3partw1 sm3partw2 sm3ss1",
    "crypto_sm4": "sm4e sm4ekey",
}

# What lies within a class, by name of the wider one.
_WITHIN = {
    "alu": "move_register move_immediate move_keep address add_carry logic",
    "move_immediate": "move_zero",
    "alu_flags": "add_carry_flags compare test logic_flags flag_move",
    "alu_shifted": "alu_shifted_small alu_extended logic_shifted",
    "logic_shifted": "logic_shifted_small",
    "alu_flags_shifted": "alu_flags_shifted_small alu_flags_extended logic_flags_shifted compare_shifted test_shifted",
    "logic_flags_shifted": "logic_flags_shifted_small",
    "compare_shifted": "compare_shifted_small compare_extended",
    "test_shifted": "test_shifted_small",
    "shift_immediate": "extend reverse rotate_immediate",
    "select": "select_invert",
    "multiply_long": "multiply_add_long",
    "nop": "hint barrier",
    "branch": "branch_conditional branch_compare branch_test",
    "load": "load_literal load_acquire load_exclusive",
    "load_indexed": "load_indexed_scaled",
    "load_narrow": "load_narrow_literal load_acquire_narrow load_exclusive_narrow",
    "load_narrow_indexed": "load_narrow_indexed_scaled",
    "load_pair": "load_exclusive_pair",
    "load_vector": "load_vector_literal load_vector_indexed",
    "load_vector_indexed": "load_vector_indexed_scaled",
    "store": "store_indexed store_narrow store_release store_exclusive",
    "store_narrow": "store_narrow_indexed",
    "store_release": "store_release_narrow",
    "store_exclusive": "store_exclusive_narrow",
    "store_indexed": "store_indexed_scaled",
    "store_pair": "store_exclusive_pair",
    "store_vector": "store_vector_indexed",
    "store_vector_indexed": "store_vector_indexed_scaled",
    "simd_logic": "simd_not simd_logic_immediate",
    "simd_arithmetic": "simd_add simd_minmax simd_minmax_pairwise simd_compare simd_halving",
    "simd_compare": "simd_compare_zero",
    "simd_saturating": "simd_saturating_sign simd_saturating_mixed",
    "simd_add_long": "simd_add_wide",
    "simd_absolute": "simd_absolute_difference simd_absolute_difference_long",
    "simd_shift": "simd_shift_long",
    "simd_narrow_saturating": "simd_shift_narrow_saturating",
    "simd_permute": "simd_zip simd_extract simd_reverse simd_reverse_bits simd_duplicate",
    "simd_immediate": "simd_zero fp_immediate",
    "simd_insert_general": "simd_insert_general_fmov",
    "simd_multiply": "simd_multiply_accumulate simd_multiply_saturating simd_multiply_element",
    "simd_multiply_element": "simd_multiply_accumulate_element",
    "simd_multiply_saturating": "simd_multiply_saturating_element simd_multiply_accumulate_saturating",
    "simd_multiply_accumulate_saturating": "simd_multiply_accumulate_saturating_element",
    "simd_multiply_long": "simd_multiply_long_element simd_multiply_long_saturating",
    "simd_multiply_long_saturating": "simd_multiply_long_saturating_element",
    "simd_multiply_accumulate_long": "simd_multiply_accumulate_long_element",
    "simd_multiply_accumulate_long_saturating": "simd_multiply_accumulate_long_saturating_element",
    "simd_dot": "simd_dot_element",
    "fp_add": "fp_absolute_difference fp_add_pairwise",
    "fp_compare_mask": "fp_compare_mask_zero fp_compare_absolute",
    "fp_minmax": "fp_minmax_pairwise",
    "fp_multiply": "fp_multiply_extended fp_multiply_element",
    "fp_multiply_extended": "fp_multiply_extended_element",
    "fp_multiply_accumulate": "fp_multiply_accumulate_element",
    "fp_multiply_accumulate_long": "fp_multiply_accumulate_long_element",
    "fp_complex_multiply": "fp_complex_multiply_element",
    "fp_convert": "fp_convert_precision fp_convert_long fp_convert_narrow fp_to_integer fp_from_integer fp_round",
    "fp_to_integer": "fp_to_general",
    "fp_from_integer": "fp_from_general",
    "fp_estimate": "simd_estimate",
    "fp_compare": "fp_compare_zero fp_conditional_compare",
    "atomic_operation": "atomic_swap atomic_store",
    "fp_reduce_minmax": "fp_reduce_minmax_4h fp_reduce_minmax_8h fp_reduce_minmax_4s",
}

# Classes that the operands decide on (see `instruction_class`) and that are in neither table above.
_BY_OPERANDS = (
    "shift_register multiply_w multiply_x multiply_add_w multiply_add_x divide_w divide_x"
    " load_pair_w load_pair_signed_word load_pair_vector store_pair_vector atomic_compare atomic_compare_pair"
    " ld1_1 ld1_2 ld1_3 ld1_4 ld1r ld2r ld3r ld4r ld2 ld3 ld4 ld2_doubleword ld3_doubleword ld4_doubleword"
    " st1_1 st1_2 st1_3 st1_4 st2 st3 st4 st2_doubleword st3_doubleword st4_doubleword"
    " ld1_lane_b ld1_lane_h ld1_lane_s ld1_lane_d ld2_lane_b ld2_lane_h ld2_lane_s ld2_lane_d"
    " ld3_lane_b ld3_lane_h ld3_lane_s ld3_lane_d ld4_lane_b ld4_lane_h ld4_lane_s ld4_lane_d"
    " st1_lane_b st1_lane_h st1_lane_s st1_lane_d st2_lane_b st2_lane_h st2_lane_s st2_lane_d"
    " st3_lane_b st3_lane_h st3_lane_s st3_lane_d st4_lane_b st4_lane_h st4_lane_s st4_lane_d"
    " simd_move simd_insert simd_dup_general simd_from_general_fmov simd_to_general simd_to_general_fmov"
    " simd_tbl_1 simd_tbl_2 simd_tbl_3 simd_tbl_4 simd_tbx_1 simd_tbx_2 simd_tbx_3 simd_tbx_4"
    " simd_reduce_add_8b simd_reduce_add_16b simd_reduce_add_4h simd_reduce_add_8h simd_reduce_add_4s"
    " simd_reduce_minmax_8b simd_reduce_minmax_16b simd_reduce_minmax_4h simd_reduce_minmax_8h"
    " simd_reduce_minmax_4s"
)


def _invert(table: Mapping[str, str]) -> dict[str, str]:
    return {member: name for name, members in table.items() for member in members.split()}


SCALAR_CLASS_OF = _invert(SCALAR_CLASSES)
SIMD_CLASS_OF = _invert(SIMD_CLASSES)
_WIDER = _invert(_WITHIN)

CLASSES = frozenset((*SCALAR_CLASSES, *SIMD_CLASSES, *_WITHIN, *_WIDER, *_BY_OPERANDS.split()))
"""Names of all classes."""


def with_wider(name: str) -> tuple[str, ...]:
    """Return a class and all that it lies within, the narrowest first."""
    names = [name]
    while names[-1] in _WIDER:
        names.append(_WIDER[names[-1]])
    return tuple(names)


def has_wider(name: str) -> bool:
    """Whether `name` is a class that lies within another one."""
    return name in _WIDER
