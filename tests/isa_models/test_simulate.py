"""`isa_models.simulate` on every kind of source, with every kind of argument, and what its result says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isa_models import (
    Buffer,
    Failure,
    InputError,
    MemoryFaultError,
    RunawayError,
    Simulation,
    Simulator,
    load_core,
    plan_words,
    random_buffer,
    simulate,
    simulate_all,
)

DOT = """
    .globl dot
    .type dot, %function
dot:
    movi v2.16b, #0
1:  ldr q0, [x1], #16
    ldr q1, [x2], #16
    eor v0.16b, v0.16b, v1.16b
    cnt v0.16b, v0.16b
    uadalp v2.8h, v0.16b
    subs x0, x0, #1
    b.ne 1b
    ret
"""
TWO = ".globl f\nf: add x0, x0, #1\n ret\n.globl g\ng: mul x0, x0, x0\n mul x0, x0, x0\n ret\n"
ARGS = (10, "buf:160:1", "buf:160:2")


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Run a tool of ziglang in a folder of its own; return the folder."""
    folder = tmp_path_factory.mktemp("build")

    def call(*arguments):
        subprocess.run([sys.executable, "-m", "ziglang", *arguments], cwd=folder, check=True, capture_output=True)
        return folder

    return call


@pytest.fixture(scope="module")
def objects(build):
    """Folder with two objects, a library of them, an executable and the assembly of a compiler."""
    folder = build("version")
    (folder / "dot.S").write_text(DOT)
    (folder / "user.S").write_text(".globl user\nuser: stp x29, x30, [sp, #-16]!\n bl dot\n ldp x29, x30, [sp], #16\n"
                                   " ret\n.globl lost\nlost: b elsewhere\n")  # fmt: skip
    (folder / "sum.c").write_text("int sum(const int *a, int n) { int s = 0; while (n--) s += *a++; return s; }\n")
    target = ("-target", "aarch64-linux-musl")
    for name in ("dot", "user"):
        build("cc", *target, "-g", "-c", f"{name}.S", "-o", f"{name}.o")
    build("ar", "rcs", "libboth.a", "dot.o", "user.o")
    build("ld.lld", "-m", "aarch64linux", "-z", "separate-code", "-e", "dot", "dot.o", "-o", "dot")
    build("cc", *target, "-O1", "-g", "-S", "sum.c", "-o", "sum.s")
    return folder


def test_text():
    simulation = simulate(DOT, core="cortex-a72", function="dot", args=ARGS)
    assert isinstance(simulation, Simulation)
    assert (simulation.function, simulation.core) == ("dot", "cortex-a72")
    assert simulation.instructions == 1 + 7 * 10 + 1
    assert simulation.bound.cycles <= simulation.cycles
    assert sum(simulation.stalls.values()) == simulation.cycles
    assert [hotspot.source for hotspot in simulation.hotspots] == [f"source.S:{line}" for line in range(5, 14)]


@pytest.mark.parametrize("name", ["dot.S", "dot.o", "libboth.a", "dot"])
def test_every_kind_of_file_takes_as_long_as_its_text(objects, name):
    path = objects / name
    expected = simulate(DOT, function="dot", args=ARGS)
    for source in (path, str(path)):
        simulation = simulate(source, function="dot", args=ARGS)
        assert (simulation.cycles, simulation.instructions) == (expected.cycles, expected.instructions)
        assert simulation.hotspots[0].source == "dot.S:5"


def test_compiled_code_names_the_line_of_the_source_it_comes_from(objects):
    simulation = simulate(objects / "sum.s", args=["buf:400:1", 100])
    assert simulation.function == "sum"
    assert simulation.instructions > 100
    assert {hotspot.source for hotspot in simulation.hotspots} <= {"sum.c:1", None}


def test_members_of_a_library_call_each_other(objects):
    direct = simulate(objects / "libboth.a", function="dot", args=ARGS)
    assert simulate(objects / "libboth.a", function="user", args=ARGS).instructions == direct.instructions + 4


