"""Runs the steps of an exported network in Python: binary layers in the emulator, float layers in the program's order.

Each step is compared with the trained PyTorch model's, given the same input: exactly, or up to rounding in floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dse.errors import VerificationError
from dse.export import float_parts
from dse.export.binary_layers import BinaryLayer, LayerOutputs, packed_input, with_border
from dse.export.folding import (
    Floats,
    FoldedConvolution,
    floats,
    fold_float_convolution,
    fold_projection,
    sign_parameters,
)
from dse.export.steps import (
    AveragePool,
    Binary,
    Classify,
    Convolve,
    FeatureMap,
    Pack,
    PoolMap,
    Project,
    Rectify,
    Repeat,
    Standardise,
    Step,
    ToBytes,
    ToFloat,
)
from dse.networks import BinaryConv, Classifier, FloatConv
from dse.nn.blocks import BinaryBlock
from dse.nn.float_layers import FloatConvolution, Head
from dse.nn.model import BinaryModel
from kernels_asm.packing import pack_bits, unpack_bits

Array = NDArray[Any]

TOLERANCE = 1e-4
"""Of a float layer, as a share of the largest magnitude in its output: far above rounding, far below any mistake."""

LARGEST_BYTE_STEP = 1
"""Of an int8 map whose shortcut was computed in floats: a rounding there can move it by one step."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerRecord:
    """What went through a binary layer: packed input with its padding, the map that is added, and what came out."""

    input: NDArray[np.uint8]
    shortcut: Array | None
    outputs: LayerOutputs
    packed_border: int | None
    """Of the packed map that the signs go to; None where nothing reads them."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """An image uint8 (rows, columns, channels), its logits, and what went through each binary layer."""

    image: NDArray[np.uint8]
    logits: Floats
    layers: tuple[LayerRecord, ...]

    @property
    def predicted(self) -> int:
        """The class."""
        return int(self.logits.argmax())


@dataclass(frozen=True, slots=True, eq=False)
class FloatNumbers:
    """The numbers of the float layers, in the order in which the program uses them.

    Attributes:
        pixel_mean: Of each channel of an image.
        pixel_scale: Likewise.
        convolutions: By the name of the layer, or `projection_name` of the binary layer whose shortcut it is.
        classifier_weights: (features in the order of a map, classes).
        classifier_bias: (classes,).
    """

    pixel_mean: Floats
    pixel_scale: Floats
    convolutions: Mapping[str, FoldedConvolution]
    classifier_weights: Floats
    classifier_bias: Floats


def projection_name(layer: BinaryConv) -> str:
    """Return the name of the convolution in the shortcut of a layer."""
    return f"{layer.name}_projection"


def projection_layer(step: Project) -> FloatConv:
    """Return the convolution of a shortcut as a layer."""
    size = step.input.height, step.input.width, step.input.channels
    return FloatConv(projection_name(step.layer), *size, step.output.channels, 1, 1, 0)


def float_numbers(model: BinaryModel) -> FloatNumbers:
    """Return the numbers of a model's float layers."""
    convolutions: dict[str, FoldedConvolution] = {}
    head: tuple[Head, Classifier] | None = None
    for layer in model.network.layers:
        module = model.layers[layer.name]
        if isinstance(module, FloatConvolution):
            convolutions[layer.name] = fold_float_convolution(module)
        elif isinstance(module, BinaryBlock) and module.layer.shortcut and module.layer.shortcut.projects:
            convolutions[projection_name(module.layer)] = fold_projection(module)
        elif isinstance(module, Head) and isinstance(layer, Classifier):
            head = module, layer
    if head is None:
        raise ValueError(f"network {model.network.name} has no classifier")
    return FloatNumbers(
        floats(model.pixel_mean).reshape(-1),
        floats(model.pixel_scale).reshape(-1),
        convolutions,
        classifier_weights(*head),
        floats(head[0].linear.bias),
    )


