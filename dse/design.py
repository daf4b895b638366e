"""One point of the search space: which network, and in what each of its binary layers computes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from dse.errors import UsageError
from dse.networks import Network, Repairs
from dse.networks.feature_maps import FeatureMaps
from kernels_asm import Arithmetic, ConvShape, InputError, LayerFunction, OutputType, Overflow

LARGEST_INT8_CLIP = 127
"""Largest clip whose outputs fit int8."""

DESIGN_FIELDS: Final = (
    "width_multiplier",
    "accumulator",
    "overflow",
    "clip",
    "maps",
    "depth_multiplier",
    "input_size",
    "repairs",
)
"""What `Design.to_dict` may return; the last three where they are not the usual."""


@dataclass(frozen=True, slots=True)
class Sums:
    """In what a binary layer computes.

    Attributes:
        accumulator: Width in bits of the kernel's accumulators: 8, 16 or 32.
        overflow: What an accumulator does when a sum exceeds its width.
        clip: Outputs are clipped to [-clip, clip]; None leaves them as they are.

    """

    accumulator: int
    overflow: Overflow
    clip: int | None

    def arithmetic(self) -> Arithmetic:
        """Return the arithmetic, with the narrowest output type that its values fit.

        Raises kernels_asm.InputError for a combination that no kernel can have.
        """
        return Arithmetic(self.accumulator, self.overflow, self.clip, self._output())

    def _output(self) -> OutputType:
        if self.clip is not None and self.clip <= LARGEST_INT8_CLIP:
            return OutputType.INT8
        return OutputType.INT32 if self.accumulator == 32 else OutputType.INT16


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """What a design chooses of its network.

    Attributes:
        width_multiplier: Factor on the network's channel counts, above 0.
        maps: In what the feature maps between binary layers are kept.
        depth_multiplier: Factor on the blocks of each of the network's stages, above 0.
        input_size: Rows and columns that images are made smaller to; None: as they are.
        repairs: Options of the binary blocks; None: the network's usual ones.

    """

    width_multiplier: float = 1.0
    maps: FeatureMaps = FeatureMaps.FLOAT32
    depth_multiplier: float = 1.0
    input_size: int | None = None
    repairs: Repairs | None = None

    @property
    def further(self) -> str:
        """All but width and maps in words, "" where they are the usual ones: "depth 2, 20x20 pixels"."""
        depth = "" if self.depth_multiplier == 1 else f"depth {self.depth_multiplier:g}"
        size = "" if self.input_size is None else f"{self.input_size}x{self.input_size} pixels"
        usual = str(Repairs()).split(",")
        changed = "" if self.repairs is None else str(self.repairs)
        repairs = " ".join(option for option in changed.split(",") if option not in usual)
        return ", ".join(filter(None, (depth, size, repairs)))


@dataclass(frozen=True, slots=True)
class Design:
    """A network, and the sums of its binary layers.

    Tiles are no part of it: accuracy does not depend on them, and `dse.tile_search` solves them layer by layer.

    Attributes:
        network: What is chosen of the network.
        sums: Those of each binary layer, in the order of execution; a single one where all are alike.

    """

    network: NetworkChoice
    sums: tuple[Sums, ...]

    def __post_init__(self) -> None:
        if not self.sums:
            raise UsageError("a design says what its layers compute in: give the sums of one layer at least")
        if len(set(self.sums)) == 1:
            object.__setattr__(self, "sums", self.sums[:1])  # the one form of a design whose layers are alike

    def layer_sums(self, layers: int) -> tuple[Sums, ...]:
        """Return the sums of each of so many binary layers; raises UsageError if the design has others."""
        if len(self.sums) == 1:
            return self.sums * layers
        if len(self.sums) != layers:
            raise UsageError(f"design of {len(self.sums)} layers: the network has {layers} binary layers")
        return self.sums

    def layer_functions(self, shapes: Iterable[ConvShape]) -> tuple[LayerFunction, ...]:
        """Return what binary layers of these shapes compute; raises kernels_asm.InputError if one has no kernel."""
        shapes = tuple(shapes)
        sums = self.layer_sums(len(shapes))
        return tuple(one.arithmetic().layer_function(shape) for one, shape in zip(sums, shapes, strict=True))

    def functions_in(self, network: Network) -> tuple[LayerFunction, ...]:
        """Return what each binary layer of the design's network computes; raises as `layer_functions`."""
        return self.layer_functions(layer.shape for layer in network.binary_layers)

    def to_dict(self) -> dict[str, Any]:
        """Return the design as JSON values, lists where layers differ; `from_dict` reads it back.

        What is chosen of the network besides width and maps is there where it is not the usual.
        """
        network = self.network
        further = {
            "depth_multiplier": None if network.depth_multiplier == 1 else network.depth_multiplier,
            "input_size": network.input_size,
            "repairs": None if network.repairs is None else str(network.repairs),
        }
        return {
            "width_multiplier": network.width_multiplier,
            "accumulator": _one_or_list(one.accumulator for one in self.sums),
            "overflow": _one_or_list(one.overflow.value for one in self.sums),
            "clip": _one_or_list(one.clip for one in self.sums),
            "maps": network.maps.value,
            **{name: value for name, value in further.items() if value is not None},
        }

    def flat_dict(self) -> dict[str, Any]:
        """Return the same with what layers differ in as one text, "8/16/8*2", for rows of a table."""
        texts = {"accumulator": self.accumulator_text, "overflow": self.overflow_text, "clip": self.clip_text}
        return self.to_dict() | (texts if len(self.sums) > 1 else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Design:
        """Return the design that `to_dict` wrote; raises UsageError if a field is missing or malformed."""
        try:
            size, repairs = values.get("input_size"), values.get("repairs")
            network = NetworkChoice(
                width_multiplier=float(values["width_multiplier"]),
                maps=FeatureMaps(values["maps"]),
                depth_multiplier=float(values.get("depth_multiplier", 1)),
                input_size=None if size is None else int(size),
                repairs=None if repairs is None else Repairs.parse(repairs),
            )
            columns = (_as_list(values[name]) for name in ("accumulator", "overflow", "clip"))
            sums = tuple(
                Sums(int(accumulator), Overflow(overflow), None if clip is None else int(clip))
                for accumulator, overflow, clip in zip(*columns, strict=True)
            )
            return cls(network, sums)
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise UsageError(f"design {dict(values)!r}: missing or malformed field {error}") from error

    @property
    def accumulator_text(self) -> str:
        """Widths of the accumulators, layer by layer where they differ: "8", or "16/8*3"."""
        return _text(str(one.accumulator) for one in self.sums)

    @property
    def overflow_text(self) -> str:
        """Overflow policies likewise."""
        return _text(one.overflow.value for one in self.sums)

    @property
    def clip_text(self) -> str:
        """Clips likewise, "none" for no clip."""
        return _text("none" if one.clip is None else str(one.clip) for one in self.sums)

    @property
    def sums_text(self) -> str:
        """What the layers compute in, in words: "8-bit wrap, clip 31"."""
        clip = "no clip" if self.clip_text == "none" else f"clip {self.clip_text}"
        return f"{self.accumulator_text}-bit {self.overflow_text}, {clip}"

    def __str__(self) -> str:
        maps = ", int8 maps" if self.network.maps is FeatureMaps.INT8 else ""
        further = f", {self.network.further}" if self.network.further else ""
        return f"width {self.network.width_multiplier:g}, {self.sums_text}{maps}{further}"


def uniform_design(
    width_multiplier: float,
    accumulator: int,
    overflow: Overflow,
    clip: int | None,
    maps: FeatureMaps = FeatureMaps.FLOAT32,
) -> Design:
    """Return a design of the network at this width whose layers compute alike; arguments as in its parts."""
    return Design(NetworkChoice(width_multiplier, maps), (Sums(accumulator, overflow, clip),))


def _one_or_list(values: Iterable[Any]) -> Any:
    listed = list(values)
    return listed[0] if len(listed) == 1 else listed


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(values: Iterable[str]) -> str:
    """Return texts of layers joined, those that repeat counted, or one where all are alike."""
    runs = [(text, len(list(run))) for text, run in itertools.groupby(values)]
    if len(runs) == 1:
        return runs[0][0]
    return "/".join(text if count == 1 else f"{text}*{count}" for text, count in runs)
