"""The grammar that turns rows of the instruction-timing table into code."""

import pytest

from isa_models.silicon.form import Form, LeftOut
from isa_models.silicon.instruction_forms import form_of
from isa_models.silicon.row_name import RowName, parse
from isa_models.silicon.timing_table import measured_cores, measurements, table_rows

GROUP_OF = {row: group for group, row in table_rows()}


def form(row):
    return form_of(GROUP_OF[row], row)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("cnt.b", RowName("cnt", "b", ())),
        ("adc", RowName("adc", "", ())),
        ("smlal.h (elem; v.h[7])", RowName("smlal", "h", ("elem", "v.h[7]"))),
        ("ldr (imm; pre, ofs = 16)", RowName("ldr", "", ("imm", "pre, ofs = 16"))),
        ("str -> ldr (ofs = 0 -> ofs = 0)", None),
        ("mov / movz (imm; 0x00)", None),
    ],
)
def test_names_are_parsed(row, expected):
    assert parse(row) == expected


def test_every_row_is_code_or_left_out_with_a_reason():
    unknown = []
    for group, row in table_rows():
        made = form_of(group, row)
        if isinstance(made, LeftOut):
            assert len(made.reason) > 20
            unknown += [row] if "grammar" in made.reason else []
        else:
            assert made.chain or made.stream
    assert not unknown


def test_measured_figures_that_a_form_cannot_give_are_explained():
    for core in measured_cores():
        for entry in measurements(core):
            made = form_of(entry.group, entry.row)
            if isinstance(made, Form):
                assert entry.latency is None or made.chain or made.why_no_chain, entry.row
                assert entry.throughput is None or made.stream or made.why_no_stream, entry.row


def test_only_these_groups_and_few_rows_are_left_out():
    left_out = [(group, row) for group, row in table_rows() if isinstance(form_of(group, row), LeftOut)]
    others = [row for group, row in left_out if group not in ("Branch", "Atomic memory operation")]
    assert len(others) <= 23


@pytest.mark.parametrize(
    ("row", "chain"),
    [
        ("eor.b", ["eor v0.16b, v0.16b, v31.16b"]),
        ("uadalp.b", ["uadalp v0.8h, v0.16b"]),
        ("saba.b (acc. fwd.)", ["saba v0.16b, v30.16b, v31.16b"]),
        ("mla.b (vec)", ["mla v0.16b, v0.16b, v31.16b"]),
        ("saddw2.h", ["saddw2 v0.8h, v0.8h, v31.16b"]),
        ("addhn2.s", ["addhn2 v0.8h, v0.4s, v31.4s"]),
        ("sqxtn.d (scl)", ["sqxtn s0, d0"]),
        ("saddlv.b", ["saddlv h0, v0.16b"]),
        ("shll2.h (<<16)", ["shll2 v0.4s, v0.8h, #16"]),
        ("sqshl.s (reg; <<2)", ["sqshl v0.4s, v0.4s, v31.4s"]),
        ("smlal2.s (elem; v.s[3])", ["smlal2 v0.2d, v0.4s, v15.s[3]"]),
        ("sdot.b (elem; v.b[3])", ["sdot v0.4s, v0.16b, v15.4b[3]"]),
        ("tbl (len == 2)", ["tbl v0.16b, {v24.16b, v25.16b}, v0.16b"]),
        ("bic.h (imm; <<8)", ["bic v0.8h, #1, lsl #8"]),
        ("dup.s (vec; lane = 3)", ["dup v0.4s, v0.s[3]"]),
        ("smov.h (v.h[0] <-> x)", ["mov v0.h[0], w0", "smov x0, v0.h[0]"]),
        ("and (reg>>17; rotate)", ["and x0, x0, x24, ror #17"]),
        ("umaddl", ["umaddl x0, w0, w24, x25"]),
        ("csneg (lt)", ["csneg x0, x0, x24, lt"]),
        ("tst (imm)", ["tst x0, #0xff", "csel x0, x0, x24, eq"]),
        ("fmadd.d", ["fmadd d0, d0, d31, d29"]),
        ("fmadd.d (acc. fwd.)", ["fmadd d0, d30, d31, d0"]),
        ("faddp.d (scl)", ["faddp d0, v0.2d"]),
        ("fcmgt.s (vec; zero)", ["fcmgt v0.4s, v0.4s, #0.0"]),
        ("fcvtn2 (d -> s)", ["fcvtn2 v0.4s, v0.2d"]),
        ("ldr (imm; pre, ofs = 16)", ["ldr x1, [x0, #16]!", "ldr x0, [x1, #16]!"]),
        ("ldrsh (imm; ofs = 16)", ["ldrsh x1, [x0, #16]", "add x0, x0, x1"]),
        ("ldp (x; ofs = 0; 2nd elem)", ["ldp x2, x0, [x0]"]),
        ("ld3.b (single; [15])", ["ld3 {v0.b, v1.b, v2.b}[15], [x0]", "umov x1, v2.d[1]", "add x0, x0, x1"]),
        ("stp.q -> ldr.q (ofs = 16 -> 2nd reg)", ["stp q0, q1, [x28]", "ldur q1, [x28, #16]"]),
        ("st3.h (multi) -> ldr.q (ofs = 32)", ["st3 {v0.8h, v1.8h, v2.8h}, [x28]", "ldur q2, [x28, #32]"]),
        ("lsl (reg) / lslv", ["lsl x0, x0, x24"]),
        ("crc32cx", ["crc32cx w0, w0, x24"]),
    ],
)
def test_chains(row, chain):
    assert list(form(row).chain) == chain


@pytest.mark.parametrize(
    ("row", "stream"),
    [
        ("cnt.b", ["cnt v<v>.16b, v30.16b"]),
        ("movi.h (0x00<<8)", ["movi v<v>.8h, #0x00, lsl #8"]),
        ("mov / movn (imm; 0x1ffc<<16)", ["movn x<x>, #0x1ffc, lsl #16"]),
        ("mov (x -> x; chain)", ["mov x0, x1", "mov x1, x0"]),
        ("ld4.b (multi)", ["ld4 {v<v>.16b, v<v1>.16b, v<v2>.16b, v<v3>.16b}, [x20]"]),
        ("str.q (imm; post, ofs = 16)", ["str q30, [x<b>], #<sign>16"]),
        ("dup.d (elem)", ["dup v<v>.2d, x25"]),
        ("ldrb (imm; ofs = 16)", ["ldrb w<x>, [x20, #16]", "add x<x>, x<x>, x28"]),
        ("extr (imm; >>17)", ["extr x<x>, x25, x25, #17"]),
        ("fmla.s (elem; [3])", ["fmla v<v>.4s, v<v>.4s, v15.s[3]"]),
    ],
)
def test_streams(row, stream):
    assert list(form(row).stream) == stream


def test_loops_are_as_long_as_the_measured_ones_where_that_shows():
    forwarding, lanes = form("mla.h (vec; acc. fwd.)"), form("fmla.s (elem; [3])")
    assert (forwarding.copies, forwarding.in_loop) == (96, True)
    assert (lanes.copies, lanes.rotation) == (96, 14)


def test_bases_that_are_written_back_lie_apart_only_where_they_change():
    assert len(set(form("str (imm; post, ofs = 16)").setup)) == 4
    assert {line.split("x28, ")[1] for line in form("str (imm; post, ofs = 0)").setup} == {"#0"}
    assert {line.split("x28, ")[1] for line in form("str (imm; post, ofs = 16)").setup} == {"#0", "#64", "#128", "#192"}
