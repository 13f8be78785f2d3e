"""Which models are at a path: a folder with a config.json, a Python file, or a tree to search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import is_file, is_folder, listed, read_at_most, searched
from forgather_lint.core.record import record

CONFIG = "config.json"
BUILT = ("build", "dist")
"""Names of folders that a build fills with copies of other files."""

_HEAD = 200_000
_MARKS = ("PreTrainedModel", "_tp_plan", "base_model_tp_plan")


@record
class Candidate:
    """One model to check: a folder, or a single Python file in it.

    `config_missing`: the user named this folder, and it has no config.json to load the model by.
    """

    folder: Path
    file: Path | None = None
    config_missing: bool = False

    @property
    def path(self) -> str:
        return str(self.file or self.folder)


def candidates(path: Path, excluded: Callable[[str], bool]) -> Iterator[Candidate]:
    """The models at `path`, sorted by name.

    A Python file stands for the model of its folder when a config.json lies beside it.
    """
    if is_folder(path):
        yield from _search(path, excluded)
    elif is_file(path):
        yield from _of_file(path)


def _of_file(path: Path) -> Iterator[Candidate]:
    if is_file(path.parent / CONFIG) and path.suffix in (".py", ".json"):
        yield Candidate(path.parent)
    elif path.suffix == ".py":
        yield Candidate(path.parent, path)


def _search(root: Path, excluded: Callable[[str], bool]) -> Iterator[Candidate]:
    """`root` itself when it is a model, else the models below it."""
    own = list(models_in(root))
    if own:
        yield from (replace(each, config_missing=each.file is not None) for each in own)
        return
    for folder, _ in searched(root, excluded, BUILT):
        if folder != root:
            yield from models_in(folder)


def models_in(folder: Path) -> Iterator[Candidate]:
    """The models whose files are directly in `folder`."""
    if is_file(folder / CONFIG):
        if _is_model_config(folder / CONFIG) or listed(folder, "*.py"):
            yield Candidate(folder)
        return
    for file in listed(folder, "modeling_*.py"):
        if defines_model(file):
            yield Candidate(folder, file)


def _is_model_config(path: Path) -> bool:
    """Whether a config.json without Python beside it is that of a model."""
    head = _head(path)
    return '"model_type"' in head or '"architectures"' in head


def defines_model(path: Path) -> bool:
    """Whether the text of a Python file looks as if it defines a model or a plan."""
    head = _head(path)
    return any(mark in head for mark in _MARKS)


def _head(path: Path) -> str:
    try:
        return read_at_most(path, _HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
