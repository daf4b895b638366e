"""Where a training computes, as a name. Imports no PyTorch, which takes seconds."""

from __future__ import annotations

from enum import StrEnum

from dse.errors import UsageError


class Device(StrEnum):
    """What computes the steps of a training; what a network is worth is judged on the processor in any case."""

    CPU = "cpu"
    CUDA = "cuda"
    """An NVIDIA GPU, the first that PyTorch sees."""


AUTO = "auto"
"""The GPU where there is one, else the processor."""


def choose_device(name: str) -> Device:
    """Return the device of that name, or the one that `auto` finds.

    Raises:
        UsageError: There is no such name, or PyTorch sees no GPU.

    """
    if name == Device.CPU:
        return Device.CPU
    if name not in (AUTO, Device.CUDA):
        raise UsageError(f"--device {name!r} is unknown; known: {', '.join((AUTO, *Device))}")
    import torch

    if torch.cuda.is_available():
        return Device.CUDA
    if name == AUTO:
        return Device.CPU
    raise UsageError("--device cuda: PyTorch sees no GPU: install its CUDA build and a driver, or give --device cpu")
