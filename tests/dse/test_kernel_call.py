"""Machines are kept for the kernels called last, and the others give back their memory."""

from __future__ import annotations

import threading

import pytest

from dse import kernel_call
from dse.emulation import checked_run, random_operands
from kernels_asm import Arithmetic, ConvShape, KernelVariant, LaneTile, OutputType

SHAPE = ConvShape(3, 3, 32, 8)
VARIANTS = [KernelVariant(Arithmetic(8, clip=clip, output=OutputType.INT8), LaneTile(8, 3)) for clip in (3, 31, 127)]


@pytest.fixture(autouse=True)
def _two_machines(monkeypatch):
    monkeypatch.setattr(kernel_call, "_MACHINES_KEPT", 2)
    monkeypatch.setattr(kernel_call, "_machines", {})


def check_all(times: int) -> None:
    for variant in VARIANTS * times:
        checked_run(variant, SHAPE, *random_operands(SHAPE))  # raises where the output is wrong


def test_kernels_that_lost_their_machine_run_again():
    check_all(3)
    assert len(kernel_call._machines) == 2


def test_the_machine_used_last_is_kept():
    check_all(1)
    kept = dict(kernel_call._machines)
    checked_run(VARIANTS[1], SHAPE, *random_operands(SHAPE))
    assert list(kernel_call._machines) == list(kept)[::-1]
    assert set(kernel_call._machines.values()) == set(kept.values())


def test_engines_of_a_machine_that_is_not_kept_are_freed():
    check_all(1)
    first = next(iter(kernel_call._machines.values()))
    assert first._emulators
    check_all(1)
    assert not first._emulators


def test_threads_take_each_others_machines_away_without_harm():
    failed: list[BaseException] = []

    def work() -> None:
        try:
            check_all(10)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
