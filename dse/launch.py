"""From the settings of `dse study run` to a finished study: opens or makes the study, then runs it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna

from dse.accuracy import NetworkTrainer
from dse.accuracy_bounds import AccuracyBound, DeclaredBound, NestedBound
from dse.cache import EvaluationCache
from dse.data import Dataset, dataset_names, load_dataset
from dse.design import Design
from dse.errors import UsageError
from dse.evaluation import LATENCY_SCOPE, Evaluator, Trainer
from dse.known_designs import known_designs
from dse.latency import EmulatedTimer
from dse.legality import Legality, NetworkOf, legal_space
from dse.networks import FeatureMaps, Network, build_network
from dse.progress import StudyProgress
from dse.quick_accuracy import QuickTrainer
from dse.space import WIDTH_MULTIPLIERS, SearchSpace
from dse.spec import StudySpec
from dse.staging import SETTLED, is_spared
from dse.storage import StudyStorage, check_location, is_missing
from dse.study import StudyRunner, finished_trials
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.quick_recipe import QuickRecipe
from dse.training.recipe import Recipe
from isa_models import Core, load_core, timing_digest

ACCURACY_AT_MOST = "accuracy_at_most"
"""Study attribute: what the user declared that no design's accuracy exceeds."""


@dataclass(frozen=True)
class StudySettings:
    """What a person asks of `dse study run`.

    Attributes:
        storage: Path of a SQLite file, or a database URL.
        name: Name of the study in the storage.
        core: Name of the core.
        overrides: Fields of the core's description to change, by dotted path.
        network: Name of the network.
        dataset: Name of the data set.
        data_dir: Folder of the data set's files.
        download: Whether to fetch missing files.
        recipe: How to train.
        trials: Budget of complete trials.
        seed: Seed of the sampler and the trainings.
        cache: Folder of the evaluation cache.
        widths: Width multipliers to search, 1 among them; None: the default ones.
        train_all: Train every design, also those whose training earlier runs spared.
        accuracy_at_most: What no design's accuracy exceeds, 0 to 1, if the user knows such a bound; None: what earlier
            runs were told.

    """

    storage: str
    name: str
    core: str
    network: str
    dataset: str
    trials: int
    seed: int
    cache: Path
    overrides: Mapping[str, str] = field(default_factory=dict)
    data_dir: Path | None = None
    download: bool = False
    recipe: Recipe | QuickRecipe = field(default_factory=QuickRecipe)
    widths: tuple[float, ...] | None = None
    train_all: bool = False
    accuracy_at_most: float | None = None


def run_study(settings: StudySettings, progress: StudyProgress) -> optuna.Study:
    """Run or continue the study until its budget is finished, and return it.

    A finished study is returned at once: neither its data set nor PyTorch is loaded.

    Raises:
        UsageError: A setting is wrong, or the study was made with others.
        DseError: As `StudyRunner.run` and `StudyStorage`.

    """
    core = load_core(settings.core, dict(settings.overrides))
    build_network(settings.network)
    _check_dataset_name(settings.dataset)
    _check_widths(settings.widths)
    spec = _spec(settings, core)
    check_location(settings.storage)
    study = None if is_missing(settings.storage) else StudyStorage(settings.storage).find(settings.name)
    if study is not None:
        spec.check_resumes(settings.name, study.user_attrs["spec"])
        _check_same_space(settings, study)
        finished = finished_trials(study)
        is_open = any(map(is_spared, finished)) and (settings.train_all or not study.user_attrs.get(SETTLED))
        if len(finished) >= settings.trials and not is_open:
            return study
    setup = StudySetup(settings, core)
    if study is None:
        study = setup.create(spec)
    else:
        setup.check_unchanged(study)
        study.set_user_attr("spec", spec.to_dict())
    setup.run(study, progress)
    return study


