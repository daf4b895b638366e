"""The commands that a page offers are those of the command line, and safe to paste."""

from __future__ import annotations

import shlex

import pytest

from dashboards.commands import (
    StudyPlace,
    export_command,
    kernel_command,
    reproduction,
    training_commands,
    verify_command,
)
from dse.cli.main import run
from dse.recorded_kernel import RecordedKernel, read_shape
from kernels_asm.any_variant import parse_variant

KERNEL = RecordedKernel(read_shape("6x6x32x16"), parse_variant("acc8-exact-clip31-int8-4x2"))
NOWHERE = StudyPlace("nowhere.db", "s", "cache of another place")
HOSTILE = 'a b\'; touch x; $(id) `id` | "c"'


def test_names_are_quoted() -> None:
    place = StudyPlace(HOSTILE, HOSTILE, HOSTILE)
    for command in (verify_command(place, 3), export_command(place, 3)):
        assert shlex.split(command).count(HOSTILE) == 3
    assert shlex.split(training_commands(place, 3)).count(HOSTILE) == 6


def test_passwords_are_not_shown() -> None:
    assert "secret" not in verify_command(StudyPlace("postgresql://me:secret@host/db", "s"), 0)


def test_kernel_command_runs(capsys: pytest.CaptureFixture[str]) -> None:
    command = shlex.split(kernel_command(KERNEL, "cortex-a72", {"l2.latency": "30"}))
    assert command[0] == "dse"
    assert run(command[1:]) == 0
    assert "acc8-exact-clip31-int8-4x2, layer 6x6x32x16" in capsys.readouterr().out


def test_export_command_is_one_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    command = shlex.split(export_command(NOWHERE, 3))
    assert run(command[1:]) == 2
    assert "nowhere.db" in capsys.readouterr().err


def test_training_commands_are_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for line in training_commands(NOWHERE, 3).splitlines():
        assert run(shlex.split(line)[1:]) == 2
        assert "nowhere.db" in capsys.readouterr().err


def test_equal_kernels_are_timed_once() -> None:
    lines = reproduction(StudyPlace("s.db", "s"), 1, [KERNEL, KERNEL], "cortex-a72", {}).splitlines()
    assert [line.split()[:3] for line in lines] == [["dse", "verify", "--trial"], ["dse", "kernel", "profile"]]
