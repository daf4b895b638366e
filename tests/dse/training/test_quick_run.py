"""The quick run: a shared start, then a training of each design, the same each time."""

from __future__ import annotations

import json

import pytest
import torch

from dse.accuracy import NetworkTrainer
from dse.cache import EvaluationCache
from dse.launch import _trainer
from dse.networks import build_network
from dse.nn.model import BinaryModel
from dse.quick_accuracy import PARENT, QuickTrainer
from dse.training.evaluation import evaluate
from dse.training.quick_recipe import Parent, Phase, QuickRecipe, space_arithmetics
from dse.training.quick_run import QuickRun
from dse.training.recipe import Recipe
from dse.training.weights import parse_weights
from kernels_asm import Arithmetic
from tests.dse.training.small_training import SMALL

NETWORK = build_network("tiny", 0.25)
EXACT, CLIPPED = (
    tuple(arithmetic.end_value(layer.shape.window) for layer in NETWORK.binary_layers)
    for arithmetic in (Arithmetic(32), Arithmetic(32, clip=3))
)
RECIPE = QuickRecipe(Phase(64, batch_size=16), Parent.MIXED, Phase(160, batch_size=16, flip=True, shift=1))


@pytest.fixture(autouse=True, scope="module")
def eager():
    """Compiling takes longer than these trainings; `test_fast_step` compares the two."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", "no-such-compiler")
        yield


def quiet(_what: str) -> None:
    pass


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (
        QuickRun(NETWORK, SMALL, RECIPE, seed).train_parent(RECIPE.parent_phase).state for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_a_design_depends_on_nothing_that_was_trained_before_it():
    run = QuickRun(NETWORK, SMALL, RECIPE, 1)
    parent = run.train_parent(RECIPE.parent_phase).state
    first = run.train_design(CLIPPED, parent).state
    run.train_design(EXACT, parent)
    again = run.train_design(CLIPPED, parent).state
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], parent[name]) for name in first)


def test_without_images_only_batch_norm_is_estimated_anew():
    run = QuickRun(NETWORK, SMALL, QuickRecipe(Phase(0), Parent.EXACT, Phase(64)), 1)
    parent = run.train_parent(Phase(64)).state
    found = run.train_design(CLIPPED, parent).state
    changed = {name for name in parent if not torch.equal(parent[name], found[name])}
    assert changed
    assert all("running" in name or "num_batches" in name for name in changed)


def test_latent_weights_are_cut_where_the_recipe_says_so():
    recipe = QuickRecipe(Phase(16, 1e-9, batch_size=16), Parent.EXACT, Phase(64), latent_bound=0.001)
    run = QuickRun(NETWORK, SMALL, recipe, 1)
    parent = run.train_parent(Phase(64)).state
    found = run.train_design(EXACT, parent).state
    latent = [tensor for name, tensor in found.items() if name.endswith(".latent")]
    assert latent
    assert all(tensor.abs().max() < 0.0011 for tensor in latent)


def test_the_parent_sees_every_function_of_the_search_space_once():
    mix = RECIPE.parent_mix(NETWORK)
    assert mix == space_arithmetics(NETWORK)
    assert len(set(mix)) == len(mix)
    assert EXACT in mix
    assert CLIPPED in mix
    assert QuickRecipe(parent=Parent.EXACT).parent_mix(NETWORK) == (EXACT,)


def test_digests_tell_recipes_and_parents_apart():
    other = QuickRecipe(Phase(128, batch_size=16), Parent.MIXED, RECIPE.parent_phase)
    assert RECIPE.digest != other.digest
    assert RECIPE.parent_digest == other.parent_digest
    assert RECIPE.parent_digest != QuickRecipe(parent=Parent.EXACT).parent_digest


def test_the_learning_rate_rises_and_falls():
    phase = Phase(100, learning_rate=0.01, warmup=0.2)
    rates = [phase.learning_rate_at(step, 100) for step in range(100)]
    assert rates.index(max(rates)) in (19, 20)
    assert max(rates) <= 0.01
    assert 0 < rates[-1] < rates[0] < 0.001


def test_a_trainer_keeps_the_shared_start_and_leaves_weights_that_reach_its_accuracy(tmp_path):
    cache = EvaluationCache(tmp_path)
    trainer = QuickTrainer(SMALL, RECIPE, 1, cache)
    said: list[str] = []
    record, content = trainer.train(NETWORK, CLIPPED, said.append)
    trained = parse_weights(content, "here")
    assert evaluate(trained.model(), SMALL.validation) == record["accuracy"] == trained.accuracy
    assert record["step"] == "eager float32"
    assert any("shared start" in what for what in said)
    parents = list((tmp_path / "v1" / PARENT).rglob("*.json"))
    assert len(parents) == 1

    said.clear()
    again, _ = QuickTrainer(SMALL, RECIPE, 1, cache).train(NETWORK, CLIPPED, said.append)
    assert not any("shared start" in what for what in said)
    assert again["accuracy"] == record["accuracy"]
    assert trainer.key(NETWORK, CLIPPED) != trainer.key(NETWORK, EXACT)
    assert trainer.key(NETWORK, CLIPPED) != QuickTrainer(SMALL, QuickRecipe(), 1, cache).key(NETWORK, CLIPPED)


def test_weights_of_a_quick_run_fit_a_model_of_its_arithmetic():
    run = QuickRun(NETWORK, SMALL, QuickRecipe(Phase(32, batch_size=16), Parent.NONE, None), 1)
    model = BinaryModel(NETWORK, CLIPPED)
    model.load_state_dict(run.train_design(CLIPPED, None).state)
    assert 0 <= evaluate(model, SMALL.validation) <= 1


def test_studies_take_the_quick_run_unless_a_training_from_scratch_is_asked_for(tmp_path):
    cache = EvaluationCache(tmp_path)
    assert isinstance(_trainer(SMALL, QuickRecipe(), 0, cache), QuickTrainer)
    assert isinstance(_trainer(SMALL, Recipe(), 0, cache), NetworkTrainer)


def test_a_recipe_is_the_same_after_a_study_kept_it():
    for recipe in (QuickRecipe(), RECIPE):
        assert json.loads(json.dumps(recipe.to_dict())) == recipe.to_dict()


def test_a_run_takes_one_thread_whatever_pytorch_may_take_and_leaves_that_as_it_was():
    run = QuickRun(NETWORK, SMALL, QuickRecipe(Phase(64, batch_size=16), Parent.NONE, None), 1)
    seen: list[int] = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run.train_parent(Phase(32, batch_size=16), lambda _share: seen.append(torch.get_num_threads()))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert set(seen) == {1}
