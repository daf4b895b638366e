"""What `dse train` trains: a design on a data set, asked for by its parts or as that of a study's trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import optuna

from dse.data import Dataset, load_dataset
from dse.design import Design
from dse.study_dataset import study_dataset
from dse.trial_lookup import trial_design


@dataclass(frozen=True, slots=True)
class TrainingSubject:
    """A design to train.

    Attributes:
        network: Name of the network.
        design: What is chosen of it, and in what its layers compute.
        dataset: Name of the data set.
        load: Returns the data set from the files of a folder, after it has fetched missing ones if it is told to.

    """

    network: str
    design: Design
    dataset: str
    load: Callable[[Path | None, bool], Dataset]


def named_subject(network: str, design: Design, dataset: str) -> TrainingSubject:
    """Return a design on a data set of that name."""
    return TrainingSubject(network, design, dataset, partial(load_dataset, dataset))


def trial_subject(study: optuna.Study, number: int) -> TrainingSubject:
    """Return the design of a trial, finished or not, on the data set of its study.

    Raises UsageError if the study has no such trial; `load` does if the data set is another than the study's.
    """
    spec = study.user_attrs["spec"]
    return TrainingSubject(spec["network"], trial_design(study, number), spec["dataset"], partial(study_dataset, study))
