"""From the settings of `dse study run` to a finished study: opens or makes the study, then runs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import optuna

from dse.accuracy import NetworkTrainer
from dse.accuracy_bounds import AccuracyBound, DeclaredBound, GainBound, NestedBound
from dse.cache import EvaluationCache
from dse.chosen_network import network_builder
from dse.data import Dataset, dataset_names, load_dataset
from dse.design import Design, NetworkChoice
from dse.enqueued import enqueued_designs
from dse.errors import UsageError
from dse.evaluation import LATENCY_SCOPE, Evaluator, Trainer
from dse.footprint import Footprint
from dse.goal import Goal
from dse.interruption import Interruption
from dse.known_designs import known_designs
from dse.latency import EmulatedTimer
from dse.legality import Legality, legal_space
from dse.local_workers import LocalWorkers, worker_command
from dse.measures import LATENCY
from dse.measuring import Measuring
from dse.near_match import unknown_word
from dse.networks import FeatureMaps, Repairs, build_network, default_repairs
from dse.progress import StudyProgress
from dse.quick_accuracy import QuickTrainer
from dse.sampler import check_installed
from dse.space import SearchSpace
from dse.spec import ParameterRanges, StudySpec, check_resumes, stored_spec
from dse.staging import SETTLED, is_untrained
from dse.storage import StudyStorage, check_location, is_missing
from dse.study import StudyRunner, finished_trials, is_stalled
from dse.study_lock import held
from dse.study_reader import StudyReader
from dse.tile_candidates import tile_family
from dse.tile_search import TileSearch
from dse.training.quick_recipe import QuickRecipe
from dse.training.recipe import Recipe
from isa_models import Core, load_core, timing_digest
from kernels_asm import Overflow

ACCURACY_AT_MOST = "accuracy_at_most"
"""Study attribute: what the user declared that no design's accuracy exceeds."""
ENQUEUED: Final = "enqueued"
"""User attribute of a study: the designs that its last run enqueued."""


@dataclass(frozen=True)
class StudySettings:
    """What a person asks of `dse study run`.

    Attributes:
        storage: Path of a SQLite file, `journal:PATH`, or a database URL.
        name: Name of the study in the storage.
        spec: What the study is about.
        cache: Folder of the evaluation cache.
        download: Whether to fetch missing files of the data set.
        jobs: Processes that evaluate designs.

    """

    storage: str
    name: str
    spec: StudySpec
    cache: Path
    download: bool = False
    jobs: int = 1


def run_study(settings: StudySettings, progress: StudyProgress) -> optuna.Study:
    """Run or continue the study until its budget is finished, and return it.

    A finished study is returned at once: neither its data set nor PyTorch is loaded.

    Raises:
        UsageError: A setting is wrong, or the study was made with others.
        DseError: As `StudyRunner.run` and `StudyStorage`.

    """
    spec = settings.spec
    check_installed(spec.sampler)
    core = load_core(spec.core, dict(spec.overrides))
    _check_goal(spec.goal(), core)
    build_network(spec.network)
    _check_dataset_name(spec.dataset)
    _check_holds_conventional(spec.parameters)
    record = spec.record(core.clock_hz)
    check_location(settings.storage)
    study = None if is_missing(settings.storage) else StudyStorage(settings.storage).find(settings.name)
    if study is not None:
        stored = study.user_attrs["spec"]
        check_resumes(settings.name, record, stored, frozenset(spec.parameters.model_fields_set))
        if has_ended(study, spec):
            _check_none_is_enqueued(study, spec)
            return study
    setup = StudySetup(settings, core)
    if study is None:
        study = setup.create(record)
    else:
        setup.check_unchanged(study)
        study.set_user_attr("spec", record | {"parameters": stored["parameters"]})
    setup.enqueue(study)
    setup.declare_bound(study)
    if settings.jobs == 1:
        setup.run(study, progress)
    else:
        command = worker_command(settings.storage, study.study_name, settings.cache, spec.data_dir)
        with StudyStorage(settings.storage).errors():
            LocalWorkers(study, command, settings.jobs, progress).run(spec.trials)
    return study


def run_worker(storage: str, name: str, cache: Path, data_dir: Path | None, progress: StudyProgress) -> optuna.Study:
    """Take a part in a study that `run_study` has made, until its budget is finished, and return it.

    Args:
        storage: Where the study is.
        name: Its name.
        cache: Folder of the evaluation cache, the same for all workers.
        data_dir: Folder of the data set's files, where it is another than the study's.
        progress: Told what happens in this worker.

    Raises as `run_study`.
    """
    study = StudyStorage(storage, must_exist=True).open(name)
    spec = stored_spec(study.user_attrs["spec"])
    if data_dir is not None:
        spec = spec.model_copy(update={"data_dir": str(data_dir)})
    if not has_ended(study, spec):
        check_installed(spec.sampler)
        setup = StudySetup(StudySettings(storage, name, spec, cache), load_core(spec.core, dict(spec.overrides)))
        setup.check_unchanged(study)
        setup.run(study, progress)
    return study


