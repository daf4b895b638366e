"""Stages: what the network computes in each, how long each lasts, and that the weights go on."""

from dataclasses import replace

import pytest
import torch

from dse.errors import UsageError
from dse.nn.model import BinaryModel
from dse.nn.precision import Precision
from dse.training.loop import train
from dse.training.recipe import Recipe
from dse.training.stages import (
    INSERT_ARITHMETIC,
    PLAIN,
    REAL,
    STAGES,
    TWO_STAGE,
    Stage,
    StageArithmetic,
    last_epochs,
    named_stages,
)
from kernels_asm import Arithmetic
from tests.dse.training.small_training import FUNCTIONS, NETWORK, RECIPES, SMALL

torch.set_num_threads(1)

EXACT = tuple(Arithmetic(32).layer_function(layer.shape) for layer in NETWORK.binary_layers)


@pytest.mark.parametrize(
    ("stages", "epochs", "ends"),
    [
        (PLAIN, 7, (7,)),
        (INSERT_ARITHMETIC, 3, (2, 3)),
        (INSERT_ARITHMETIC, 2, (1, 2)),
        (INSERT_ARITHMETIC, 100, (67, 100)),
        (TWO_STAGE, 5, (2, 5)),
        ((Stage(0.01), Stage(0.98), Stage(0.01)), 5, (1, 4, 5)),
        ((Stage(30), Stage(20), Stage(10)), 60, (30, 50, 60)),
        ((Stage(1), Stage(1e-9), Stage(1e-9)), 3, (1, 2, 3)),
    ],
)
def test_every_stage_has_its_share_and_at_least_an_epoch(stages, epochs, ends):
    assert last_epochs(stages, epochs) == ends


def computed(recipe):
    """What the model computes at each step of a training: end values, features, weights, learning rate."""
    seen = []
    forward = BinaryModel.forward

    def spy(self, images):
        if self.training:
            block = self.binary_blocks[0]
            seen.append((self.functions, block.features.precision, block.weights.precision))
        return forward(self, images)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BinaryModel, "forward", spy)
        trained = train(NETWORK, FUNCTIONS, SMALL, recipe)
    return seen, trained


@pytest.mark.parametrize("name", STAGES)
def test_each_stage_computes_what_it_says_and_ends_deployable(name):
    recipe = replace(RECIPES["adam"], stages=STAGES[name])
    seen, trained = computed(recipe)
    ends = (0, *recipe.stage_ends)
    for stage, first, last in zip(recipe.stages, ends[:-1], ends[1:], strict=True):
        functions = FUNCTIONS if stage.arithmetic is StageArithmetic.TARGET else EXACT
        assert set(seen[5 * first : 5 * last]) == {(functions, stage.features, stage.weights)}
    assert recipe.deployable
    assert trained.functions == FUNCTIONS
    model = trained.model()
    assert model.functions == FUNCTIONS
    logits, _ = model.record(torch.tensor(SMALL.test.images[:8]))
    with torch.no_grad():
        assert torch.equal(model(torch.tensor(SMALL.test.images[:8])), logits)


def test_the_first_stage_is_a_training_of_its_own_whose_weights_go_on():
    """One epoch of the exact network, then the target: the first epoch's result is that of a plain exact training."""
    recipe = replace(RECIPES["adam"], epochs=2, stages=INSERT_ARITHMETIC)
    plain = train(NETWORK, EXACT, SMALL, replace(recipe, epochs=1, stages=PLAIN))
    assert train(NETWORK, FUNCTIONS, SMALL, recipe).history[0] == plain.history[0]


def test_a_real_network_is_no_deployable_one():
    trained = train(NETWORK, EXACT, SMALL, replace(RECIPES["adam"], stages=REAL))
    assert not trained.recipe.deployable
    with pytest.raises(ValueError, match="real numbers"):
        trained.model().record(torch.tensor(SMALL.test.images[:2]))


def test_real_weights_have_the_magnitude_of_signs():
    """So that a stage of binary weights begins with outputs of the same size."""
    model = BinaryModel(NETWORK, EXACT)
    model.compute_as(EXACT, Precision.REAL, Precision.REAL)
    weights = model.binary_blocks[0].weights
    magnitudes = weights().abs().mean(dim=(1, 2, 3))
    assert torch.allclose(magnitudes, torch.ones_like(magnitudes))
    with torch.no_grad():
        weights.latent.zero_()
    assert torch.equal(weights(), torch.zeros_like(weights.latent))


@pytest.mark.parametrize(
    ("wrong", "part"),
    [
        (lambda: Stage(0), "share is 0"),
        (lambda: Stage(rate_factor=float("inf")), "rate_factor is inf"),
        (lambda: Stage(weights=Precision.REAL), "give arithmetic exact"),
        (lambda: Stage.from_dict({"share": 1, "length": 2}), "give arithmetic, features"),
        (lambda: Stage.from_dict({"features": "ternary"}), "'ternary'"),
        (lambda: named_stages("two-stages"), "did you mean two-stage?"),
        (lambda: Recipe(epochs=1, stages=TWO_STAGE), "epochs is 1: give at least 2"),
        (lambda: Recipe(stages=()), "stages is empty"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(wrong, part):
    with pytest.raises(UsageError) as caught:
        wrong()
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
