"""Chains and streams of single instruction forms, as the latencies and throughputs of the table were measured."""

import csv
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path(__file__).parent / "instruction_timing.csv"


@dataclass(frozen=True, slots=True)
class Form:
    """One row of the table as code.

    `chain`: an instruction that depends on its own result; `stream`: the same with `{n}` for registers that differ
    from copy to copy. An empty text: not to be run.
    """

    row: str
    chain: str
    stream: str


def _binary(mnemonic: str, arrangement: str, row: str) -> Form:
    return Form(
        row,
        f"{mnemonic} v0.{arrangement}, v0.{arrangement}, v31.{arrangement}",
        f"{mnemonic} v{{n}}.{arrangement}, v30.{arrangement}, v31.{arrangement}",
    )


def _unary(mnemonic: str, arrangement: str, row: str) -> Form:
    return Form(
        row, f"{mnemonic} v0.{arrangement}, v0.{arrangement}", f"{mnemonic} v{{n}}.{arrangement}, v31.{arrangement}"
    )


def _scalar(code: str, row: str) -> Form:
    return Form(row, code.replace("D", "x0").replace("S", "x0"), code.replace("D", "x{n}").replace("S", "x20"))


FORMS = (
    _binary("eor", "16b", "eor.b"),
    _binary("and", "16b", "and.b"),
    _binary("add", "16b", "add.b"),
    _binary("add", "8h", "add.h"),
    _binary("sub", "8h", "sub.h"),
    _binary("uqadd", "16b", "uqadd.b"),
    _binary("sqadd", "8h", "sqadd.h"),
    _binary("addp", "16b", "addp.b"),
    _binary("addp", "8h", "addp.h"),
    _binary("smin", "8h", "smin.h"),
    _binary("smax", "8h", "smax.h"),
    _binary("cmhi", "16b", "cmhi.b (reg)"),
    _binary("zip1", "16b", "zip1.b"),
    _binary("mul", "8h", "mul.h (vec)"),
    _binary("sqrdmulh", "8h", "sqrdmulh.h (vec)"),
    _binary("sabd", "16b", "sabd.b"),
    _unary("cnt", "16b", "cnt.b"),
    _unary("abs", "16b", "abs.b"),
    _unary("neg", "16b", "neg.b"),
    _unary("rev64", "16b", "rev64.b"),
    Form("shl.h (imm; <<2)", "shl v0.8h, v0.8h, #2", "shl v{n}.8h, v31.8h, #2"),
    Form("ushr.h (imm; >>2)", "ushr v0.8h, v0.8h, #2", "ushr v{n}.8h, v31.8h, #2"),
    Form("saddlp.b", "saddlp v0.8h, v0.16b", "saddlp v{n}.8h, v31.16b"),
    Form("uadalp.b", "uadalp v0.8h, v0.16b", "uadalp v{n}.8h, v31.16b"),
    Form("saba.b (acc. fwd.)", "saba v0.16b, v30.16b, v31.16b", ""),
    Form("umlal.h (vec; acc. fwd.)", "umlal v0.4s, v30.4h, v31.4h", ""),
    Form("xtn.h", "xtn v0.8b, v0.8h", "xtn v{n}.8b, v31.8h"),
    Form("uqxtn.h (vec)", "uqxtn v0.8b, v0.8h", "uqxtn v{n}.8b, v31.8h"),
    Form("dup.b (vec; lane = 0)", "dup v0.16b, v0.b[0]", "dup v{n}.16b, v31.b[0]"),
    Form("movi.b (0x00)", "", "movi v{n}.16b, #0"),
    Form("addv.b", "addv b0, v0.16b", "addv b{n}, v31.16b"),
    Form("str.q (imm; ofs = 0)", "", "str q{n}, [x28]"),
    Form("ldr.q (imm; ofs = 0)", "", "ldr q{n}, [x28]"),
    Form("ldp.q (ofs = 0; 1st elem)", "", "ldp q{n}, q31, [x28]"),
    Form("ld1r.b", "", "ld1r {{v{n}.16b}}, [x28]"),
    Form("ldr (imm; ofs = 0)", "ldr x28, [x28]", "ldr x{n}, [x28]"),
    _scalar("add D, S, x21", "add (reg)"),
    _scalar("add D, S, x21, lsl #2", "add (reg<<2)"),
    _scalar("adds D, S, #1", "adds (imm)"),
    _scalar("lsl D, S, #3", "lsl (imm)"),
    _scalar("mul D, S, x21", "mul"),
    _scalar("ubfx D, S, #3, #8", "ubfx"),
    _scalar("bfi D, S, #3, #8", "bfi"),
    _scalar("clz D, S", "clz"),
)


def measured(core: str) -> dict[str, tuple[float | None, float | None]]:
    """Return latency (cycles) and throughput (per cycle) by row for a core, None where not measured."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["instruction"]: (_number(row["latency_cycles"]), _number(row["throughput_per_cycle"]))
            for row in csv.DictReader(file)
            if row["core"] == core
        }


def _number(text: str) -> float | None:
    return float(text) if text else None
