"""`vector.bin`: what `check.c` reads; little-endian, in the order in which it takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from dse.export.binary_layers import with_border
from dse.export.c_network import VECTOR_MAGIC
from dse.export.reference import ImageRecord, LayerRecord


def vector_bytes(records: Sequence[ImageRecord], layers: int) -> bytes:
    """Return the file: magic, binary layers, images; then each image with its class, logits and layers."""
    parts = [np.array([VECTOR_MAGIC, layers, len(records)], "<i4").tobytes()]
    for record in records:
        parts += [record.image.tobytes(), np.array([record.predicted], "<i4").tobytes(), record.logits.tobytes()]
        for layer in record.layers:
            parts += _layer_parts(layer)
    return b"".join(parts)


def _layer_parts(record: LayerRecord) -> Iterator[bytes]:
    """Yield packed input, shortcut, sums, map and packed signs, without those that there are not."""
    outputs = record.outputs
    for array in (record.input, record.shortcut, outputs.sums, outputs.map):
        if array is not None:
            yield np.ascontiguousarray(array).tobytes()
    if record.packed_border is not None:
        yield with_border(outputs.bits, record.packed_border).tobytes()