def _check_goal(goal: Goal, core: Core) -> None:
    """Raise UsageError for constraints that nothing keeps, and for a further core that is unknown or the study's own.

    Here and not where a goal is read, so that a study that was made with such a one can still be shown.
    """
    for lower, upper in product(goal.constraints, repeat=2):
        if lower.measure == upper.measure and upper.is_upper and not lower.is_upper and lower.limit > upper.limit:
            raise UsageError(f"constraints {lower} and {upper}: no design keeps both, leave one out")
    for name in goal.further_cores:
        if load_core(name, {}).digest == core.digest:
            raise UsageError(f"{LATENCY}@{name}: {name} is the study's own core: write {LATENCY}, or another core")


def has_ended(study: optuna.Study, spec: StudySpec) -> bool:
    """Return whether a study has met its budget or stalled, and no design that was spared may still be evaluated."""
    finished = finished_trials(study)
    is_done = len(finished) >= spec.trials or is_stalled(StudyReader(study), spec.until_stalled)
    is_open = spec.train_all or not study.user_attrs.get(SETTLED)
    return is_done and not (is_open and any(map(is_untrained, study.get_trials(deepcopy=False))))


class StudySetup:
    """Everything that evaluating the designs of one study takes: data, network, kernels, core and cache."""

    def __init__(self, settings: StudySettings, core: Core) -> None:
        from dse.training.digest import training_digest

        self._settings = settings
        self._spec = spec = settings.spec
        self._core = core
        dataset = load_dataset(spec.dataset, Path(spec.data_dir) if spec.data_dir else None, settings.download)
        self._dataset = dataset
        network_of = network_builder(spec.network, dataset)
        family = tile_family(core)
        self._legality = Legality(network_of, family)
        self._network_of = network_of
        cache = EvaluationCache(settings.cache)
        trainer = _trainer(dataset, spec.recipe.chosen(), spec.seed, cache)
        search = TileSearch(EmulatedTimer(core), cache, family)
        self._evaluator = Evaluator(network_of, search, trainer, core.clock_hz, cache)
        goal = spec.goal()
        cores = {name: load_core(name, {}) for name in goal.further_cores}
        further = {
            name: Evaluator(
                network_of, TileSearch(EmulatedTimer(one), cache, tile_family(one)), trainer, one.clock_hz, cache
            )
            for name, one in cores.items()
        }
        self._measuring = Measuring(goal, Footprint(network_of, search), further)
        self._chance = 1 / dataset.classes
        self._digests = {
            "core": core.digest,
            "timing model": timing_digest(),
            "dataset": dataset.digest,
            "training": training_digest(),
            **{f"core {name}": one.digest for name, one in cores.items()},
        }

    def create(self, record: Mapping[str, Any]) -> optuna.Study:
        """Make the study in its storage."""
        first = known_designs(self._legality)
        space = self._space()
        self._enqueued(first[0], space)  # refuses a wrong one before there is a study
        attributes = {
            "spec": record,
            "space": space.to_dict(),
            "conventional": first[0].to_dict(),
            "first": [design.to_dict() for design in first if design in space],
            "latency_scope": LATENCY_SCOPE,
            "chance_accuracy": self._chance,
            "digests": self._digests,
        }
        objectives = self._measuring.goal.objectives
        storage, name = StudyStorage(self._settings.storage), self._settings.name
        lock = storage.lock(name)
        with Interruption() as interruption:
            with storage.errors(), held(lock, interruption.check):
                study = storage.create(name, attributes, objectives)
            interruption.check()
        return study

    def _space(self) -> SearchSpace:
        """Return the space of the ranges asked for, with the overflow policies and maps of its legal designs alone."""
        ranges = self._spec.parameters
        legal = legal_space(self._legality, ranges.widths)
        counts = (self._legality.layers(NetworkChoice(depth_multiplier=depth)) for depth in ranges.depths)
        return replace(
            legal,
            accumulators=ranges.accumulators,
            overflows=tuple(overflow for overflow in legal.overflows if overflow in ranges.overflows),
            clips=ranges.clips,
            maps=tuple(maps for maps in legal.maps if maps in ranges.maps),
            depth_multipliers=ranges.depths,
            input_sizes=self._input_sizes(),
            repairs=chosen_repairs(self._spec.network, ranges.repairs),
            layer_counts=tuple(counts) if ranges.per_layer else (),
        )

    def _input_sizes(self) -> tuple[int, ...]:
        """Return the sizes of images asked for; raises UsageError for one that is not smaller than the data set's."""
        own = min(self._dataset.input_shape[1:])
        if (wrong := next((size for size in self._spec.parameters.input_sizes if size >= own), None)) is not None:
            raise UsageError(
                f"parameters.input_sizes {wrong}: images of {self._dataset.name} have {own} rows: give fewer, or 0"
            )
        return self._spec.parameters.input_sizes

    def check_unchanged(self, study: optuna.Study) -> None:
        """Raise UsageError if new trials could not be compared with the study's: a model or the data has changed."""
        stored = study.user_attrs.get("digests", {})
        for name, digest in self._digests.items():
            if stored.get(name) != digest:
                raise UsageError(
                    f"the {name} has changed since study {study.study_name!r} was made, so new trials could not be "
                    "compared with its own: start a new study with another --name"
                )

    def enqueue(self, study: optuna.Study) -> None:
        """Write down the designs that the spec enqueues, for workers that lack its files."""
        space = SearchSpace.from_dict(study.user_attrs["space"])
        designs = self._enqueued(Design.from_dict(study.user_attrs["conventional"]), space)
        study.set_user_attr(ENQUEUED, [design.to_dict() for design in designs])

    def declare_bound(self, study: optuna.Study) -> None:
        """Write down the bound on accuracies that the spec declares; without one, an earlier run's stays."""
        if "accuracy_at_most" in self._spec.model_fields_set:
            study.set_user_attr(ACCURACY_AT_MOST, self._spec.accuracy_at_most)

    def run(self, study: optuna.Study, progress: StudyProgress) -> None:
        """Evaluate designs until the budget is finished."""
        first = [*study.user_attrs["first"], *study.user_attrs.get(ENQUEUED, ())]
        storage = StudyStorage(self._settings.storage)
        runner = StudyRunner(
            study=study,
            space=SearchSpace.from_dict(study.user_attrs["space"]),
            first=tuple(map(Design.from_dict, first)),
            evaluator=self._evaluator,
            legality=self._legality,
            seed=self._spec.seed,
            progress=progress,
            sampler=self._spec.sampler,
            measuring=self._measuring,
            until_stalled=self._spec.until_stalled,
            bounds=self._bounds(study),
            screens=not self._spec.train_all,
            lock=storage.lock(study.study_name),
        )
        with storage.errors():
            runner.run(self._spec.trials)

    def _enqueued(self, conventional: Design, space: SearchSpace) -> tuple[Design, ...]:
        return enqueued_designs(self._spec.enqueue, conventional, space, self._legality.reason)

    def _bounds(self, study: optuna.Study) -> tuple[AccuracyBound, ...]:
        """Return what is assumed of accuracies to spare trainings."""
        if self._spec.train_all:
            return ()
        most = study.user_attrs.get(ACCURACY_AT_MOST, 1.0)
        bounds = (NestedBound(self._network_of), GainBound())
        return (DeclaredBound(most), *bounds) if most < 1 else bounds


