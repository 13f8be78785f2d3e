"""Which models are affected by changed files.

A model rests on the files of its folder; a configuration of a Forgather project on every template
that its rendering has looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.files import WEIGHTS, is_folder
from forgather_lint.core.looks import States, closure, rests_on
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.documents.discover import CONFIG, Candidate, models_in

_OF_MODELS = frozenset({".py", ".json", ".jinja", ".model", ".txt", *WEIGHTS})
"""Suffixes of the files that a model consists of."""


@record
class Changes:
    """Absolute paths of changed files: `edited` ones, new ones (`came`) and deleted ones (`went`).

    Nothing is known of changes in the folders `untracked`; they count as changed.
    """

    edited: frozenset[str] = frozenset()
    came: frozenset[str] = frozenset()
    went: frozenset[str] = frozenset()
    untracked: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """Every path that has changed."""
        return self.edited | self.came | self.went

    def of_model(self, candidate: Candidate) -> Candidate | None:
        """`candidate` if a file of it has changed, else None.

        It has `config_missing` set where config.json was deleted and Python files are left.
        """
        folder = absolute(str(candidate.folder))
        if not (self._inside(folder) or self._around(folder)):
            return None
        gone = f"{folder}/{CONFIG}" in self.went and candidate.file is not None
        return replace(candidate, config_missing=True) if gone else candidate

    def of_answer(self, looked_at: States, files: Set[str], attributed: Set[str]) -> bool:
        """Whether anything that an answer looked at has changed; True where that is not known.

        `files` are the texts that this answer was made of. Templates are read once for all
        configurations, so that every answer has looked at all of them: a text in `attributed` is
        known to belong to some answers, and changes only those that have it in `files`.
        """
        if not looked_at:
            return True
        shared = self.all - attributed
        if any(path in files for path in self.all) or any(
            rests_on(looked_at, path) for path in shared
        ):
            return True
        return any(
            self._around(str(Path(path).parent))
            for path in closure(looked_at)
            if "/site-packages/" not in path
        )

    def _inside(self, folder: str) -> bool:
        return any(path.startswith(f"{folder}/") for path in self.all)

    def _around(self, folder: str) -> bool:
        """Whether `folder` is in a changed submodule, a new or lost package, or untracked."""
        above = [folder, *map(str, Path(folder).parents)]
        moved = self.came | self.went
        return any(
            each in self.untracked or each in self.all or f"{each}/__init__.py" in moved
            for each in above
        )


def models_left(went: Iterable[str]) -> Iterator[Candidate]:
    """The models that the deleted files `went` belonged to and that have other files left."""
    for path in map(Path, went):
        if path.suffix not in _OF_MODELS:
            continue
        folder = next(each for each in path.parents if is_folder(each))
        config_gone = path == folder / CONFIG
        for candidate in models_in(folder):
            missing = config_gone and candidate.file is not None
            yield replace(candidate, config_missing=missing)