def test_undefined_symbols_hurt_only_the_functions_that_need_them(objects):
    assert simulate(objects / "libboth.a", function="dot", args=ARGS).cycles > 0
    with pytest.raises(
        InputError, match=r"^user\.S:7 \(0x\w+\): 'b .*' needs the undefined symbol 'elsewhere': define it$"
    ):
        simulate(objects / "libboth.a", function="lost")
    with pytest.raises(InputError, match=r"^user\.S:3 .*: 'bl .*' needs the undefined symbol 'dot'"):
        simulate(objects / "user.o", function="user", args=ARGS)


def test_undefined_symbols_hurt_only_where_they_are_reached():
    text = ".globl f\nf: cbz x0, 1f\n bl g\n1: ret\ng: b nowhere\n.globl h\nh: adrp x1, guard\n ret\n"
    assert simulate(text, function="f", args=[0]).instructions == 2
    with pytest.raises(InputError, match=r"^source\.S:5 .*'nowhere'"):
        simulate(text, function="f", args=[1])
    with pytest.raises(InputError, match=r"^source\.S:7 .*: 'adrp x1, .*' needs the undefined symbol 'guard'"):
        simulate(text, function="h")


UNDEFINED_WORDS = """
    .globl pool, table, through, filled, half, soft
pool: ldr x1, =COUNT
    ret
table: adrp x9, handlers
    add x9, x9, :lo12:handlers
    ldp x9, x10, [x9]
    ret
through: ldr x0, =pointer
    ldr x0, [x0]
    ldr x0, [x0]
    ret
filled: adrp x9, handlers
    add x9, x9, :lo12:handlers
    str x9, [x9]
    ldr x0, [x9]
    ret
half: adrp x9, handlers
    add x9, x9, :lo12:handlers
    str x9, [x9, #8]
    ldp x0, x1, [x9]
    ret
soft: ldr x0, =maybe
    ret
    .weak maybe
    .data
    .p2align 4
handlers: .xword handler, another
    .xword 0
pointer: .xword handlers
"""


def test_addresses_of_undefined_symbols_in_data_hurt_only_where_they_are_loaded():
    for function, line, name in (("pool", 3, "COUNT"), ("table", 7, "handler"), ("through", 11, "handler")):
        expected = (
            rf"^source\.S:{line} \(0x\w+\): 'ld.*' loads the address of the undefined symbol '{name}': define it$"
        )
        with pytest.raises(InputError, match=expected):
            simulate(UNDEFINED_WORDS, function=function)
    assert simulate(UNDEFINED_WORDS, function="filled").instructions == 5
    with pytest.raises(InputError, match=r"^source\.S:\d+ .*: 'ldp .*undefined symbol 'handler': define it$"):
        simulate(UNDEFINED_WORDS, function="half")
    assert simulate(UNDEFINED_WORDS, function="soft").instructions == 2


def test_a_null_pointer_that_an_undefined_symbol_left_names_it():
    with pytest.raises(MemoryFaultError, match=r"load from 0x8, a null pointer; undefined symbols are 0: array$"):
        simulate("f: ldr x0, =array\n ldr x0, [x0, #8]\n ret\n")


def test_tables_in_the_code_are_not_followed_as_instructions():
    program = Simulator("f: ldr x0, [sp]\n ret\n .space 64\ng: add x1, x1, #4\n ldr x0, [x1]\n ret\n").image.program
    followed = [word for word in plan_words.program_plans(program)._code if word != plan_words._NOP]
    assert len(followed) == 5


def test_data_that_is_executed_is_called_so():
    with pytest.raises(InputError, match=r"'\.word 0xd503201f': data is executed as code: return, or jump, before it$"):
        simulate("f: .word 0xd503201f\n ret\n")


