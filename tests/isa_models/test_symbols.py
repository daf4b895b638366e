"""Which symbols of an image are functions, and which of them other files may call."""

from __future__ import annotations

import subprocess

import pytest

from isa_models import Simulator
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


@pytest.mark.parametrize("names", ["12", "21"])
def test_a_hidden_function_hides_a_local_one_of_its_name(tmp_path, names):
    first, second = names
    (tmp_path / f"{first}.S").write_text(".globl f\n.hidden f\nf: nop\n ret\n")
    (tmp_path / f"{second}.S").write_text("f: ret\n.globl g\ng: ret\n")
    for name in names:
        subprocess.run([ZIG, "cc", "-target", "aarch64-linux-musl", "-c", f"{name}.S", "-o", f"{name}.o"],
                       cwd=tmp_path, check=True)  # fmt: skip
    subprocess.run([ZIG, "ar", "rcs", "both.a", "1.o", "2.o"], cwd=tmp_path, check=True)
    simulator = Simulator(tmp_path / "both.a")
    assert set(simulator.functions()) == {"f", "g"}
    assert len(simulator.trace("f")) == 2
