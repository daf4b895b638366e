"""What an export computes is compared with the trained model step by step, so that a fault of the export is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dse.errors import VerificationError
from dse.export import float_parts, folding
from dse.export.folding import FoldedConvolution
from dse.networks import FloatConv
from tests.dse.export.test_folder import LANES, TREE, export, model


def exchanged(monkeypatch: pytest.MonkeyPatch, where: object, name: str, change: Callable) -> None:
    original = getattr(where, name)
    monkeypatch.setattr(where, name, lambda *arguments: change(original(*arguments)))


@pytest.mark.parametrize(
    ("function", "change", "message"),
    [
        ("convolve", lambda y: y * np.float32(1.001), "layer stem: what the exported program computes differs"),
        ("classify", lambda y: y[::-1].copy(), "layer classifier: what the exported program computes differs"),
        ("average_pool", lambda y: y + np.float32(0.01), "layer block3: what the exported program computes differs"),
    ],
)
def test_a_wrong_float_layer_is_told(function, change, message, monkeypatch, tmp_path: Path) -> None:
    exchanged(monkeypatch, float_parts, function, change)
    with pytest.raises(VerificationError, match=message):
        export(tmp_path / "design", model("float32"), LANES)


def test_wrong_parameters_of_a_batch_norm_are_told(monkeypatch, tmp_path: Path) -> None:
    made = model("float32")
    fold = folding.fold_norm
    monkeypatch.setattr(folding, "fold_norm", lambda *of: (fold(*of)[0], fold(*of)[1] + np.float32(0.01)))
    monkeypatch.setattr(float_parts, "convolve", lambda x, folded, layer: _unmoved(x, folded, layer))
    with pytest.raises(VerificationError, match="layer block1: what the exported program computes differs"):
        export(tmp_path / "design", made, LANES)


def _unmoved(x: np.ndarray, folded: FoldedConvolution, layer: FloatConv, right=float_parts.convolve) -> np.ndarray:
    return right(x, folded, layer) - np.float32(0.01)


def test_wrong_weights_of_an_int8_layer_are_told(monkeypatch, tmp_path: Path) -> None:
    made = model("int8 fused")
    monkeypatch.setattr("dse.export.binary_layers.channels_last", lambda weights: -_channels_last(weights))
    with pytest.raises(VerificationError, match="layer block1: the emulated kernels differ from the trained network"):
        export(tmp_path / "design", made, TREE)


def _channels_last(weights) -> np.ndarray:
    return np.ascontiguousarray(weights.permute(0, 2, 3, 1).numpy())
