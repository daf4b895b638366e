"""What a training leaves: the network's weights, how good they are and how they came about."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.recipe import Recipe
from kernels_asm import LayerFunction


@dataclass(frozen=True, slots=True)
class EpochResult:
    """Mean loss over an epoch's training images, and accuracy (0 to 1) on the validation split after it."""

    epoch: int
    loss: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network and how good it is.

    Attributes:
        network: What was trained.
        functions: What each binary layer computes.
        accuracy: On the validation split, 0 to 1.
        standard_error: Of `accuracy`, for the size of the validation split and for one seed (`dse.uncertainty`).
        test_accuracy: On the test split, 0 to 1.
        test_standard_error: Of `test_accuracy`, likewise.
        seconds: How long the training took, evaluation included; None if read from a file, which does not hold it.
        history: One entry an epoch.
        state_dict: The parameters and buffers of the `BinaryModel`.
        recipe: How it was trained; its last stage says what the network computes.
        seed: Of the training.

    """

    network: Network
    functions: tuple[LayerFunction, ...]
    accuracy: float
    standard_error: float
    test_accuracy: float
    test_standard_error: float
    seconds: float | None
    history: tuple[EpochResult, ...]
    state_dict: dict[str, Tensor]
    recipe: Recipe
    seed: int

    def record(self) -> dict[str, Any]:
        """Return the accuracies, the time and the history as JSON values."""
        return {
            "accuracy": self.accuracy,
            "standard_error": self.standard_error,
            "test_accuracy": self.test_accuracy,
            "test_standard_error": self.test_standard_error,
            "train_seconds": self.seconds,
            "history": [asdict(epoch) for epoch in self.history],
        }

    def model(self) -> BinaryModel:
        """Return a model in evaluation mode with these weights."""
        model = BinaryModel(self.network, self.functions)
        last = self.recipe.stages[-1]
        model.compute_as(self.functions, last.features, last.weights)
        model.load_state_dict(self.state_dict)
        return model.eval()
