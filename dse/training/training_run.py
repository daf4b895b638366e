"""One training under way: its steps, stages and epochs, and all that a checkpoint must keep of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import NoReturn

import torch
from torch import Tensor

from dse.data import Dataset, Split
from dse.errors import TrainingError, one_line
from dse.nn.model import BinaryModel
from dse.training.batches import Batches
from dse.training.checkpoint import Checkpoint, TrainingState
from dse.training.device import Device
from dse.training.distillation import Loss
from dse.training.evaluation import evaluate
from dse.training.gradients import READ_EVERY, gradients_of
from dse.training.optimisers import load_state_tensors, make_optimiser, set_learning_rate, state_tensors
from dse.training.progress import Pace, TrainingProgress
from dse.training.recipe import Recipe
from dse.training.stages import StageArithmetic
from dse.training.trained import EpochResult
from kernels_asm import Arithmetic

Watcher = Callable[[TrainingProgress], None]
"""Called after every step and evaluation. If it raises KeyboardInterrupt, a checkpoint is left."""

_EXACT = Arithmetic(32)


class TrainingRun:
    """One training under way: a model and everything that its next step depends on.

    Args:
        model: What is trained, with its initial weights and the layer functions of the design.
        loss: Of logits, images and labels.
        train_split: The images to learn from.
        dataset: Validation is judged after every epoch, test at the end.
        recipe: How to train.
        seed: Decides order and augmentation of the images.
        progress: Told how far the training is.
        checkpoint: Where the training is kept, and perhaps gone on from.
        device: Where the model is.

    Attributes:
        seconds: Time taken so far, earlier runs included.

    """

    def __init__(
        self,
        model: BinaryModel,
        loss: Loss,
        train_split: Split,
        dataset: Dataset,
        recipe: Recipe,
        seed: int,
        progress: Watcher | None,
        checkpoint: Checkpoint | None,
        device: Device,
    ) -> None:
        self.seconds = 0.0
        self._clock = time.perf_counter()
        self._model, self._loss, self._dataset, self._recipe = model, loss, dataset, recipe
        self._progress, self._checkpoint, self._device = progress, checkpoint, device
        self._functions = model.functions
        self._random = torch.Generator().manual_seed(seed)
        self._batches = Batches(train_split, recipe, self._random, device)
        self._pace = Pace(recipe.batch_size)
        self._history: list[EpochResult] = []
        self._order: Tensor | None = None  # of the images of the epoch under way
        self._batch = 0  # the next one of that epoch
        self._total = 0.0  # of the losses of its batches so far
        self._loss_value = 0.0
        self._unread: list[Tensor] = []  # losses of the latest steps, still on the device
        self._done = False
        self._enter_stage()
        if checkpoint is not None and (state := checkpoint.load()) is not None:
            self._restore(state, checkpoint)

    def run(self) -> tuple[tuple[EpochResult, ...], float, float]:
        """Train to the end of the recipe; return what each epoch came to, and validation and test accuracy.

        The model is on the processor then, which judges it.
        """
        while len(self._history) < self._recipe.epochs:
            if self._order is None and len(self._history) in self._recipe.stage_ends:
                self._enter_stage()
            self._run_epoch()
        accuracy = self._history[-1].accuracy
        if self._device is not Device.CPU:
            self._model.to(Device.CPU.value)
            accuracy = self._evaluate(self._dataset.validation)
        test_accuracy = self._evaluate(self._dataset.test)
        self._done = True
        self._tell()
        return tuple(self._history), accuracy, test_accuracy

    @property
    def _epoch(self) -> int:
        """The epoch under way, from 1; the last one when it is done."""
        return min(len(self._history) + 1, self._recipe.epochs)

    @property
    def _stage(self) -> int:
        """The stage of that epoch, from 0."""
        return next(number for number, end in enumerate(self._recipe.stage_ends) if self._epoch <= end)

    @property
    def _step(self) -> int:
        """Steps taken."""
        return len(self._history) * len(self._batches) + self._batch

    @property
    def _steps(self) -> int:
        return self._recipe.epochs * len(self._batches)

    def _enter_stage(self) -> None:
        """Let the model compute what the stage says, and start its optimiser without a past."""
        stage = self._recipe.stages[self._stage]
        if stage.arithmetic is StageArithmetic.TARGET:
            functions = self._functions
        else:
            shapes = [layer.shape for layer in self._model.network.binary_layers]
            functions = tuple(map(_EXACT.layer_function, shapes))
        self._model.compute_as(functions, stage.features, stage.weights)
        self._gradients = gradients_of(self._model, self._loss, self._device)
        self._optimiser = make_optimiser(self._model, self._recipe)
        self._pace.begin_stage()

    def _run_epoch(self) -> None:
        """Run what is left of the epoch under way, and judge the network after it."""
        self._model.train()
        if self._order is None:
            self._order = self._batches.new_order()
        for images, labels in self._batches.of(self._order, self._batch):
            start = time.perf_counter()
            self._unread.append(self._run_step(images, labels))
            self._batch += 1
            if len(self._unread) >= READ_EVERY[self._device]:
                self._read_losses()
            self._pace.add_step(time.perf_counter() - start)
            self._tell()
            if self._checkpoint and self._checkpoint.due:
                self._checkpoint.save(self._state())
        self._read_losses()
        self._require_finite_weights()
        accuracy = self._evaluate(self._dataset.validation)
        self._history.append(EpochResult(self._epoch, self._total / len(self._batches), accuracy))
        self._order, self._batch, self._total = None, 0, 0.0
        if self._checkpoint:
            self._checkpoint.save(self._state())
        self._tell()

    def _run_step(self, images: Tensor, labels: Tensor) -> Tensor:
        """Take one step of the optimiser and return the loss before it."""
        set_learning_rate(self._optimiser, self._learning_rate())
        self._model.set_progress(self._step / self._steps)
        loss = self._gradients(images, labels)
        self._optimiser.step()
        return loss

    def _read_losses(self) -> None:
        """Wait for the steps under way and count their losses; raises TrainingError for one that is not finite."""
        if not self._unread:
            return
        values = torch.stack(self._unread).tolist()
        for step, value in enumerate(values, start=self._step - len(values) + 1):
            if not math.isfinite(value):
                self._diverge(f"the loss is {value}", step)
            self._total += value
        self._loss_value = values[-1]
        self._unread.clear()

    def _learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        ends = (0, *self._recipe.stage_ends)
        first, end = (len(self._batches) * epoch for epoch in ends[self._stage : self._stage + 2])
        factor = self._recipe.stages[self._stage].rate_factor
        return factor * self._recipe.learning_rate_at(self._step - first, end - first)

    def _evaluate(self, split: Split) -> float:
        start = time.perf_counter()
        try:
            accuracy = evaluate(self._model, split)
        except TrainingError as error:
            self._diverge(str(error), self._step)
        self._pace.add_evaluation(len(split), time.perf_counter() - start)
        return accuracy

    def _require_finite_weights(self) -> None:
        """Raise TrainingError if a weight or a statistic is no finite number, which the loss may not have shown yet."""
        for name, tensor in self._model.state_dict().items():
            if not torch.isfinite(tensor).all():
                self._diverge(f"{name} is no longer finite", self._step)

    def _diverge(self, what: str, step: int) -> NoReturn:
        raise TrainingError(
            f"training diverged: {what} at step {step} of {self._steps}; lower the learning rate "
            f"({self._recipe.learning_rate})"
        )

    def _tell(self) -> None:
        """Tell the watcher; leave a checkpoint if it wants the training to end here."""
        self._read_clock()
        if self._progress is None:
            return
        try:
            self._progress(self._report())
        except KeyboardInterrupt:
            if self._checkpoint:
                self._checkpoint.save(self._state())
            raise

    def _read_clock(self) -> None:
        now = time.perf_counter()
        self.seconds, self._clock = self.seconds + now - self._clock, now

    def _report(self) -> TrainingProgress:
        epochs_left = self._recipe.epochs - len(self._history)
        images_left = epochs_left * len(self._dataset.validation) + (0 if self._done else len(self._dataset.test))
        return TrainingProgress(
            step=self._step,
            steps=self._steps,
            epoch=self._epoch,
            epochs=self._recipe.epochs,
            stage=self._stage + 1,
            stages=len(self._recipe.stages),
            judged=len(self._history),
            loss=self._loss_value,
            accuracy=self._history[-1].accuracy if self._history else None,
            seconds=self.seconds,
            seconds_left=self._pace.seconds_left(self._steps - self._step, images_left),
        )

    def _state(self) -> TrainingState:
        self._read_losses()
        self._read_clock()
        tensors = {f"model/{name}": tensor for name, tensor in self._model.state_dict().items()}
        optimiser = state_tensors(self._optimiser, self._model)
        tensors |= {f"optimiser/{name}": tensor for name, tensor in optimiser.items()}
        tensors["random"] = self._random.get_state()
        if self._order is not None:
            tensors["order"] = self._order
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        position = {
            "batch": self._batch,
            "total": self._total,
            "loss": self._loss_value,
            "seconds": self.seconds,
            "history": [asdict(epoch) for epoch in self._history],
        }
        return TrainingState(tensors, position)

    def _restore(self, state: TrainingState, checkpoint: Checkpoint) -> None:
        """Go on from a state that `_state` returned; raises CheckpointError if it does not fit."""
        tensors, position = state.tensors, state.position
        try:
            self._history = [EpochResult(**epoch) for epoch in position["history"]]
            self._batch, self._total = position["batch"], position["total"]
            self._loss_value, self.seconds = position["loss"], position["seconds"]
            self._order = tensors.get("order")
            self._enter_stage()
            self._model.load_state_dict(_part(tensors, "model/"))
            load_state_tensors(self._optimiser, self._model, _part(tensors, "optimiser/"))
            self._random.set_state(tensors["random"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise checkpoint.damaged(one_line(error)) from error


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, by the rest of their names."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
