"""Builds a chain of layers, each fitted to the feature map that the one before it puts out."""

from __future__ import annotations

from dse.networks.layers import BinaryConv, Classifier, FloatConv, Layer, Pool, PoolKind, Relu
from dse.networks.repairs import Repairs, Residual
from dse.networks.shortcut import Shortcut
from kernels_asm import ConvShape
from kernels_asm.activation import Activation


class LayerChain:
    """The layers so far, and the size of the feature map behind them.

    Args:
        input_shape: Channels, height and width of an image.
        repairs: Options of the binary blocks.

    """

    def __init__(self, input_shape: tuple[int, int, int], repairs: Repairs) -> None:
        self.channels, self.height, self.width = input_shape
        self._repairs = repairs
        self._layers: list[Layer] = []

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers in the order of execution."""
        return tuple(self._layers)

    def float_conv(
        self, name: str, channels: int, kernel_size: int, *, stride: int = 1, groups: int = 1, relu: bool = False
    ) -> None:
        """Add a convolution in floating point with batch norm, padded so that only its stride makes the map smaller."""
        self._add(
            FloatConv(
                name,
                self.height,
                self.width,
                self.channels,
                channels,
                kernel_size,
                stride,
                padding=kernel_size // 2,
                groups=groups,
                relu=relu,
            )
        )

    def pool(self, name: str, kind: PoolKind, kernel_size: int, *, stride: int, padding: int = 0) -> None:
        """Add a pooling."""
        self._add(Pool(name, self.height, self.width, self.channels, kind, kernel_size, stride, padding))

    def relu(self, name: str) -> None:
        """Add a ReLU behind binary blocks, unless they end in an activation themselves."""
        if self._repairs.activation is Activation.NONE:
            self._add(Relu(name, self.height, self.width, self.channels))

    def binary(
        self,
        name: str,
        channels: int,
        *,
        stride: int = 1,
        shortcut: Shortcut | None = None,
        sums_pool: int = 1,
        sums_relu: bool = False,
    ) -> None:
        """Add a binary convolution of 3x3, padded by one pixel."""
        repairs = self._repairs
        self._add(
            BinaryConv(
                name,
                ConvShape(self.height, self.width, self.channels, channels, stride=stride),
                repairs.estimator,
                repairs.learned_threshold,
                repairs.weight_scale,
                repairs.normalisation,
                repairs.activation,
                shortcut,
                sums_pool,
                sums_relu,
            )
        )

    def binary_pair(
        self,
        first: str,
        second: str,
        channels: int,
        *,
        stride: int = 1,
        projects: bool = False,
        sums_relu: bool = False,
    ) -> None:
        """Add two binary convolutions with the shortcuts of the repairs: one around each, one around both, or none.

        Args:
            first: Name of the first, which strides and widens.
            second: Name of the second.
            channels: Channels that both put out.
            stride: Of the first.
            projects: Whether a shortcut that widens or pools has a convolution of 1x1, rather than repeated channels.
            sums_relu: Whether a ReLU follows the sums of both.

        """
        residual = self._repairs.residual
        start = self._shortcut(1, channels, stride, projects) if residual is not Residual.NONE else None
        self.binary(
            first,
            channels,
            stride=stride,
            shortcut=start if residual is Residual.DOUBLE else None,
            sums_relu=sums_relu,
        )
        end = None
        if residual is Residual.DOUBLE:
            end = self._shortcut(1, channels, 1, projects)
        elif start is not None:
            end = Shortcut(2, start.height, start.width, start.channels_in, channels, start.pool, start.projects)
        self.binary(second, channels, shortcut=end, sums_relu=sums_relu)

    def residual_stages(self, stages: int, blocks: int, channels: int, *, projects: bool = False) -> None:
        """Add stages of so many pairs; each stage but the first halves the resolution and doubles the channels.

        Args:
            stages: How many.
            blocks: Pairs in a stage.
            channels: Of the first stage.
            projects: As of `binary_pair`.

        """
        for stage in range(1, stages + 1):
            for block in range(1, blocks + 1):
                halves = stage > 1 and block == 1
                channels *= 2 if halves else 1
                name = f"stage{stage}_block{block}"
                self.binary_pair(f"{name}a", f"{name}b", channels, stride=2 if halves else 1, projects=projects)

    def classifier(self, name: str, classes: int, grid: int | None, *, relu: bool) -> None:
        """Add the classifier; a `relu` in front is left out as by `relu`, as it would hide what lies below 0."""
        relu = relu and self._repairs.activation is Activation.NONE
        self._add(Classifier(name, self.channels, classes, grid, relu, self.height * self.width))

    def _shortcut(self, spans: int, channels: int, stride: int, projects: bool) -> Shortcut:
        """Return a shortcut from the map behind the layers so far."""
        changes = stride > 1 or channels != self.channels
        return Shortcut(spans, self.height, self.width, self.channels, channels, stride, projects and changes)

    def _add(self, layer: Layer) -> None:
        self._layers.append(layer)
        self.height, self.width, self.channels = layer.out_height, layer.out_width, layer.out_channels
