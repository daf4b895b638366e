"""Judging a model: the classes that it predicts, and how many of them are right."""

from __future__ import annotations

import numpy as np
import torch

from dse.data import Split
from dse.data.dataset import Labels
from dse.errors import TrainingError
from dse.nn.model import BinaryModel

EVALUATION_BATCH = 125
"""Images in a batch of an evaluation, few enough for the caches; a whole number of these makes every embedded split."""


def evaluate(model: BinaryModel, split: Split) -> float:
    """Return the share of images of `split` that the model classifies right, 0 to 1; raises as `predict`."""
    predicted = predict(model, split)
    return float(np.mean(predicted == split.labels))


@torch.inference_mode()
def predict(model: BinaryModel, split: Split) -> Labels:
    """Return the predicted classes (N,) of the images of `split`, computed in exact integers where the model is.

    Raises:
        TrainingError: What the model puts out is no finite number, so that no class is the largest.

    """
    model.eval()
    images = torch.tensor(split.images, device=model.pixel_mean.device)
    classes = []
    for start in range(0, len(split), EVALUATION_BATCH):
        logits = model(images[start : start + EVALUATION_BATCH])
        if not torch.isfinite(logits).all():
            raise TrainingError("the network puts out numbers that are not finite on images that it did not learn from")
        classes.append(logits.argmax(dim=1).cpu())
    predicted: Labels = torch.cat(classes).numpy()
    return predicted
