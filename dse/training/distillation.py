"""The loss of a training: labels, and a teacher where there is one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from dse.nn.model import BinaryModel
from dse.training.recipe import Distillation, Recipe


class Loss:
    """Cross entropy with a recipe's label smoothing, mixed with what a teacher says of the same images.

    Args:
        recipe: Label smoothing and distillation.
        teacher: In evaluation mode; needed, and used, where the recipe has a distillation.

    """

    def __init__(self, recipe: Recipe, teacher: BinaryModel | None) -> None:
        self._smoothing = recipe.label_smoothing
        self._distillation = recipe.distillation
        self._teacher = teacher

    def __call__(self, logits: Tensor, images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of the logits (N, classes) of images (N, C, H, W) with labels (N,)."""
        hard = functional.cross_entropy(logits, labels, label_smoothing=self._smoothing)
        if self._distillation is None or self._teacher is None:
            return hard
        with torch.no_grad():
            wanted = self._teacher(images)
        soft = divergence(logits, wanted, self._distillation)
        return (1 - self._distillation.weight) * hard + self._distillation.weight * soft


def divergence(logits: Tensor, teacher_logits: Tensor, distillation: Distillation) -> Tensor:
    """Return T^2 KL(teacher at T, student at T), the mean over the images.

    T^2 keeps the gradient's size where T is changed (Hinton et al., arXiv 1503.02531, section 2).
    """
    temperature = distillation.temperature
    student = functional.log_softmax(logits / temperature, dim=1)
    teacher = functional.log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * functional.kl_div(student, teacher, log_target=True, reduction="batchmean")
