"""Kernels as a trial's layers name them: the text of `dse.layer_work` read back into what can be run again."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kernels_asm import ConvShape, InputError
from kernels_asm.any_variant import AnyVariant, parse_variant

_SHAPE = r"(?P<sizes>[0-9x]+)(?: k(?P<kernel>[0-9x]+))?(?: s(?P<stride>[0-9]+))?(?: p(?P<padding>[0-9]+))?"
_ZEROS = r"(?P<zeros> of zeros)?"
_SHAPE_TEXT = re.compile(_SHAPE + _ZEROS)
_KERNEL_TEXT = re.compile(r"(?:fused )?convolution (?P<shape>.+) (?P<variant>\S+)")

LONGEST_TEXT = 200
"""Characters of a kernel's or a layer's text that is looked at."""


@dataclass(frozen=True, slots=True)
class RecordedKernel:
    """A convolution, alone or fused with what follows it, and the layer that it computes."""

    shape: ConvShape
    variant: AnyVariant


def read_kernel(text: str) -> RecordedKernel | None:
    """Return the kernel that `str` of a convolution of `dse.layer_work` named, None for a pass behind a convolution.

    Raises kernels_asm.InputError for a convolution whose layer or variant cannot be read.
    """
    found = _KERNEL_TEXT.fullmatch(text) if len(text) <= 2 * LONGEST_TEXT else None
    return RecordedKernel(read_shape(found["shape"]), parse_variant(found["variant"])) if found else None


def read_shape(text: str) -> ConvShape:
    """Read a layer as `str` of its shape writes it, such as "28x28x128x128 k3x3 s1 p1"; sizes alone are enough.

    Raises kernels_asm.InputError for another form.
    """
    found = _SHAPE_TEXT.fullmatch(text.strip()) if len(text) <= LONGEST_TEXT else None
    if found is None:
        raise InputError(
            f"layer {text[:LONGEST_TEXT]!r}: write HEIGHTxWIDTHxCHANNELS_INxCHANNELS_OUT, such as 28x28x128x128, "
            "and kernel, stride and padding behind it where they are not k3x3 s1 p1"
        )
    stride, padding = (int(found[name]) if found[name] else 1 for name in ("stride", "padding"))
    return ConvShape.parse(
        found["sizes"], found["kernel"] or "3x3", stride, padding, "zero" if found["zeros"] else "one"
    )
