"""Which models files that have changed belong to: what a model reads, and what it read once.

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
    """Absolute paths of what has changed: `edited` is there and was, the others came or went.

    What lies in one of `untracked` folders is not looked after: it may have changed.
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
        """`candidate` if something of it has changed; a config that went is said to be missing."""
        folder = absolute(str(candidate.folder))
        if not (self._inside(folder) or self._around(folder)):
            return None
        gone = f"{folder}/{CONFIG}" in self.went and candidate.file is not None
        return replace(candidate, config_missing=True) if gone else candidate

    def of_answer(self, looked_at: States, files: Set[str], attributed: Set[str]) -> bool:
        """Whether something has changed that an answer looked at; True where that is not known.

        `files` are texts that it was made of. A text that is `attributed` changes no other answer,
        though it was looked at for all of them: templates are read once.
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
        """Whether a folder around it is one change (a submodule), makes it another package, or
        is not looked after."""
        above = [folder, *map(str, Path(folder).parents)]
        moved = self.came | self.went
        return any(
            each in self.untracked or each in self.all or f"{each}/__init__.py" in moved
            for each in above
        )


def models_left(went: Iterable[str]) -> Iterator[Candidate]:
    """The models that files which `went` belonged to, as far as something of them is left."""
    for path in map(Path, went):
        if path.suffix not in _OF_MODELS:
            continue
        folder = next(each for each in path.parents if is_folder(each))
        config_gone = path == folder / CONFIG
        for candidate in models_in(folder):
            missing = config_gone and candidate.file is not None
            yield replace(candidate, config_missing=missing)
