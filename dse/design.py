"""One point of the search space: how wide a network is, what it computes in and what its feature maps are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dse.errors import UsageError
from dse.networks.feature_maps import FeatureMaps
from kernels_asm import Arithmetic, ConvShape, InputError, LayerFunction, OutputType, Overflow

LARGEST_INT8_CLIP = 127
"""Largest clip whose outputs fit int8."""


@dataclass(frozen=True, slots=True)
class Design:
    """Width of the network, arithmetic and feature maps, the same for every binary layer.

    Tiles are no part of it: accuracy does not depend on them, and `dse.tile_search` solves them layer by layer.

    Attributes:
        width_multiplier: Factor on the network's channel counts, above 0.
        accumulator: Width in bits of the kernels' accumulators: 8, 16 or 32.
        overflow: What an accumulator does when a sum exceeds its width.
        clip: Outputs are clipped to [-clip, clip]; None leaves them as they are.
        maps: In what the feature maps between binary layers are kept.

    """

    width_multiplier: float
    accumulator: int
    overflow: Overflow
    clip: int | None
    maps: FeatureMaps = FeatureMaps.FLOAT32

    def arithmetic(self) -> Arithmetic:
        """Return the arithmetic of every binary layer, with the narrowest output type that its values fit.

        Raises kernels_asm.InputError for a combination that no kernel can have.
        """
        return Arithmetic(self.accumulator, self.overflow, self.clip, self._output())

    def layer_functions(self, shapes: Iterable[ConvShape]) -> tuple[LayerFunction, ...]:
        """Return what binary layers of these shapes compute; raises kernels_asm.InputError if one has no kernel."""
        arithmetic = self.arithmetic()
        return tuple(arithmetic.layer_function(shape) for shape in shapes)

    def _output(self) -> OutputType:
        if self.clip is not None and self.clip <= LARGEST_INT8_CLIP:
            return OutputType.INT8
        return OutputType.INT32 if self.accumulator == 32 else OutputType.INT16

    def to_dict(self) -> dict[str, Any]:
        """Return the design as JSON values; `from_dict` reads it back."""
        return {
            "width_multiplier": self.width_multiplier,
            "accumulator": self.accumulator,
            "overflow": self.overflow.value,
            "clip": self.clip,
            "maps": self.maps.value,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Design:
        """Return the design that `to_dict` wrote; raises UsageError if a field is missing or malformed."""
        try:
            return cls(
                width_multiplier=float(values["width_multiplier"]),
                accumulator=int(values["accumulator"]),
                overflow=Overflow(values["overflow"]),
                clip=None if values["clip"] is None else int(values["clip"]),
                maps=FeatureMaps(values["maps"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise UsageError(f"design {dict(values)!r}: missing or malformed field {error}") from error

    def __str__(self) -> str:
        clip = "no clip" if self.clip is None else f"clip {self.clip}"
        maps = ", int8 maps" if self.maps is FeatureMaps.INT8 else ""
        return f"width {self.width_multiplier:g}, {self.accumulator}-bit {self.overflow.value}, {clip}{maps}"
