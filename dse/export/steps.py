"""A network as steps on feature maps: the one list from which the C driver and the reference are made.

Maps are (rows, columns, channels), one float32 or int8 an element. A binary layer reads packed signs, which the layer
before it packs where that is a binary layer too, and a step of its own elsewhere.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TypeAlias

from dse.networks import BinaryConv, Classifier, FeatureMaps, FloatConv, Network, Normalisation, Pool, Relu, Shortcut
from dse.nn.model import LONGEST_SPAN


@dataclass(frozen=True, slots=True)
class FeatureMap:
    """A feature map: a name that no other one of the network has, its size, and whether it is int8, else float32."""

    name: str
    height: int
    width: int
    channels: int
    in_int8: bool = False

    @property
    def size(self) -> int:
        """Elements."""
        return self.height * self.width * self.channels


@dataclass(frozen=True, slots=True)
class Standardise:
    """Pixels to float32 of mean 0 and deviation 1."""

    output: FeatureMap


@dataclass(frozen=True, slots=True)
class Convolve:
    """A layer's convolution in floating point with batch norm or bias, and ReLU or none."""

    layer: FloatConv
    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class PoolMap:
    """A pooling."""

    layer: Pool
    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class Rectify:
    """A ReLU."""

    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class ToBytes:
    """float32 to int8: rounded to whole multiples of 1 / scale, halves up, and saturated."""

    input: FeatureMap
    output: FeatureMap
    scale: int


@dataclass(frozen=True, slots=True)
class ToFloat:
    """int8 multiples of 1 / scale to float32."""

    input: FeatureMap
    output: FeatureMap
    scale: int


@dataclass(frozen=True, slots=True)
class AveragePool:
    """Average pooling of a shortcut: windows of `window` x `window`, those that the border cuts off smaller."""

    window: int
    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class Project:
    """The 1x1 convolution with batch norm in the shortcut of `layer`."""

    layer: BinaryConv
    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class Repeat:
    """All channels, `copies` times."""

    copies: int
    input: FeatureMap
    output: FeatureMap


