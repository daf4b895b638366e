"""Exports a design for the browser: the folder of `dse study export --design` as an archive."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import optuna

from dashboards.storage import STORAGE_ERRORS, explain, open_storage
from dse.cache import EvaluationCache
from dse.export.folder import DEFAULT_IMAGES
from dse.export.trial_export import export_trial


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """The trial of a study whose design is wanted; `cache`: folder of the evaluation cache, which has the weights."""

    storage: str
    study: str
    trial: int
    cache: str

    @property
    def folder(self) -> str:
        """Name of the exported folder."""
        return f"design-{self.trial}"


def export_archive(request: ExportRequest) -> bytes:
    """Return the exported folder as a ZIP archive; the storage is only read.

    Errors as `dse.export.trial_export.export_trial`, and StorageError if the study cannot be read.
    """
    try:
        study = optuna.load_study(study_name=request.study, storage=open_storage(request.storage))
        study.get_trials(deepcopy=False)
    except STORAGE_ERRORS as error:
        raise explain(request.storage, error) from error
    with TemporaryDirectory(prefix="bnn-dse-") as parent:
        folder = Path(parent, request.folder)
        export_trial(study, request.trial, folder, DEFAULT_IMAGES, None, EvaluationCache(Path(request.cache)))
        return _archive(folder)


def _archive(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder.parent))
    return content.getvalue()
