"""The README of an exported folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dse.export.binary_layers import BinaryLayer
from dse.export.layer_kernels import LayerWorks
from dse.networks import FeatureMaps
from dse.nn.model import BinaryModel
from dse.normalisation_pass import NormalisationPass


@dataclass(frozen=True, slots=True)
class Prediction:
    """Cycles of the binary layers.

    Attributes:
        core: Name of the core, with what was changed of it.
        clock_hz: Its clock.
        layers: Cycles of each binary layer by name.
    """

    core: str
    clock_hz: float
    layers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VectorNote:
    """What to say about the test vector: images in it, and how many were tried for them."""

    images: int
    tried: int


@dataclass(frozen=True, slots=True)
class Heading:
    """What is exported, a line each: what design of which study, and where its weights come from."""

    title: str
    training: str


def readme(
    heading: Heading,
    model: BinaryModel,
    works: LayerWorks,
    layers: Sequence[BinaryLayer],
    prediction: Prediction | None,
    vector: VectorNote,
) -> str:
    """Return the text."""
    network = model.network
    channels, height, width = network.input_shape
    return _TEXT.read_text(encoding="utf-8").format(
        title=heading.title,
        training=heading.training,
        network=network.name,
        multiplier=f"{network.width_multiplier:g}",
        repairs=str(network.repairs).replace(",", ", "),
        image=f"{height}x{width} pixels of {channels} byte{'s' if channels > 1 else ''}",
        classes=network.classes,
        maps=_MAPS[network.maps].format(scale=model.feature_scale),
        table=_table(works, layers, prediction),
        total=_total(prediction),
        note=_c_note(layers) + _feature_note(works),
        images=vector.images,
        choice=_choice(vector),
    )


def _table(works: LayerWorks, layers: Sequence[BinaryLayer], prediction: Prediction | None) -> str:
    rows = ["| layer | what it runs | kernels | predicted cycles |", "| --- | --- | --- | --- |"]
    for layer in layers:
        name = layer.step.layer.name
        what = "<br>".join(str(work) for work in works[name])
        kernels = "<br>".join(f"`{call.kernel.symbol}`" for call in layer.calls)
        cycles = f"{prediction.layers[name]:,}" if prediction and name in prediction.layers else "not known"
        rows.append(f"| {name} | {what} | {kernels} | {cycles} |")
    return "\n".join(rows)


def _total(prediction: Prediction | None) -> str:
    if prediction is None:
        return "No study has predicted cycles for this design."
    cycles = sum(prediction.layers.values())
    milliseconds = cycles / prediction.clock_hz * 1e3
    return (
        f"Cycles are predicted for {prediction.core} with warm caches: {cycles:,} for all binary layers, "
        f"{milliseconds:.3f} ms at {prediction.clock_hz / 1e9:g} GHz. Float layers are not among them."
    )


def _c_note(layers: Sequence[BinaryLayer]) -> str:
    if not any(layer.sums is not None and layer.pools_sums for layer in layers):
        return ""
    return (
        "\nA maximum or a ReLU of the sums stands between convolution and batch norm of some layers. It is plain C "
        "(`finish_sums_...`), and not among the predicted cycles.\n"
    )


def _feature_note(works: LayerWorks) -> str:
    tiles = [work.variant.tile for layer in works.values() for work in layer if not isinstance(work, NormalisationPass)]
    features = sorted({tile.feature for tile in tiles if tile.feature is not None})
    return f"\nKernels need the ISA extension {', '.join(features)}.\n" if features else ""


def _choice(vector: VectorNote) -> str:
    if vector.tried == vector.images:
        return "to every one of which the trained network in PyTorch gives the same class"
    return (
        f"those of the first {vector.tried} to which the trained network in PyTorch gives the same class (to the "
        "others it does not, as rounding turned a sign)"
    )


_MAPS = {
    FeatureMaps.FLOAT32: "float32",
    FeatureMaps.INT8: "int8, multiples of 1/{scale}, with batch norms in fixed point",
}

_TEXT = Path(__file__).with_name("readme_text.md")
"""With the fields that `readme` fills in."""
