"""Every network at a small width, and models of them whose numbers are not those of fresh ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import torch

from dse.errors import UsageError
from dse.networks import Network, Repairs, build_network, network_names
from dse.networks.repairs import repair_choices
from dse.nn.model import BinaryModel
from kernels_asm import Arithmetic

NETWORKS = network_names()
NARROW = 0.25
INPUTS = ((1, 28, 28), (3, 32, 32), (3, 64, 64))
EXACT = Arithmetic(32)

EVERYTHING = (
    "estimator=reste,learned-threshold=yes,weight-scale=yes,activation=rprelu",
    "estimator=ste,weight-scale=yes,normalisation=before,activation=prelu",
    "estimator=ede,normalisation=before,activation=relu",
)
"""Repairs in threes and fours, which together have nearly every choice."""


def narrow(name: str, input_shape: tuple[int, int, int] = (1, 28, 28), repairs: Repairs | None = None) -> Network:
    """Return a network at a quarter of its width with 5 classes."""
    return build_network(name, NARROW, input_shape, 5, repairs)


def images_for(network: Network, count: int) -> torch.Tensor:
    """Return random uint8 images."""
    return torch.randint(0, 256, (count, *network.input_shape), dtype=torch.uint8)


def model_of(network: Network, arithmetic: Arithmetic = EXACT, seed: int = 7) -> BinaryModel:
    """Return a model in evaluation mode whose parameters and running statistics are not those of a fresh one.

    Thresholds, slopes, shifts, factors and biases are moved: a forward pass that leaves one out gives other numbers.
    """
    torch.manual_seed(seed)
    model = BinaryModel(network, [arithmetic.layer_function(layer.shape) for layer in network.binary_layers])
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() != 4:
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
        model.train()
        model(images_for(network, 16))
    return model.eval()


def one_change(base: Repairs) -> list[Repairs]:
    """Return the legal repairs that differ from `base` in one option."""
    parsed = (_legal(f"{option}={choice}", base) for option, choices in repair_choices().items() for choice in choices)
    return [repairs for repairs in parsed if repairs not in (None, base)]


def every_legal_repair() -> Iterator[Repairs]:
    """Yield every legal combination of every option."""
    options = repair_choices()
    for values in itertools.product(*options.values()):
        repairs = _legal(",".join(f"{option}={value}" for option, value in zip(options, values, strict=True)))
        if repairs is not None:
            yield repairs


def _legal(text: str, base: Repairs | None = None) -> Repairs | None:
    try:
        return Repairs.parse(text, base)
    except UsageError:
        return None