def test_a_source_may_be_called_as_an_option_of_the_assembler_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("@f.S", "-f.S"):
        (tmp_path / name).write_text("f: ret\n")
        assert simulate(Path(name)).instructions == 1


def test_a_compiler_s_check_that_never_fails(build):
    folder = build("version")
    (folder / "get.c").write_text("void abort(void);\n"
                                  "int get(const int *a, int n, int i) { if (i >= n) abort(); return a[i] * 3; }\n"
                                  "void use(char *);\n"
                                  "int keep(void) { char a[64]; use(a); return a[3]; }\n")  # fmt: skip
    options = ("-target", "aarch64-linux-musl", "-O2", "-g", "-fstack-protector-strong", "-fno-PIC")
    build("cc", *options, "-c", "get.c", "-o", "get.o")
    assert simulate(folder / "get.o", function="get", args=["buf:64", 16, 3]).cycles > 0
    with pytest.raises(InputError, match=r"^get\.c:2 .*: 'bl .*' needs the undefined symbol 'abort'"):
        simulate(folder / "get.o", function="get", args=["buf:64", 16, 16])
    with pytest.raises(InputError, match=r"^get\.c:4 .*: 'adrp .*' needs the undefined symbol '__stack_chk_guard'"):
        simulate(folder / "get.o", function="keep")


@pytest.mark.parametrize("visibility", ["", ".hidden g\n"])
def test_weak_symbols_may_stay_undefined(visibility):
    assert simulate(f".weak g\n{visibility}.globl f\nf: mov x9, x30\n bl g\n br x9\n").instructions == 3


def test_a_buffer_may_hold_pointers_to_others():
    text = ".globl f\nf: ldr x1, [x0]\n ldr x2, [x1, #8]\n str x2, [x0, #8]\n ret\n"
    block = Buffer("block", 16, writable=True, pointers={0: "data"})
    assert simulate(text, args=[block], buffers=[Buffer("data", 16)]).instructions == 4


def test_floats():
    text = ".globl f\nf: fcmp d0, d1\n b.gt 1f\n nop\n1: ret\n"
    assert simulate(text, args=[2.5, 0, 1.5]).instructions == 3
    assert simulate(text, args=["f64:1.5", "f64:2.5"]).instructions == 4


def test_loops_that_use_every_register_are_timed():
    text = "f:\n" + "".join(f"mov x{n}, #1\nmovi v{n}.16b, #1\n" for n in range(30)) + "ret\n"
    assert simulate(text).instructions == 61


def test_random_buffers_have_the_seed_s_contents():
    assert random_buffer("a", 8, seed=1).contents == random_buffer("b", 8, seed=1).contents
    assert random_buffer("a", 8, seed=1).contents != random_buffer("a", 8, seed=2).contents


def test_function_may_be_left_out_where_there_is_one():
    assert simulate("f:\n ret\n").function == "f"
    assert simulate(DOT, args=ARGS).function == "dot"  # its local label does not count
    with pytest.raises(InputError, match=r"2 functions \(f, g\): name one"):
        simulate(TWO)


def test_local_labels_can_be_named():
    assert simulate(".globl f\nf: nop\nlocal: ret\n", function="local").instructions == 1


def test_warmup():
    cold, warm = (simulate(DOT, args=[100, "buf:1600:1", "buf:1600:2"], warmup=passes) for passes in (0, 1))
    assert cold.caches["l1_misses"] > 0
    assert warm.caches["l1_misses"] == 0
    assert cold.cycles > warm.cycles
    with pytest.raises(InputError, match="warm-up of -1"):
        simulate(TWO, function="f", warmup=-1)


def test_timeline_is_cut_to_what_was_executed():
    simulation = simulate(DOT, args=ARGS, timeline=(70, 1000))
    assert simulation.timeline is not None
    assert [entry.index for entry in simulation.timeline] == [70, 71]
    for entry in simulation.timeline:
        assert entry.dispatch <= entry.issue <= entry.complete <= entry.retire
    assert simulate(DOT, args=ARGS).timeline is None
    with pytest.raises(InputError, match=r"^timeline 100:110 is no window of the 72 executed instructions"):
        simulate(DOT, args=ARGS, timeline=(100, 110))