def _trainer(dataset: Dataset, recipe: Recipe | QuickRecipe, seed: int, cache: EvaluationCache) -> Trainer:
    if isinstance(recipe, QuickRecipe):
        return QuickTrainer(dataset, recipe, seed, cache)
    return NetworkTrainer(dataset, recipe, seed, cache=cache)


def _check_none_is_enqueued(study: optuna.Study, spec: StudySpec) -> None:
    """Refuse to leave out, without a word, a design that was asked for when the study had ended."""
    space, conventional = SearchSpace.from_dict(study.user_attrs["space"]), study.user_attrs["conventional"]
    asked = enqueued_designs(spec.enqueue, Design.from_dict(conventional), space, lambda _design: None)
    evaluated = {trial.design for trial in StudyReader(study).read().trials}
    for design in asked:
        if design not in evaluated:
            name = study.study_name
            raise UsageError(f"--enqueue {design}: study {name!r} has ended without it: give it more --trials")


def _check_holds_conventional(ranges: ParameterRanges) -> None:
    """Refuse ranges without the conventional design, with which every other one is compared."""
    needed: dict[str, Any] = {
        "widths": 1.0,
        "accumulators": 32,
        "overflows": Overflow.EXACT,
        "clips": 0,
        "maps": FeatureMaps.FLOAT32,
        "depths": 1.0,
        "input_sizes": 0,
        "repairs": "",
    }
    for name, value in needed.items():
        if value not in getattr(ranges, name):
            shown = f"{value:g}" if isinstance(value, float) else value if value != "" else '""'
            raise UsageError(
                f"parameters.{name} must hold {shown}: the conventional design, with which others are compared, has it"
            )


def chosen_repairs(network: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Return repairs as a search space has them: every option named, and "" for the network's usual ones.

    Raises UsageError for a text that is malformed.
    """
    usual = default_repairs(network)
    parsed = (Repairs.parse(text, usual) for text in texts)
    return tuple(dict.fromkeys("" if repairs == usual else str(repairs) for repairs in parsed))


def _check_dataset_name(name: str) -> None:
    """Refuse an unknown name before anything is opened; the data set itself is loaded once it is needed."""
    if name not in dataset_names():
        raise UsageError(f"dataset {name!r} {unknown_word(name, dataset_names())}")
