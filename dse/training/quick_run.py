"""The quick run: a start that all designs share, then a short training of each under its own arithmetic."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from dse.augmentation import augment
from dse.data import Dataset, Split
from dse.errors import TrainingError
from dse.networks import Network
from dse.nn.model import BinaryModel
from dse.training.fast_step import FastStep, exact_functions
from dse.training.quick_recipe import Phase, QuickRecipe
from kernels_asm import LayerFunction

State = dict[str, Tensor]

NORM_BATCHES = 40
"""Batches from which batch norm is estimated anew where a design is not trained."""


@dataclass(frozen=True, eq=False)
class QuickResult:
    """A design after its quick run.

    Attributes:
        state: Weights and buffers of a `BinaryModel`.
        losses: Mean loss of each tenth of the training.
        cpu_seconds: That it took, all threads together.

    """

    state: State
    losses: tuple[float, ...]
    cpu_seconds: float


class QuickRun:
    """Trains designs of one network and data set by one recipe.

    Args:
        network: What to train.
        dataset: Trained on its train split.
        recipe: How.
        seed: Decides initial weights, order of images and augmentation: the same for all designs, so that their
            differences are less noisy than they are.
        step: The compiled step, to share it with other runs of the same network; None: one of its own.

    """

    def __init__(
        self, network: Network, dataset: Dataset, recipe: QuickRecipe, seed: int, step: FastStep | None = None
    ) -> None:
        self._network = network
        self._recipe = recipe
        self._seed = seed
        self._split = dataset.train[: recipe.train_images]
        self._images, self._labels = torch.tensor(self._split.images), torch.tensor(self._split.labels)
        self._step = step or FastStep(network)
        self._first = initial_state(network, self._split, seed)

    def train_parent(self, phase: Phase, progress: Callable[[float], None] | None = None) -> QuickResult:
        """Return what all designs start from, trained so; `progress` is told the share that is done, 0 to 1."""
        return self._train(self._first, phase, self._recipe.parent_mix(self._network), progress)

    def train_design(self, functions: Sequence[LayerFunction], parent: State | None) -> QuickResult:
        """Return the network trained under these arithmetics, from `parent` on or from random weights."""
        state = self._first if parent is None else _plastic(parent, self._recipe.latent_bound)
        return self._train(state, self._recipe.design, (tuple(functions),), None)

    def _train(
        self,
        state: State,
        phase: Phase,
        mix: Sequence[tuple[LayerFunction, ...]],
        progress: Callable[[float], None] | None,
    ) -> QuickResult:
        with _one_thread():
            return self._train_alone(state, phase, mix, progress)

    def _train_alone(
        self,
        state: State,
        phase: Phase,
        mix: Sequence[tuple[LayerFunction, ...]],
        progress: Callable[[float], None] | None,
    ) -> QuickResult:
        start = time.process_time()
        step = self._step
        step.load(state)
        random = torch.Generator().manual_seed(self._seed)
        step.set_functions(mix[0])
        step.model.train()
        if phase.images == 0:
            self._estimate_norms(random)
            return QuickResult(step.state(), (), time.process_time() - start)
        steps = max(1, phase.images // phase.batch_size)
        optimizer = torch.optim.Adam(step.model.parameters(), lr=phase.learning_rate, fused=True)
        losses = []
        for number, (images, labels) in enumerate(self._batches(phase, steps, random)):
            optimizer.param_groups[0]["lr"] = phase.learning_rate_at(number, steps)
            step.model.set_progress(number / steps)
            if len(mix) > 1:
                step.set_functions(mix[int(torch.randint(len(mix), (), generator=random))])
            loss = step.loss(images, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
            if not math.isfinite(losses[-1]):
                raise TrainingError(
                    f"training diverged: the loss is {losses[-1]} at step {number + 1} of {steps}; lower the learning "
                    f"rate ({phase.learning_rate})"
                )
            if progress:
                progress((number + 1) / steps)
        tenth = max(1, steps // 10)
        means = tuple(sum(losses[at : at + tenth]) / len(losses[at : at + tenth]) for at in range(0, steps, tenth))
        return QuickResult(step.state(), means, time.process_time() - start)

    def _batches(self, phase: Phase, steps: int, random: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield `steps` full batches, epoch after epoch in random order."""
        per_epoch = len(self._labels) // phase.batch_size
        for number in range(steps):
            place = number % per_epoch
            if place == 0:
                order = torch.randperm(len(self._labels), generator=random)
            chosen = order[place * phase.batch_size : (place + 1) * phase.batch_size]
            yield augment(self._images[chosen], phase.flip, phase.shift, random), self._labels[chosen]

    @torch.no_grad()
    def _estimate_norms(self, random: torch.Generator) -> None:
        """Estimate means and variances of batch norm under the present arithmetic, as averages over batches."""
        model = self._step.model
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.reset_running_stats()
                module.momentum = None
        batches = Phase(1)
        for images, _labels in self._batches(batches, NORM_BATCHES, random):
            model(images)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = 0.1


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread inside the block, so that a design's accuracy does not depend on the cores.

    A second thread saves a fifteenth of the time where a core is idle, as the steps of a small network are short; where
    the core is not, the threads wait for each other at every turn, and a training of 5 seconds takes minutes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def initial_state(network: Network, split: Split, seed: int) -> State:
    """Return random weights, and the statistics of the pixels of `split`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = BinaryModel(network, exact_functions(network))
    model.fit_pixels(split.images)
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _plastic(state: State, bound: float | None) -> State:
    if bound is None:
        return state
    return {name: tensor.clamp(-bound, bound) if name.endswith(".latent") else tensor for name, tensor in state.items()}
