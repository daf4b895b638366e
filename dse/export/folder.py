"""Writes an exported design: every file of the folder, from a trained model and the kernels of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dse.errors import ExportError, UsageError, VerificationError
from dse.export.binary_layers import BinaryLayer, Surroundings
from dse.export.c_network import NetworkCode
from dse.export.constants import Constants
from dse.export.kernel_files import kernel_files
from dse.export.kernel_table import KernelTable
from dse.export.layer_kernels import LayerWorks, PixelsAtOnce, two_pixels
from dse.export.memory import place_maps
from dse.export.readme import Heading, Prediction, VectorNote, readme
from dse.export.reference import ImageRecord, Reference, float_numbers
from dse.export.steps import Binary, Step, network_steps
from dse.export.vector_file import vector_bytes
from dse.nn.model import BinaryModel

DEFAULT_IMAGES = 8

FIXED_FILES = Path(__file__).parent / "folder_files"
"""The files that are the same in every export."""

CANDIDATES = 2
"""Images that are tried for each one of the vector, at most."""


@dataclass(frozen=True)
class DesignToExport:
    """What is exported.

    Attributes:
        title: Says in a line what it is.
        model: The trained model, in evaluation mode.
        works: The kernels of each binary layer.
        images: To take the test vector from, uint8 (N, channels, rows, columns).
        wanted: Images in the vector, at least 1.
        prediction: Cycles of the layers; None where there are none.
        training: Says in a line where the weights come from and how good they are.
        pixels_at_once: Of passes behind convolutions.
    """

    title: str
    model: BinaryModel
    works: LayerWorks
    images: NDArray[np.uint8]
    wanted: int = DEFAULT_IMAGES
    prediction: Prediction | None = None
    training: str = "not known"
    pixels_at_once: PixelsAtOnce = two_pixels


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written: the folder, its files and bytes, distinct kernels, binary layers, images in and tried."""

    folder: str
    files: int
    bytes: int
    kernels: int
    layers: int
    images: int
    images_tried: int


def export_design(
    folder: Path, exported: DesignToExport, progress: Callable[[int], None] | None = None
) -> ExportReport:
    """Write a design to a folder that does not exist or is empty; `progress` is told how many images are done.

    Raises:
        UsageError: The folder has something in it, or there are no images.
        VerificationError: A layer is not what the network was trained with.
        kernels_asm.InputError: A kernel cannot compute its layer.
        ExportError: The folder cannot be written.

    """
    require_empty(folder)
    if exported.wanted < 1 or len(exported.images) == 0:
        raise UsageError("no images for the test vector: give at least one")
    exported.model.eval()
    files, report = _contents(folder, exported, progress)
    _write(folder, files)
    return report


def require_empty(folder: Path) -> None:
    """Raise UsageError unless a folder is empty or does not exist and can be made."""
    if folder.is_dir():
        if any(folder.iterdir()):
            raise UsageError(f"folder {folder} is not empty: give another one, or empty it")
    elif folder.exists():
        raise UsageError(f"{folder} is a file: give a folder")


def _contents(
    folder: Path, exported: DesignToExport, progress: Callable[[int], None] | None
) -> tuple[dict[str, bytes], ExportReport]:
    """Return the files by path and the report."""
    network = exported.model.network
    steps = network_steps(network, exported.model.feature_scale)
    kernels, constants, memory = KernelTable(), Constants(), place_maps(steps)
    surroundings = Surroundings(kernels, constants, memory, exported.pixels_at_once)
    layers = _binary_layers(steps, exported, surroundings)
    numbers = float_numbers(exported.model)
    predicted = dict(exported.prediction.layers) if exported.prediction else {}
    code = NetworkCode(network, steps, layers, numbers, constants, memory, predicted)
    network_source = code.source()
    records, tried = _vector(exported, Reference(exported.model, steps, layers, numbers), progress)
    note = VectorNote(len(records), tried)
    texts = {
        **{path.name: path.read_text(encoding="utf-8") for path in sorted(FIXED_FILES.iterdir()) if path.is_file()},
        **kernel_files(kernels, _users(exported.works, layers)),
        "network.h": code.header(),
        "network.c": network_source,
        "weights.h": _weights_header(constants),
        "weights.c": _weights_source(constants),
        "README.md": readme(
            Heading(exported.title, exported.training),
            exported.model,
            exported.works,
            tuple(layers.values()),
            exported.prediction,
            note,
        ),
    }
    files = {name: text.encode() for name, text in texts.items()}
    files["vector.bin"] = vector_bytes(records, len(layers))
    size = sum(map(len, files.values()))
    return files, ExportReport(str(folder), len(files), size, len(list(kernels)), len(layers), len(records), tried)


def _binary_layers(
    steps: Sequence[Step], exported: DesignToExport, surroundings: Surroundings
) -> dict[str, BinaryLayer]:
    blocks = {block.layer.name: block for block in exported.model.binary_blocks}
    return {
        step.layer.name: BinaryLayer(step, blocks, exported.works[step.layer.name], surroundings)
        for step in steps
        if isinstance(step, Binary)
    }


def _vector(
    exported: DesignToExport, reference: Reference, progress: Callable[[int], None] | None
) -> tuple[list[ImageRecord], int]:
    """Return the images of the vector and how many were tried: those whose class is that of the model in PyTorch.

    Rounding in float layers can turn a sign, and rarely with it a class.
    """
    records: list[ImageRecord] = []
    candidates = exported.images[: CANDIDATES * exported.wanted]
    for tried, image in enumerate(candidates, start=1):
        record = reference.run(np.ascontiguousarray(image.transpose(1, 2, 0)))
        if record.predicted == _predicted(exported.model, image):
            records.append(record)
            if progress is not None:
                progress(len(records))
        if len(records) == exported.wanted:
            return records, tried
    if len(records) < min(exported.wanted, len(candidates)) // 2 or not records:
        raise VerificationError(
            f"{len(candidates) - len(records)} of {len(candidates)} images have another class in the exported program "
            "than in the trained network: this is a fault of the export"
        )
    return records, len(candidates)


@torch.no_grad()
def _predicted(model: BinaryModel, image: NDArray[np.uint8]) -> int:
    return int(model(torch.from_numpy(image[None].copy())).argmax())


def _users(works: LayerWorks, layers: dict[str, BinaryLayer]) -> dict[str, list[str]]:
    """Return for each kernel by symbol the layers that use it, and as what."""
    users: dict[str, list[str]] = {}
    for name, layer in layers.items():
        for call, work in zip(layer.calls, works[name], strict=True):
            users.setdefault(call.kernel.symbol, []).append(f"layer {name}: {work}")
            if call.kernel.callee is not None:
                called = users.setdefault(call.kernel.callee, [])
                called.append(f"layer {name}, called by {call.kernel.symbol} for each row of a tile")
    return users


def _weights_header(constants: Constants) -> str:
    return (
        "/* Numbers of the trained network. Bytes are in words of 8, little-endian. */\n#ifndef WEIGHTS_H\n"
        f"#define WEIGHTS_H\n\n#include <stdint.h>\n\n{constants.header()}\n#endif\n"
    )


def _weights_source(constants: Constants) -> str:
    return '/* See weights.h. */\n#include "weights.h"\n\n' + "\n".join(constants.definitions())


def _write(folder: Path, files: dict[str, Any]) -> None:
    try:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise ExportError(f"{error.filename or folder}: cannot be written ({error.strerror})") from error
