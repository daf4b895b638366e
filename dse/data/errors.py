"""The error that reading or fetching a dataset raises."""

from __future__ import annotations

from dse.errors import UsageError


class DatasetError(UsageError):
    """A dataset is unknown, or one of its files is missing, truncated, corrupt or cannot be fetched."""