class Reference:
    """The exported network in Python.

    Args:
        model: The trained model, in evaluation mode.
        steps: Its steps.
        layers: Its binary layers with their kernels, by name.
        numbers: The numbers of its float layers.

    """

    def __init__(
        self, model: BinaryModel, steps: Sequence[Step], layers: Mapping[str, BinaryLayer], numbers: FloatNumbers
    ) -> None:
        self._model = model
        self._steps = steps
        self._layers = layers
        self._numbers = numbers
        self._maps: dict[FeatureMap, Array] = {}
        self._packed: dict[str, NDArray[np.uint8]] = {}
        self._by_name: dict[str, Array] = {}

    @torch.no_grad()
    def run(self, image: NDArray[np.uint8]) -> ImageRecord:
        """Return what goes through the network for an image (rows, columns, channels).

        Raises VerificationError if a step's result is not the trained model's.
        """
        records = []
        logits = np.zeros(0, np.float32)
        for step in self._steps:
            match step:
                case Standardise():
                    numbers = self._numbers
                    pixels = float_parts.standardise(image, numbers.pixel_mean, numbers.pixel_scale)
                    self._keep(step.output, pixels)
                case Pack():
                    self._packed[step.layer.name] = self._pack(step)
                case Binary():
                    records.append(self._binary(step))
                case Classify():
                    x, numbers = self._maps[step.input], self._numbers
                    logits = float_parts.classify(x, numbers.classifier_weights, numbers.classifier_bias, step.layer)
                    self._require_close(step.layer.name, logits, self._module_output(step.layer.name, x))
                case _:
                    self._keep(step.output, self._float(step))
        return ImageRecord(image, logits, tuple(records))

    def _keep(self, where: FeatureMap, contents: Array) -> None:
        self._maps[where] = self._by_name[where.name] = contents

    def _float(self, step: Convolve | PoolMap | Rectify | ToBytes | ToFloat | AveragePool | Project | Repeat) -> Array:
        x = self._maps[step.input]
        match step:
            case Convolve():
                y = float_parts.convolve(x, self._numbers.convolutions[step.layer.name], step.layer)
                self._require_close(step.layer.name, y, self._module_output(step.layer.name, x))
                return y
            case PoolMap():
                y = float_parts.pool(x, step.layer)
                self._require_close(step.layer.name, y, self._module_output(step.layer.name, x))
                return y
            case Rectify():
                return float_parts.rectify(x)
            case ToBytes():
                return float_parts.to_bytes(x, step.scale)
            case ToFloat():
                return float_parts.to_float(x, step.scale)
            case AveragePool():
                size = step.output.height, step.output.width
                return float_parts.average_pool(x, step.window, step.window, 0, *size)
            case Project():
                name = projection_name(step.layer)
                return float_parts.convolve(x, self._numbers.convolutions[name], projection_layer(step))
            case Repeat():
                return np.tile(x, step.copies)

    def _pack(self, step: Pack) -> NDArray[np.uint8]:
        x = self._maps[step.input]
        norm, threshold = sign_parameters(self._block(step.layer))
        if norm is not None:
            x = x * norm[0] + norm[1]
        is_one = x < (0 if threshold is None else threshold)
        return with_border(pack_bits(np.where(is_one, -1, 1)), packed_input(step.layer).border)

    def _binary(self, step: Binary) -> LayerRecord:
        layer = self._layers[step.layer.name]
        packed = self._packed[step.layer.name]
        signs = unpack_bits(layer.input.inside(packed), step.layer.shape.channels_in)
        shortcut = None if step.shortcut is None else self._maps[step.shortcut]
        outputs = layer.run(signs, shortcut)
        if step.output is not None and outputs.map is not None:
            self._keep(step.output, outputs.map)
        if step.packs is not None:
            self._packed[step.packs.name] = with_border(outputs.bits, layer.packs.border)
        self._check_binary(layer, signs, outputs)
        border = None if step.packs is None else layer.packs.border
        return LayerRecord(packed, shortcut, outputs, border)

    def _check_binary(self, layer: BinaryLayer, signs: Array, outputs: LayerOutputs) -> None:
        """Compare with the trained block, given the same signs and the same map where its shortcut begins."""
        block, step = layer.block, layer.step
        start = signs if step.start is None else self._by_name[step.start]
        if start.dtype == np.int8 and step.start is not None:
            start = float_parts.to_float(start, self._model.feature_scale)
        sums = block.integer_convolution(_as_batch(signs), block.integer_weights())
        features = _as_map(block.finish(sums, _as_batch(start)))
        if not block.in_int8:
            self._require_close(step.layer.name, _map_of(outputs), features)
            return
        if block.folded is not None:
            found: Array = unpack_bits(outputs.bits, layer.packs.channels)
        else:
            found, features = _map_of(outputs), features * self._model.feature_scale
        is_rounded = step.layer.shortcut is not None and step.layer.shortcut.projects
        if np.abs(found - features).max() > (LARGEST_BYTE_STEP if is_rounded else 0):
            raise VerificationError(
                f"layer {step.layer.name}: the emulated kernels differ from the trained network: the weights belong "
                "to another design"
            )

    def _module_output(self, name: str, x: Array) -> Array:
        return _as_map(self._model.layers[name](_as_batch(x)))

    def _block(self, layer: BinaryConv) -> BinaryBlock:
        block = self._model.layers[layer.name]
        if not isinstance(block, BinaryBlock):
            raise AssertionError(f"layer {layer.name} is binary")
        return block

    def _require_close(self, name: str, found: Array, expected: Array) -> None:
        largest = float(np.abs(expected).max())
        if np.abs(found - expected.reshape(found.shape)).max() > TOLERANCE * max(largest, 1e-30):
            raise VerificationError(
                f"layer {name}: what the exported program computes differs from the trained network by more than "
                "rounding: this is a fault of the export"
            )


def classifier_weights(head: Head, layer: Classifier) -> Floats:
    """Return (features, classes), features in the order of a map: PyTorch has channels first."""
    weights = floats(head.linear.weight)
    pixels = layer.features // layer.channels
    return np.ascontiguousarray(weights.reshape(-1, layer.channels, pixels).transpose(2, 1, 0)).reshape(
        layer.features, -1
    )


def _map_of(outputs: LayerOutputs) -> Array:
    if outputs.map is None:
        raise AssertionError("a layer whose signs do not go on alone puts out a map")
    return outputs.map


def _as_batch(x: Array) -> Tensor:
    """Return (1, channels, rows, columns), float32, of (rows, columns, channels)."""
    return torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1), np.float32))[None]


def _as_map(batch: Tensor) -> Array:
    """Return (rows, columns, channels) of a batch of one; logits as they are."""
    array: Array = batch[0].numpy()
    return array if array.ndim == 1 else np.ascontiguousarray(array.transpose(1, 2, 0))
