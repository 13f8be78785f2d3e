"""`--changed-only` and `--with-deleted`: which paths to check git leaves, and which it adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from forgather_lint.core.files import is_folder
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.documents.changed import Changes
from forgather_lint.shell import configuration


@record
class Narrowing:
    """How git narrows or widens the paths to check; None: it was not asked."""

    changed: Changes | None = None
    deleted: Sequence[str] = ()
    paths_too: bool = True

    def changes(self, settings: Settings) -> Changes | None:
        """What has changed for models with these settings: everything, if the settings have."""
        if self.changed is None or absolute(settings.source) in self.changed.all:
            return None
        return self.changed

    def deleted_by_settings(self, groups: configuration.Groups) -> Iterator[Deleted]:
        """The deleted files, by the settings of the nearest folder that is left."""
        for settings, folders in groups.items():
            yield settings, [path for path in self.deleted if folder_left(path) in folders]


Deleted = tuple[Settings, list[str]]


def folder_left(path: str) -> Path:
    """The nearest folder above a deleted file that is there still."""
    return next(each for each in Path(path).parents if is_folder(each))


def narrowing(
    paths: Sequence[Path], named: bool, changed_only: bool, with_deleted: bool, base: str | None
) -> Narrowing:
    """What `--changed-only` and `--with-deleted` ask for.

    With `--with-deleted` and no path, only deleted files are looked at.
    """
    if not (changed_only or with_deleted):
        return Narrowing()
    from forgather_lint.shell.changed import changes  # a plain run does not pay for it

    found = changes(paths, base)
    return Narrowing(found) if changed_only else Narrowing(None, sorted(found.went), named)
