"""`dse simulate`: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dse.cli.main import run

CODE = """\
    .globl dot
dot:
1:  ldr q0, [x1], #16
    cnt v0.16b, v0.16b
    uadalp v2.8h, v0.16b
    subs x0, x0, #1
    b.ne 1b
    ret
    .globl leap
leap: mov x5, #8
    br x5
    .globl product
product: udot v0.4s, v1.16b, v2.16b
    ret
"""
DOT = ("--function", "dot", "--arg", "10", "--arg", "buf:160:1")
FIELDS = {
    "function",
    "core",
    "cycles",
    "instructions",
    "ipc",
    "ports",
    "stalls",
    "caches",
    "hotspots",
    "bound",
    "timeline",
}


@pytest.fixture(autouse=True)
def _in_folder_with_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.S").write_text(CODE)


@pytest.fixture
def dse(capsys):
    """Run a command line; return exit code, standard output and standard error."""

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_report(dse):
    code, out, err = dse("simulate", "code.S", *DOT)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("dot on cortex-a72: ")
    assert "51 instructions" in lines[0]
    assert lines[1].startswith("bound: ")
    assert lines[2].startswith("caches: l1 hits 10, l1 misses 0")
    assert any(line.split()[:2] == ["code.S:3", "ldr"] for line in lines)
    for core_specific in ("F0", "results per cycle", "uadalp v2.8h, v0.16b"):
        assert core_specific in out
    assert "dispatch" not in out


def test_timeline(dse):
    _, out, _ = dse("simulate", "code.S", *DOT, "--timeline", "2:4")
    table = out[out.index("index") :].splitlines()
    assert [line.split()[0] for line in table[1:]] == ["2", "3"]
    assert all(line.rstrip().endswith("R") for line in table[1:])


def test_long_functions_and_long_windows_are_cut(dse, tmp_path):
    (tmp_path / "long.S").write_text("f:\n" + "mul x0, x0, x0\n" * 80 + "ret\n")
    _, out, _ = dse("simulate", "long.S", "--arg", "3", "--timeline", "80")
    assert "and 33 more instructions that took " in out
    window = out[out.index("index") :]
    assert "D" not in window.splitlines()[1]  # too long to be drawn


def test_json_of_one_function(dse):
    code, out, err = dse("simulate", "code.S", *DOT, "--core", "cortex-a53", "--json", "--timeline", "5")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert result.keys() >= FIELDS
    assert (result["function"], result["core"], result["instructions"]) == ("dot", "cortex-a53", 51)
    assert len(result["timeline"]) == 5
    assert result["hotspots"][0]["source_line"] == "code.S:3"
    assert result["ipc"] == pytest.approx(51 / result["cycles"])


def test_all_functions_on_several_cores(dse):
    cores = ("--core", "cortex-a72", "--core", "neoverse-n1")
    code, out, err = dse("simulate", "code.S", "--all", *cores, *DOT[2:])
    assert code == 1
    assert [line.split()[:2] for line in out.splitlines()] == [
        ["function", "core"], ["dot", "cortex-a72"], ["dot", "neoverse-n1"], ["product", "neoverse-n1"]]  # fmt: skip
    first, second, third = err.splitlines()
    assert first.startswith("error: leap on cortex-a72: code.S:11 (0x")
    assert "'br x5': jumps to 0x8" in second
    assert third.startswith("error: product on cortex-a72: code.S:13 (0x")
    assert "dotprod" in third


def test_json_of_several_functions(dse):
    code, out, err = dse("simulate", "code.S", "--all", *DOT[2:], "--json")
    dot, leap, product = json.loads(out)
    assert (code, err) == (1, "")
    assert dot.keys() >= FIELDS
    assert leap == {"function": "leap", "core": "cortex-a72", "error": leap["error"]}
    assert "code.S:11" in leap["error"]
    assert "dotprod" in product["error"]
    code, out, _ = dse("simulate", "code.S", "--function", "dot", *DOT, "--json")
    assert code == 0
    assert [result["function"] for result in json.loads(out)] == ["dot", "dot"]


def test_override_and_warmup(dse):
    def cycles(*options):
        return json.loads(dse("simulate", "code.S", *DOT, "--json", *options)[1])

    plain, cold = cycles(), cycles("--warmup", 0)
    assert cold["caches"]["l1_misses"] > plain["caches"]["l1_misses"] == 0
    slow = cycles("--override", "results_per_cycle=1")
    assert slow["core"] == "cortex-a72+results_per_cycle=1"
    assert slow["cycles"] > plain["cycles"]


def test_konata(dse, tmp_path):
    code, out, _ = dse("simulate", "code.S", *DOT, "--konata", "log.kanata")
    assert code == 0
    assert "dispatch" not in out
    log = (tmp_path / "log.kanata").read_text()
    assert log.startswith("Kanata\t0004\nC=\t")
    assert log.count("\nR\t") == 51
    dse("simulate", "code.S", *DOT, "--konata", "log.kanata", "--timeline", "3")
    assert (tmp_path / "log.kanata").read_text().count("\nR\t") == 3


def test_debug_shows_the_registers_of_a_fault(dse):
    code, _, err = dse("simulate", "code.S", "--function", "leap", "--debug")
    assert code == 1
    assert "x5 0x0000000000000008" in err
    assert err.splitlines()[-1].startswith("error: code.S:11")


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        ("code.S", 2, "the code has 3 functions (dot, leap, product): name one"),
        ("code.S --function dott", 2, "no function 'dott': did you mean dot?"),
        ("code.S --function dot --all", 2, "--function and --all"),
        ("code.S --function leap", 1, "code.S:11 (0x"),
        ("code.S --function product", 2, "'udot v0.4s, v1.16b, v2.16b' needs the ISA feature 'dotprod'"),
        ("code.S --function dot", 1, "'ldr q0, [x1], #0x10': 8-byte load"),
        ("code.S --function dot --arg 0 --arg buf:64 --budget 1000", 1, "code.S:3 (0x"),
        ("code.S --function dot --arg 1,5", 2, "argument '1,5': write an integer, f64:NUMBER"),
        ("code.S --function dot --core cortex-a7", 2, "did you mean cortex-a7"),
        ("code.S --function dot --override l2.latency", 2, "write FIELD=VALUE"),
        ("code.S --function dot --override l2.lat=3", 2, "l2.lat"),
        ("code.S --override l2.latency=3 --override l2.latency=4", 2, "--override l2.latency: given twice, as 3 and 4"),
        ("code.S --function dot --timeline x", 2, "--timeline 'x': write a number of instructions, or FIRST:LAST"),
        ("code.S --function dot --arg f32:1e300", 2, "argument 'f32:1e300': too large for a float of 32 bits"),
        ("one.S --timeline 3:9", 2, "timeline 3:9 is no window of the 1 executed instructions"),
        ("code.S --function dot --timeline 5:5", 2, "--timeline '5:5'"),
        ("code.S --function dot --warmup -1", 2, "--warmup"),
        ("code.S --all --konata log", 2, "--konata: one function on one core"),
        ("code.S --all --timeline 3", 2, "--timeline: shown for one function on one core"),
        ("code.S --function dot --konata none/log", 2, "none/log: give the path of a file in a directory that exists"),
        ("missing.S", 2, "missing.S: No such file"),
        ("bad.S", 2, "bad.S:2: unrecognized instruction mnemonic"),
        ("empty.S", 2, "empty.S: image has no executable code"),
        ("local.S --all", 2, "local.S: no function is global"),
        (".", 2, "Is a directory"),
    ],
)
def test_bad_input_is_one_line(dse, tmp_path, arguments, code, expected):
    (tmp_path / "bad.S").write_text("f: nop\n  foo x0\n")
    (tmp_path / "empty.S").write_text("\n")
    (tmp_path / "one.S").write_text("f: ret\n")
    (tmp_path / "local.S").write_text("f: ret\n")
    returned, out, err = dse("simulate", *arguments.split())
    assert (returned, out) == (code, "")
    assert expected in err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_it_loads_neither_training_nor_search_nor_charts(tmp_path):
    program = (
        "import sys; from dse.cli.main import run; code = run(sys.argv[1:]);"
        "heavy = {'torch', 'optuna', 'plotly', 'dash', 'sqlalchemy', 'rich'} & sys.modules.keys();"
        "sys.exit(f'loaded {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "simulate", "code.S", *DOT],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
