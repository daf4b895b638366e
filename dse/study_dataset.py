"""The data set that a study was made with."""

from __future__ import annotations

from pathlib import Path

import optuna

from dse.data import Dataset, load_dataset
from dse.errors import UsageError


def study_dataset(study: optuna.Study, data_dir: Path | None) -> Dataset:
    """Return a study's data set, from the files in a folder where it needs any.

    Raises UsageError if what is there under its name is another one.
    """
    name = study.user_attrs["spec"]["dataset"]
    dataset = load_dataset(name, data_dir)
    if dataset.digest != study.user_attrs.get("digests", {}).get("dataset"):
        raise UsageError(f"dataset {name} is not the one that study {study.study_name!r} was made with")
    return dataset
