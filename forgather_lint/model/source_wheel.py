"""Puts the sources of a release into the store, and removes them again."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import zipfile
from pathlib import Path

from forgather_lint.model.source_store import NOTE, PROJECT, StoredRelease, store_folder

_WHEEL = re.compile(rf"{PROJECT}-(?P<release>\d+(?:\.\d+)*)-py3-none-any\.whl")


class WheelRefused(Exception):
    """A file that cannot be the wheel of a release; the message says why."""


def keep(wheel: Path) -> StoredRelease:
    """Store the sources in `wheel`. Raises `WheelRefused` and `OSError`."""
    name = _WHEEL.fullmatch(wheel.name)
    if name is None:
        raise WheelRefused(f"{wheel.name} is no pure Python wheel of {PROJECT}")
    store = store_folder()
    store.mkdir(parents=True, exist_ok=True)
    target = store / f"{PROJECT}-{name['release']}"
    note = {"wheel": wheel.name, "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest()}
    fresh = Path(tempfile.mkdtemp(prefix=".adding-", dir=store))
    try:
        _unpack(wheel, fresh)
        (fresh / NOTE).write_text(json.dumps(note, indent=2) + "\n", "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return StoredRelease(name["release"], target, note["wheel"], note["sha256"])


def _unpack(wheel: Path, into: Path) -> None:
    """Write the Python files of the package to `into`; a name that leads out of it is refused."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(".py")]
            inside = [name for name in names if name.startswith(f"{PROJECT}/")]
            if not inside or any(".." in Path(name).parts for name in inside):
                raise WheelRefused(f"{wheel.name} does not hold the package {PROJECT}")
            for name in inside:
                archive.extract(name, into)
    except zipfile.BadZipFile as error:
        raise WheelRefused(f"{wheel.name} cannot be read: {error}") from error


def remove(release: StoredRelease) -> None:
    """Delete the sources of `release`."""
    shutil.rmtree(release.folder)
