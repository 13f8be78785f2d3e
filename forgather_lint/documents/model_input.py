"""From a candidate on disk to the sources and config that the analysis reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from forgather_lint.core import doing
from forgather_lint.core.files import is_file
from forgather_lint.core.record import record
from forgather_lint.documents.config_json import ConfigFile, read_config
from forgather_lint.documents.discover import CONFIG, Candidate
from forgather_lint.documents.sources import Sources, folder_sources


@record
class GivenPlans:
    """Plans to be used instead of those of the model; None: the model's own.

    The keys are names in the base model; those of the plans in `of_head` are names in the whole
    model.
    """

    tensor: Mapping[str, object] | None = None
    pipeline: Mapping[str, object] | None = None
    of_head: Mapping[str, object] = field(default_factory=dict)


@record
class ModelInput:
    """One model as it was given: its source files, its config, and the file that was named, if any.

    `folder` is where it is on disk, empty for one that is in memory only. `config_missing`: the
    folder is to be served as it is, and has no config.json. `adapters` are the folders of adapters
    that are loaded beside it, wherever they lie.
    """

    path: str
    sources: Sources
    config: ConfigFile | None
    main: str | None = None
    folder: str = ""
    config_missing: bool = False
    plans: GivenPlans | None = None
    adapters: tuple[str, ...] = ()

    def has_file(self, name: str) -> bool:
        """Whether a file of that name is beside the model's files."""
        return bool(self.folder) and is_file(Path(self.folder) / name)


def open_model(candidate: Candidate) -> ModelInput:
    """The model of `candidate`. Raises `SourceError` for a config.json that cannot be used."""
    doing.now(f"reading {candidate.path}")
    sources = folder_sources(candidate.folder)
    config_path = candidate.folder / CONFIG
    folder = str(candidate.folder)
    if candidate.file is not None:
        missing = candidate.config_missing
        return ModelInput(candidate.path, sources, None, candidate.file.stem, folder, missing)
    config = read_config(config_path) if is_file(config_path) else None
    return ModelInput(candidate.path, sources, config, folder=folder)
