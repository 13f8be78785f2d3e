"""Sources of transformers releases that the user asked to keep, in the user's cache.

Each release is a folder with the Python files of its wheel, and a note of the wheel they came from.
Files are read as text, never imported.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from forgather_lint.core.about import NAME
from forgather_lint.core.files import read_at_most, variable
from forgather_lint.core.record import record

PROJECT = "transformers"
PLACE = "FORGATHER_LINT_CACHE_DIR"
"""The environment variable that names another folder than the user's cache."""

NOTE = "wheel.json"
_MOST = 1 << 20


@record
class StoredRelease:
    """A release whose sources are kept: in which folder, from which wheel."""

    release: str
    folder: Path
    wheel: str
    sha256: str

    @property
    def package(self) -> Path:
        """The folder of the package `transformers`."""
        return self.folder / PROJECT


def store_folder() -> Path:
    """The folder that holds the kept releases."""
    named = variable(PLACE)
    if named:
        return Path(named) / "releases"
    import platformdirs  # only a model that inherits from transformers pays for it

    for each in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        variable(each)  # what it asks
    return Path(platformdirs.user_cache_dir(NAME)) / "releases"


def stored(release: str) -> StoredRelease | None:
    """The release `release`; None if its sources are not kept."""
    folder = store_folder() / f"{PROJECT}-{release}"
    try:
        note = json.loads(read_at_most(folder / NOTE, _MOST).decode("utf-8"))
        return StoredRelease(release, folder, str(note["wheel"]), str(note["sha256"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def all_stored() -> Iterator[StoredRelease]:
    """Every release whose sources are kept, by name."""
    for folder in sorted(store_folder().glob(f"{PROJECT}-*")):
        found = stored(folder.name.removeprefix(f"{PROJECT}-"))
        if found is not None:
            yield found