class StudySetup:
    """Everything that evaluating the designs of one study takes: data, network, kernels, core and cache."""

    def __init__(self, settings: StudySettings, core: Core) -> None:
        from dse.training.digest import training_digest

        self._settings = settings
        self._core = core
        dataset = load_dataset(settings.dataset, settings.data_dir, settings.download)
        network_of = network_builder(settings.network, dataset)
        family = tile_family(core)
        self._legality = Legality(network_of, family)
        self._network_of = network_of
        cache = EvaluationCache(settings.cache)
        trainer = _trainer(dataset, settings.recipe, settings.seed, cache)
        search = TileSearch(EmulatedTimer(core), cache, family)
        self._evaluator = Evaluator(network_of, search, trainer, core.clock_hz, cache)
        self._digests = {
            "core": core.digest,
            "timing model": timing_digest(),
            "dataset": dataset.digest,
            "training": training_digest(),
        }

    def create(self, spec: StudySpec) -> optuna.Study:
        """Make the study in its storage."""
        first = known_designs(self._legality)
        attributes = {
            "spec": spec.to_dict(),
            "space": legal_space(self._legality, self._settings.widths or WIDTH_MULTIPLIERS).to_dict(),
            "conventional": first[0].to_dict(),
            "first": [design.to_dict() for design in first],
            "latency_scope": LATENCY_SCOPE,
            "digests": self._digests,
        }
        return StudyStorage(self._settings.storage).create(self._settings.name, attributes)

    def check_unchanged(self, study: optuna.Study) -> None:
        """Raise UsageError if new trials could not be compared with the study's: a model or the data has changed."""
        stored = study.user_attrs.get("digests", {})
        for name, digest in self._digests.items():
            if stored.get(name) != digest:
                raise UsageError(
                    f"the {name} has changed since study {study.study_name!r} was made, so new trials could not be "
                    "compared with its own: start a new study with another --name"
                )

    def run(self, study: optuna.Study, progress: StudyProgress) -> None:
        """Evaluate designs until the budget is finished."""
        runner = StudyRunner(
            study=study,
            space=SearchSpace.from_dict(study.user_attrs["space"]),
            first=tuple(map(Design.from_dict, study.user_attrs["first"])),
            evaluator=self._evaluator,
            legality=self._legality,
            seed=self._settings.seed,
            progress=progress,
            bounds=self._bounds(study),
        )
        with StudyStorage(self._settings.storage).errors():
            runner.run(self._settings.trials)

    def _bounds(self, study: optuna.Study) -> tuple[AccuracyBound, ...]:
        """Return what is assumed of accuracies to spare trainings; a bound that is declared stays with the study."""
        if self._settings.accuracy_at_most is not None:
            study.set_user_attr(ACCURACY_AT_MOST, self._settings.accuracy_at_most)
        if self._settings.train_all:
            return ()
        most = study.user_attrs.get(ACCURACY_AT_MOST)
        nested = NestedBound(self._network_of)
        return (nested,) if most is None else (DeclaredBound(most), nested)


def _trainer(dataset: Dataset, recipe: Recipe | QuickRecipe, seed: int, cache: EvaluationCache) -> Trainer:
    if isinstance(recipe, QuickRecipe):
        return QuickTrainer(dataset, recipe, seed, cache)
    return NetworkTrainer(dataset, recipe, seed, cache=cache)


def network_builder(name: str, dataset: Dataset) -> NetworkOf:
    """Return the function that builds the network called `name` for the data set, given width and feature maps."""

    def network_of(width_multiplier: float, maps: FeatureMaps) -> Network:
        return build_network(name, width_multiplier, dataset.input_shape, dataset.classes, maps=maps)

    return network_of


def _check_widths(widths: tuple[float, ...] | None) -> None:
    if widths is not None and 1.0 not in widths:
        raise UsageError("--widths must hold 1, the width of the conventional design that the others are compared with")


def _check_same_space(settings: StudySettings, study: optuna.Study) -> None:
    """Refuse to continue a study with a search space that was asked for and is not the study's."""
    stored = study.user_attrs["space"]["widths"]
    if settings.widths is not None and sorted(settings.widths) != sorted(stored):
        raise UsageError(
            f"study {study.study_name!r} was made with widths {','.join(map(str, stored))}: leave --widths out to "
            "continue it, or give another --name to start a new study"
        )


def _check_dataset_name(name: str) -> None:
    """Refuse an unknown name before anything is opened; the data set itself is loaded once it is needed."""
    if name not in dataset_names():
        near = difflib.get_close_matches(name, dataset_names(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(f"dataset {name!r} is unknown; {hint}known: {', '.join(dataset_names())}")


def _spec(settings: StudySettings, core: Core) -> StudySpec:
    return StudySpec(
        network=settings.network,
        dataset=settings.dataset,
        core=settings.core,
        overrides=dict(settings.overrides),
        clock_hz=core.clock_hz,
        recipe=settings.recipe.to_dict(),
        seed=settings.seed,
        trials=settings.trials,
    )
