"""Runs a trained network with its binary layers on the emulated kernels, and compares every output and every class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dse.block_emulation import EmulatedBlocks, channels_last
from dse.emulation import KernelRunner
from dse.errors import UsageError
from dse.nn.model import BinaryModel
from isa_models import Buffer
from kernels_asm import KernelVariant
from kernels_asm.any_variant import AnyVariant

BATCH = 50
"""Images that go through the network together; both runs use the same batches, so that float layers are identical."""


@dataclass(frozen=True, slots=True)
class VerificationReport:
    """What a comparison found.

    Attributes:
        images: Images run.
        layers: Binary layers compared, each on every image.
        outputs: Outputs of binary layers compared: of the convolutions, or of whole blocks where maps are int8.
        differing_outputs: Those that differed.
        differing_classes: Images whose predicted class differed.
        instructions: Instructions that the emulated kernels executed.
    """

    images: int
    layers: int
    outputs: int
    differing_outputs: int
    differing_classes: int
    instructions: int

    @property
    def identical(self) -> bool:
        """Whether no output and no class differed."""
        return self.differing_outputs == 0 and self.differing_classes == 0


def verify_model(
    model: BinaryModel,
    variants: Sequence[AnyVariant],
    images: NDArray[np.uint8],
    progress: Callable[[int], None] | None = None,
) -> VerificationReport:
    """Compare a trained model with emulated kernels.

    Args:
        model: The model.
        variants: The kernel of each of its binary layers.
        images: uint8 (N, C, H, W).
        progress: Told after each batch how many images are done.

    Raises UsageError if there is no image, and whatever the emulated machine raises if a kernel misbehaves.

    """
    if len(images) == 0:
        raise UsageError("no images to verify on: give at least one")
    model.eval()
    return (_verify_blocks if model.in_int8 else _verify_convolutions)(model, variants, images, progress)


def _verify_blocks(
    model: BinaryModel,
    variants: Sequence[AnyVariant],
    images: NDArray[np.uint8],
    progress: Callable[[int], None] | None,
) -> VerificationReport:
    """Compare what each binary block puts out, feature map or signs: all between stem and classifier."""
    kernels = EmulatedBlocks(model, variants)
    differing_classes = done = 0
    for batch in _batches(images):
        with torch.no_grad():
            differing_classes += _count_differing(model(batch), model.run_blocks(batch, kernels))
        done += len(batch)
        _tell(progress, done)
    return VerificationReport(
        len(images), kernels.layers, kernels.outputs, kernels.differing, differing_classes, kernels.instructions
    )


def _verify_convolutions(
    model: BinaryModel,
    variants: Sequence[AnyVariant],
    images: NDArray[np.uint8],
    progress: Callable[[int], None] | None,
) -> VerificationReport:
    """Compare what each binary convolution puts out."""
    kernels = EmulatedConvolutions(model, variants)
    differing_classes = done = 0
    for batch in _batches(images):
        logits, records = model.record(batch)
        kernels.expect([record.outputs for record in records])
        emulated = model.forward_with(batch, kernels)
        differing_classes += _count_differing(logits, emulated)
        done += len(batch)
        _tell(progress, done)
    return VerificationReport(
        len(images),
        len(kernels.runners),
        kernels.outputs,
        kernels.differing,
        differing_classes,
        kernels.instructions,
    )


def _batches(images: NDArray[np.uint8]) -> Iterator[Tensor]:
    for first in range(0, len(images), BATCH):
        yield torch.from_numpy(images[first : first + BATCH].copy())


def _count_differing(logits: Tensor, emulated: Tensor) -> int:
    return int((logits.argmax(1) != emulated.argmax(1)).sum())


def _tell(progress: Callable[[int], None] | None, done: int) -> None:
    if progress is not None:
        progress(done)


@dataclass
class EmulatedConvolutions:
    """Stands in for a model's binary convolutions: runs each on the emulated kernel and counts what differs.

    Attributes:
        model: Gives shapes and weights.
        variants: The kernel of each layer.
        outputs: Outputs compared so far.
        differing: Those that differed.
        instructions: Instructions executed so far.
    """

    model: BinaryModel
    variants: Sequence[AnyVariant]
    outputs: int = 0
    differing: int = 0
    instructions: int = 0
    runners: list[KernelRunner] = field(init=False)
    _weights: list[Buffer] = field(init=False)
    _expected: list[Tensor] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        blocks = self.model.binary_blocks
        self.runners = [
            KernelRunner(_plain(variant), block.shape) for variant, block in zip(self.variants, blocks, strict=True)
        ]
        self._weights = [
            runner.pack(channels_last(block.integer_weights()))
            for runner, block in zip(self.runners, blocks, strict=True)
        ]

    def expect(self, outputs: list[Tensor]) -> None:
        """Set what each layer of the next batch should put out, int32 (N, O, H, W)."""
        self._expected = outputs

    def __call__(self, layer: int, signs: Tensor, _weights: Tensor) -> Tensor:
        """Return the outputs of binary layer `layer` for signs (N, C, H, W)."""
        images = [self._run(layer, image) for image in channels_last(signs)]
        outputs = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(torch.int32)
        self.outputs += outputs.numel()
        self.differing += int((outputs != self._expected[layer]).sum())
        return outputs

    def _run(self, layer: int, image: NDArray[np.integer]) -> NDArray[np.integer]:
        run = self.runners[layer].run(image, self._weights[layer])
        self.instructions += run.instructions
        return run.output


def _plain(variant: AnyVariant) -> KernelVariant:
    if not isinstance(variant, KernelVariant):
        raise UsageError(f"variant {variant} is fused, and no fused kernel has float32 maps: give a convolution alone")
    return variant
