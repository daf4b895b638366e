"""In what the feature maps between binary layers are kept, and which networks can have them in bytes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from dse.errors import UsageError
from dse.networks.layers import BinaryConv
from dse.networks.repairs import Normalisation
from kernels_asm.activation import Activation


class FeatureMaps(StrEnum):
    """The data flow between binary layers.

    =========  ==========================================================  ==========================================
    name       batch norm and shortcut                                     what is stored
    =========  ==========================================================  ==========================================
    float32    in floating point                                           float32, and bits for the next convolution
    int8       in fixed point (`kernels_asm.fixed_point`), a layer whose   int8 and bits, or bits alone
               signs alone go on: one threshold a channel
               (`kernels_asm.threshold`)
    =========  ==========================================================  ==========================================
    """

    FLOAT32 = "float32"
    INT8 = "int8"


def check_int8(layers: Iterable[BinaryConv]) -> None:
    """Raise UsageError, naming the first layer, for what the kernels with int8 maps do not compute."""
    for layer in layers:
        lacking = {
            "normalisation before the convolution": layer.normalisation is not Normalisation.AFTER,
            "learned thresholds": layer.learned_threshold,
            "scaled weights": layer.weight_scale,
            f"activation {layer.activation}": layer.activation is not Activation.NONE,
            "ReLU in front of the batch norm": layer.sums_relu,
        }
        for what, is_wanted in lacking.items():
            if is_wanted:
                raise UsageError(f"layer {layer.name}: no kernel has int8 maps with {what}: give float32 maps")