@dataclass(frozen=True, slots=True)
class Pack:
    """Signs of a map to the packed input of `layer`."""

    layer: BinaryConv
    input: FeatureMap


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary layer's kernels.

    Attributes:
        layer: The layer.
        number: Of the binary layers, from 0.
        shortcut: What is added; None for nothing.
        start: Name of the map where the shortcut begins.
        output: Its map; None where only signs come out.
        packs: The binary layer whose packed input its signs are; None where they are not used.
    """

    layer: BinaryConv
    number: int
    shortcut: FeatureMap | None
    start: str | None
    output: FeatureMap | None
    packs: BinaryConv | None


@dataclass(frozen=True, slots=True)
class Classify:
    """The classifier."""

    layer: Classifier
    input: FeatureMap


Step: TypeAlias = (
    Standardise
    | Convolve
    | PoolMap
    | Rectify
    | ToBytes
    | ToFloat
    | AveragePool
    | Project
    | Repeat
    | Pack
    | Binary
    | Classify
)


def network_steps(network: Network, feature_scale: int) -> tuple[Step, ...]:
    """Return the steps from an image to logits; the bytes of int8 maps are multiples of 1 / `feature_scale`."""
    return tuple(_Steps(network, feature_scale).run())


class _Steps:
    """Follows the chain of layers: the same as `dse.nn.model.BinaryModel.run_blocks`."""

    def __init__(self, network: Network, feature_scale: int) -> None:
        self._network = network
        self._scale = feature_scale
        self._in_int8 = network.maps is FeatureMaps.INT8
        self._steps: list[Step] = []
        self._inputs: deque[FeatureMap | None] = deque(maxlen=LONGEST_SPAN)
        """Of the latest binary layers; None where only signs went in."""
        self._packed: BinaryConv | None = None
        """The layer whose packed input is ready."""
        channels, height, width = network.input_shape
        self._map: FeatureMap | None = FeatureMap("pixels", height, width, channels)

    def run(self) -> list[Step]:
        layers = self._network.layers
        self._steps.append(Standardise(self._latest()))
        for layer, following in zip(layers, (*layers[1:], None), strict=True):
            if isinstance(layer, BinaryConv):
                self._binary(layer, following if isinstance(following, BinaryConv) else None)
            elif isinstance(layer, Classifier):
                self._steps.append(Classify(layer, self._as_float()))
            else:
                self._float(layer)
        return self._steps

    def _float(self, layer: FloatConv | Pool | Relu) -> None:
        before = self._as_float()
        after = FeatureMap(layer.name, layer.out_height, layer.out_width, layer.out_channels)
        match layer:
            case FloatConv():
                self._steps.append(Convolve(layer, before, after))
            case Pool():
                self._steps.append(PoolMap(layer, before, after))
            case Relu():
                self._steps.append(Rectify(before, after))
        self._map = after

    def _binary(self, layer: BinaryConv, following: BinaryConv | None) -> None:
        if self._map is not None and self._in_int8 and not self._map.in_int8:
            self._map = self._to_bytes(self._map)
        self._inputs.append(self._map)
        if self._packed is not layer:
            self._steps.append(Pack(layer, self._latest()))
        start = self._inputs[-layer.shortcut.spans] if layer.shortcut else None
        shortcut = self._shortcut(layer, layer.shortcut, start) if layer.shortcut else None
        signs_alone = self._in_int8 and layer.name in self._network.signs_alone
        size = layer.out_height, layer.out_width, layer.out_channels
        output = None if signs_alone else FeatureMap(layer.name, *size, self._in_int8)
        # a batch norm in front of the next sign is no comparison with a threshold
        packs = None if following and following.normalisation is Normalisation.BEFORE else following
        number = self._network.binary_layers.index(layer)
        self._steps.append(Binary(layer, number, shortcut, start.name if start else None, output, packs))
        self._map, self._packed = output, packs

    def _shortcut(self, layer: BinaryConv, shortcut: Shortcut, start: FeatureMap | None) -> FeatureMap:
        """Return what the shortcut adds, after steps that make it where it is no copy."""
        if start is None:
            raise AssertionError("a shortcut begins at a map")
        name, size = f"{layer.name}_shortcut", (shortcut.out_height, shortcut.out_width)
        added = start
        if added.in_int8 and (shortcut.pool > 1 or shortcut.projects):
            added = self._to_float(added, name)
        if shortcut.pool > 1:
            pooled = FeatureMap(f"{name}_pooled", *size, shortcut.channels_in)
            self._steps.append(AveragePool(shortcut.pool, added, pooled))
            added = pooled
        if shortcut.projects:
            projected = FeatureMap(f"{name}_projected", *size, shortcut.channels_out)
            self._steps.append(Project(layer, added, projected))
            added = projected
        if self._in_int8 and not added.in_int8:
            added = self._to_bytes(added)
        if shortcut.copies > 1:
            repeated = FeatureMap(f"{name}_repeated", *size, shortcut.channels_out, added.in_int8)
            self._steps.append(Repeat(shortcut.copies, added, repeated))
            added = repeated
        return added

    def _latest(self) -> FeatureMap:
        if self._map is None:
            raise AssertionError("signs alone go to binary layers only")
        return self._map

    def _as_float(self) -> FeatureMap:
        latest = self._latest()
        return self._to_float(latest, latest.name) if latest.in_int8 else latest

    def _to_bytes(self, before: FeatureMap) -> FeatureMap:
        after = FeatureMap(f"{before.name}_int8", before.height, before.width, before.channels, in_int8=True)
        self._steps.append(ToBytes(before, after, self._scale))
        return after

    def _to_float(self, before: FeatureMap, name: str) -> FeatureMap:
        after = FeatureMap(f"{name}_float32", before.height, before.width, before.channels)
        self._steps.append(ToFloat(before, after, self._scale))
        return after
