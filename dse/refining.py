"""The second look at a study's front: trains its designs and the conventional one longer.

Trainings go through the evaluation cache, so that designs that compute the same share one, a look that was stopped goes
on where it was, and two processes train nothing twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any, Final

import optuna

from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.errors import TrainingError, UsageError
from dse.legality import NetworkOf
from dse.look_helpers import helping, in_order_of
from dse.look_record import DesignToTrain, LookRecord
from dse.networks import Network
from dse.results import StudyResults, TrialResult
from dse.second_look import LookPlan, read_second_look
from dse.spec import stored_spec
from dse.storage import StudyStorage
from dse.study_dataset import study_dataset
from dse.study_reader import read_results
from dse.training.digest import training_digest
from dse.training.quick_recipe import QuickRecipe
from dse.training.recipe import Recipe
from dse.trainings import TrainingJob, TrainingRunner, TrainingsProgress
from kernels_asm import LayerFunction

TIMES: Final = 3
"""How many times as long as in the search a design is trained, where no recipe is named.

The quick run of 16,000 images becomes 5 epochs of the 10,000 of `fashion-mnist-small`. They cost `tiny` at width 1
half a minute of one core and bring some 3 points of accuracy: ten designs take two cores about four minutes.
"""


@dataclass(frozen=True)
class RefineSettings:
    """What a person asks of `dse study refine`.

    Attributes:
        storage: Where the study is.
        name: Its name; None: the only one.
        seeds: Trainings of each design.
        cache: Folder of the evaluation cache.
        recipe: How to train; None: as `longer_recipe`.
        changes: Fields of the recipe to change.
        first_seed: Of the trainings of a design; None: the one behind the study's, as the luck that brought a design
            onto the front must not judge it again.
        data_dir: Folder of the data set's files, where it is another than the study's.
        jobs: Processes that train.
        share: Which of them this is, from 0, which starts the others.

    """

    storage: str
    name: str | None
    seeds: int
    cache: Path
    recipe: Recipe | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    first_seed: int | None = None
    data_dir: Path | None = None
    jobs: int = 1
    share: int = 0


def refine_study(settings: RefineSettings, progress: TrainingsProgress) -> optuna.Study:
    """Take a second look at the study's front, at what an earlier one by the same plan has left, and return the study.

    Raises:
        UsageError: There is no such study, it has no front yet, the data set is not its own, or the recipe trains for
            less than the search did.
        TrainingError: The training of a design diverged; what the others found is kept.
        InterruptedTrainingError: As `TrainingRunner.run`; finished designs are kept.
        DseError: As `obtain_accuracy` and `StudyStorage`.

    """
    storage = StudyStorage(settings.storage, must_exist=True)
    study = storage.open(settings.name)
    with storage.errors():
        results = read_results(study)
        if not results.front:
            raise UsageError(f"study {study.study_name!r} has no design on its front yet: run it on")
        spec = stored_spec(study.user_attrs["spec"])
        dataset = study_dataset(study, settings.data_dir)
        searched, images = spec.recipe.chosen(), len(dataset.train)
        recipe = _recipe(settings, longer_recipe(searched, images))
        _check_not_shorter(recipe, searched, images)
        first = spec.seed + 1 if settings.first_seed is None else settings.first_seed
        plan = LookPlan(recipe.to_dict(), tuple(range(first, first + settings.seeds)), training_digest())
        known = read_second_look(study, plan).accuracies
        trials = [trial for trial in looked_at(results) if trial.number not in known]
        looks = designs_to_train(trials, network_builder(spec.network, dataset), recipe, plan.seeds)
        looks = in_order_of(settings.share, settings.jobs, looks)
        record = LookRecord(study, plan, storage.lock(study.study_name), looks, dataset, progress)
        if looks:
            jobs = [job for look in looks for job in look.jobs]
            others = range(1, min(settings.jobs, len(looks)) if settings.share == 0 else 1)
            with helping(refine_study, [replace(settings, share=share) for share in others]):
                TrainingRunner(dataset, EvaluationCache(settings.cache), record).run(jobs)
        found = read_second_look(study, plan).accuracies
        if found:
            record.show()
    if record.failures:
        kept = "the other designs have their figures" if found else "no design has a figure, an earlier look stays"
        raise TrainingError(f"{record.failures[0]}; {kept}")
    return study


def looked_at(results: StudyResults) -> list[TrialResult]:
    """Return the trials of the second look: the conventional design, with which all compare, then the front's."""
    conventional = [results.conventional] if results.conventional is not None else []
    return [*conventional, *(trial for trial in results.front if trial not in conventional)]


def longer_recipe(recipe: Recipe | QuickRecipe, images: int) -> Recipe:
    """Return the recipe that trains `TIMES` as long as a study's own, on a data set of so many training images."""
    if isinstance(recipe, Recipe):
        return replace(recipe, epochs=TIMES * recipe.epochs)
    epochs = ceil(TIMES * _images_looked_at(recipe, images) / _images_used(recipe, images))
    return replace(recipe.of_design(images), epochs=max(1, epochs))


def designs_to_train(
    trials: Sequence[TrialResult], network_of: NetworkOf, recipe: Recipe, seeds: Sequence[int]
) -> list[DesignToTrain]:
    """Return what to train for these trials, each once of those that compute the same, in their order."""
    groups: dict[tuple[str, tuple[LayerFunction, ...]], list[TrialResult]] = {}
    networks: dict[str, Network] = {}
    for trial in trials:
        if (design := trial.design) is None:
            continue  # a study of another program's trials; there is nothing to train
        network = network_of(design.network)
        networks[network.digest] = network
        functions = design.functions_in(network)
        groups.setdefault((network.digest, functions), []).append(trial)
    found = []
    for (digest, functions), same in groups.items():
        numbers = tuple(trial.number for trial in same)
        label = f"trial{'' if len(same) == 1 else 's'} {', '.join(map(str, numbers))}"
        jobs = [TrainingJob(f"{label}, seed {seed}", networks[digest], functions, recipe, seed) for seed in seeds]
        found.append(DesignToTrain(numbers, tuple(jobs)))
    return found


def _recipe(settings: RefineSettings, default: Recipe) -> Recipe:
    """Return the recipe asked for; raises UsageError if no kernel computes what it trains."""
    recipe = Recipe.from_dict(settings.changes, settings.recipe or default)
    if not recipe.deployable:
        raise UsageError(
            "recipe: its last stage leaves a network that no kernel computes: end with a stage of defaults"
        )
    return recipe


def _check_not_shorter(recipe: Recipe, searched: Recipe | QuickRecipe, images: int) -> None:
    """Raise UsageError if a look trains on fewer images than the search did, on a data set of so many."""
    looked_at, before = _images_looked_at(recipe, images), _images_looked_at(searched, images)
    if looked_at < before:
        raise UsageError(
            f"recipe: its trainings look at {looked_at:,} images, those of the search at {before:,}: a second look is "
            "to train longer, give more --epochs or --train-images"
        )


def _images_looked_at(recipe: Recipe | QuickRecipe, images: int) -> int:
    """Return how many images a training of a data set of so many looks at, repeated ones included."""
    if isinstance(recipe, QuickRecipe):
        return recipe.design.images
    return recipe.epochs * _images_used(recipe, images)


def _images_used(recipe: Recipe | QuickRecipe, images: int) -> int:
    """Return how many different ones of so many images a training looks at."""
    return min(images, recipe.train_images or images)
