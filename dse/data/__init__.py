"""Datasets: read from files that are checked, split once and for all, identified by their content."""

from dse.data.catalogue import DEFAULT_DATASET, dataset_names, load_dataset
from dse.data.dataset import Dataset, Split
from dse.data.errors import DatasetError

__all__ = ["DEFAULT_DATASET", "Dataset", "DatasetError", "Split", "dataset_names", "load_dataset"]
