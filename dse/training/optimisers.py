"""PyTorch's optimisers by a recipe, and their state as tensors that a file can hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from dse.training.recipe import Optimiser, Recipe


def make_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over all parameters of `model`, without state."""
    parameters, rate, decay = model.parameters(), recipe.learning_rate, recipe.weight_decay
    match recipe.optimiser:
        case Optimiser.ADAM:
            return torch.optim.Adam(parameters, lr=rate, weight_decay=decay, fused=True)
        case Optimiser.ADAMW:
            return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=True)
        case Optimiser.SGD:
            return torch.optim.SGD(
                parameters, lr=rate, momentum=recipe.momentum, nesterov=True, weight_decay=decay, fused=True
            )


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Let the next step take this learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def state_tensors(optimiser: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """Return the optimiser's state, each tensor named after its parameter in `model` and what it is of it."""
    return {
        f"{name}/{what}": tensor
        for name, parameter in model.named_parameters()
        for what, tensor in optimiser.state.get(parameter, {}).items()
        if tensor is not None  # SGD's momentum before its first step
    }


def load_state_tensors(optimiser: torch.optim.Optimizer, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give the optimiser the state that `state_tensors` returned.

    The copies are laid out in memory as their parameters: a fused step walks through both side by side.

    Raises:
        KeyError: A tensor belongs to no parameter.
        RuntimeError: A tensor has not the shape of its parameter.

    """
    parameters = dict(model.named_parameters())
    optimiser.state.clear()
    for name, tensor in tensors.items():
        of, _, what = name.rpartition("/")
        parameter = parameters[of]
        state = torch.empty_like(tensor if tensor.ndim == 0 else parameter, device=parameter.device)
        optimiser.state[parameter][what] = state.detach().copy_(tensor)
