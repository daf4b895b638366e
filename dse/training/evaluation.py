"""Judging a model: the classes that it predicts, and how many of them are right."""

from __future__ import annotations

import numpy as np
import torch

from dse.data import Split
from dse.data.dataset import Labels
from dse.nn.model import BinaryModel

EVALUATION_BATCH = 250
"""Images in a batch of an evaluation; a whole number of these makes every embedded split."""


def evaluate(model: BinaryModel, split: Split) -> float:
    """Return the share of images of `split` that the model classifies right, 0 to 1, in exact integers."""
    predicted = predict(model, split)
    return float(np.mean(predicted == split.labels))


@torch.inference_mode()
def predict(model: BinaryModel, split: Split) -> Labels:
    """Return the predicted classes (N,) of the images of `split`."""
    model.eval()
    images = torch.tensor(split.images)
    starts = range(0, len(split), EVALUATION_BATCH)
    predicted: Labels = torch.cat(
        [model(images[start : start + EVALUATION_BATCH]).argmax(dim=1) for start in starts]
    ).numpy()
    return predicted