def test_overrides_of_any_type():
    plain = simulate(DOT, args=ARGS)
    wide = simulate(DOT, args=ARGS, overrides={"results_per_cycle": None, "decode_width": 8})
    assert wide.cycles < plain.cycles
    assert wide.core == "cortex-a72+decode_width=8+results_per_cycle=null"
    assert simulate(DOT, args=ARGS, overrides={"results_per_cycle": "null", "decode_width": "8"}).cycles == wide.cycles
    assert simulate(TWO, function="f", overrides={"l2.latency": np.int64(30)}).core == "cortex-a72+l2.latency=30"
    with pytest.raises(InputError, match="loaded already"):
        simulate(TWO, load_core("cortex-a72"), "f", overrides={"decode_width": 2})


def test_many_functions_and_cores_in_one_go():
    results = list(simulate_all(TWO, cores=["cortex-a72", "neoverse-n1"], args=[3]))
    assert [(result.function, result.core) for result in results] == [
        ("f", "cortex-a72"), ("f", "neoverse-n1"), ("g", "cortex-a72"), ("g", "neoverse-n1")]  # fmt: skip
    for result in results:
        assert isinstance(result, Simulation)
        assert result == simulate(TWO, result.core, result.function, args=[3])


def test_one_core_and_one_function_need_no_list(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("extends: cortex-a53\n")
    for core in ("cortex-a53", path, load_core("cortex-a53")):
        (result,) = simulate_all(TWO, cores=core, functions="f")
        assert isinstance(result, Simulation)
        assert result.cycles == simulate(TWO, core, "f").cycles


def test_a_failure_does_not_stop_the_others():
    text = ".globl f\nf: b f\n.globl g\ng: udot v0.4s, v1.16b, v2.16b\n ret\n.globl h\nh: ret\n"
    _, endless, old, new, *fine = simulate_all(text, cores=["cortex-a72", "neoverse-n1"], functions=["f", "g", "h"],
                                            budget=100)  # fmt: skip
    assert isinstance(endless, Failure)
    assert isinstance(endless.error, RunawayError)
    assert isinstance(old, Failure)
    assert "dotprod" in str(old.error)
    assert isinstance(new, Simulation)
    assert [result.function for result in fine] == ["h", "h"]


def test_functions_do_not_see_what_earlier_ones_wrote():
    text = ".globl f\nf: adrp x1, n\n add x1, x1, :lo12:n\n ldr x2, [x1]\n cbnz x2, 1f\n nop\n1: str x0, [x1]\n ret\n" \
           ".bss\n.balign 8\nn: .skip 8\n"  # fmt: skip
    simulator = Simulator(text)
    core = load_core("cortex-a72")
    first, second = (simulator.simulate("f", core, [1]) for _ in range(2))
    assert first == second
    assert first.instructions == 7


def test_json_has_the_documented_fields():
    fields = json.loads(json.dumps(simulate(DOT, args=ARGS, timeline=(0, 3)).to_json()))
    documented = "function core cycles instructions ipc ports stalls caches hotspots bound timeline".split()  # noqa: SIM905
    assert set(documented) <= fields.keys()
    assert fields["hotspots"][0].keys() == {"address", "source_line", "text", "count", "cycles", "stalls"}
    assert fields["hotspots"][0]["source_line"] == "source.S:5"
    assert fields["bound"].keys() == {"what", "cycles"}
    assert fields["timeline"][1].keys() == {"index", "address", "text", "dispatch", "issue", "complete", "retire"}
    assert fields["function"] == "dot"
    assert all(0 <= share <= 1 for share in fields["ports"].values())
