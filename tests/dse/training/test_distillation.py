"""A teacher's part in the loss."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from dse.errors import UsageError
from dse.networks import build_network
from dse.training.distillation import Loss, divergence
from dse.training.loop import train
from dse.training.recipe import Distillation
from dse.training.weights import weights_digest
from tests.dse.training.small_training import FUNCTIONS, NETWORK, RECIPES, SMALL

torch.set_num_threads(1)

RECIPE = replace(RECIPES["distillation"], epochs=1)
LOGITS, WANTED = torch.randn(2, 16, 10, generator=torch.Generator().manual_seed(1)) * 3
LABELS = torch.arange(16) % 10


@pytest.fixture(scope="module")
def teacher():
    return train(NETWORK, FUNCTIONS, SMALL, RECIPE.of_teacher(), seed=1)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 20.0])
def test_divergence_is_that_of_the_formula(temperature):
    teacher, student = ((logits.double() / temperature).softmax(dim=1) for logits in (WANTED, LOGITS))
    expected = temperature**2 * (teacher * (teacher / student).log()).sum(dim=1).mean()
    assert divergence(LOGITS, WANTED, Distillation(temperature=temperature)).item() == pytest.approx(
        expected.item(), rel=1e-4
    )
    assert divergence(LOGITS, LOGITS, Distillation(temperature=temperature)).item() == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_loss_mixes_labels_and_teacher(weight):
    distillation = Distillation(weight=weight, temperature=2)
    loss = Loss(replace(RECIPE, distillation=distillation, label_smoothing=0.1), lambda images: WANTED)
    hard = functional.cross_entropy(LOGITS, LABELS, label_smoothing=0.1)
    expected = (1 - weight) * hard + weight * divergence(LOGITS, WANTED, distillation)
    assert loss(LOGITS, torch.zeros(16, 1, 28, 28), LABELS).item() == pytest.approx(expected.item())


def test_the_teacher_is_the_same_network_in_real_numbers(teacher):
    last = teacher.recipe.stages[-1]
    assert (last.features, last.weights) == ("real", "real")
    assert teacher.network == NETWORK
    assert not teacher.recipe.deployable


def test_a_teacher_changes_the_student_and_stays_as_it_is(teacher):
    before = weights_digest(teacher)
    taught = train(NETWORK, FUNCTIONS, SMALL, RECIPE, seed=1, teacher=teacher)
    alone = train(NETWORK, FUNCTIONS, SMALL, replace(RECIPE, distillation=None), seed=1)
    assert weights_digest(taught) != weights_digest(alone)
    assert weights_digest(teacher) == before
    deaf = replace(RECIPE, distillation=Distillation(weight=0))
    assert weights_digest(train(NETWORK, FUNCTIONS, SMALL, deaf, seed=1, teacher=teacher)) == weights_digest(alone)


def test_a_named_teacher_must_be_the_one_that_is_given(teacher):
    named = replace(RECIPE, distillation=Distillation(teacher=weights_digest(teacher)))
    train(NETWORK, FUNCTIONS, SMALL, named, teacher=teacher)
    other = replace(RECIPE, distillation=Distillation(teacher="0" * 64))
    with pytest.raises(UsageError, match="another teacher"):
        train(NETWORK, FUNCTIONS, SMALL, other, teacher=teacher)
    assert named.digest != RECIPE.digest != other.digest


def test_a_student_without_a_fitting_teacher_is_refused(teacher):
    with pytest.raises(UsageError, match="needs a teacher"):
        train(NETWORK, FUNCTIONS, SMALL, RECIPE)
    stranger = replace(teacher, network=build_network("tiny", 0.25, (3, 32, 32)))
    with pytest.raises(UsageError, match="trained on the same data set"):
        train(NETWORK, FUNCTIONS, SMALL, RECIPE, teacher=stranger)


@pytest.mark.parametrize("values", [{"weight": -0.1}, {"weight": 1.1}, {"temperature": 0}, {"weight": float("nan")}])
def test_numbers_out_of_range_are_refused(values):
    with pytest.raises(UsageError, match="recipe: distillation"):
        Distillation(**values)
