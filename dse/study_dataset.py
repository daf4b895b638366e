"""The data set that a study was made with."""

from __future__ import annotations

from pathlib import Path

import optuna

from dse.data import Dataset, load_dataset
from dse.errors import UsageError


def study_dataset(study: optuna.Study, data_dir: Path | None, download: bool = False) -> Dataset:
    """Return a study's data set, from the files in a folder where it needs any; None: the folder that the study names.

    `download`: whether to fetch missing files first. Raises UsageError if what is there under its name is another one,
    DatasetError if files are missing or damaged.
    """
    spec = study.user_attrs["spec"]
    name, own = spec["dataset"], spec.get("data_dir")
    dataset = load_dataset(name, data_dir or (Path(own) if own else None), download)
    if dataset.digest != study.user_attrs.get("digests", {}).get("dataset"):
        raise UsageError(f"dataset {name} is not the one that study {study.study_name!r} was made with")
    return dataset
