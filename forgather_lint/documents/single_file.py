"""The one model at a path, for commands that are about a single model."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.core.files import near_path
from forgather_lint.core.settings import SettingsError
from forgather_lint.documents.discover import candidates
from forgather_lint.documents.model_input import ModelInput, open_model
from forgather_lint.documents.python import SourceError


def single_model(path: Path) -> ModelInput:
    """The model at `path`. Raises `SettingsError` when there is none, or more than one."""
    if not path.exists():
        raise SettingsError(f"{path}: no such file or folder{near_path(path)}")
    found = list(candidates(path, lambda _: False))
    if len(found) != 1:
        many = f"{len(found)} models; name one of them" if found else "no model"
        raise SettingsError(f"{path}: {many}")
    try:
        return open_model(found[0])
    except SourceError as error:
        raise SettingsError(f"{error.where}: {error.message}") from error
