"""Which symbols of an image are functions, and which of them other files may call."""

from __future__ import annotations

import subprocess

import pytest

from isa_models import InputError, Simulator
from tests.zig import ZIG

VISIBLE = ".globl a\n.hidden a\na: ret\nb: ret\n.globl c\n.internal c\nc: ret\n.globl d\n.protected d\nd: ret\n"


def test_hidden_functions_are_global():
    assert Simulator(VISIBLE).functions() == ("a", "c", "d")
    assert Simulator(".globl a\n.hidden a\na: ret\nb: ret\n").only_function() == "a"


def test_functions_of_a_compiler_that_hides_them(tmp_path):
    (tmp_path / "code.c").write_text("__attribute__((noinline)) static int g(int x) { return x * x; }\n"
                                     "int f(int x) { return g(x) + g(x + 1); }\n")  # fmt: skip
    target = ("-target", "aarch64-linux-musl", "-O1", "-fvisibility=hidden")
    subprocess.run([ZIG, "cc", *target, "-c", "code.c", "-o", "code.o"], cwd=tmp_path, check=True)
    assert Simulator(tmp_path / "code.o").functions() == ("f",)


def library(folder, sources):
    """Assemble the sources, in this order, into a library."""
    names = [f"{number}.o" for number in range(len(sources))]
    for name, text in zip(names, sources, strict=True):
        (folder / "source.S").write_text(text)
        subprocess.run([ZIG, "cc", "-target", "aarch64-linux-musl", "-c", "source.S", "-o", name],
                       cwd=folder, check=True)  # fmt: skip
    subprocess.run([ZIG, "ar", "rcs", "all.a", *names], cwd=folder, check=True)
    return folder / "all.a"


@pytest.mark.parametrize("order", [1, -1])
def test_a_hidden_function_hides_a_local_one_of_its_name(tmp_path, order):
    sources = [".globl f\n.hidden f\nf: nop\n ret\n", "f: ret\n.globl g\ng: ret\n"]
    simulator = Simulator(library(tmp_path, sources[::order]))
    assert set(simulator.functions()) == {"f", "g"}
    assert len(simulator.trace("f")) == 2


def test_a_name_of_several_local_functions_is_refused(tmp_path):
    simulator = Simulator(library(tmp_path, ["f: ret\n.globl g\ng: b f\n", "f: nop\n ret\n.globl h\nh: b f\n"]))
    assert [len(simulator.trace(name)) for name in "gh"] == [2, 3]
    with pytest.raises(InputError, match=r"^'f' is the name of several local functions: make the one that you mean "):
        simulator.trace("f")
