"""Which device a training takes."""

import pytest
import torch

from dse.errors import UsageError
from dse.training.device import Device, choose_device


@pytest.mark.parametrize("there", [True, False])
def test_auto_takes_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    assert choose_device("auto") is (Device.CUDA if there else Device.CPU)
    assert choose_device("cpu") is Device.CPU


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="sees no GPU"):
        choose_device("cuda")
    with pytest.raises(UsageError, match="'gpu' is unknown; known: auto, cpu, cuda"):
        choose_device("gpu")
