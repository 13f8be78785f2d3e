"""Where answers are kept, and the key by which a run recognizes its own.

Beside the settings of a project lies `.forgather_lint_cache`, as with other linters. A repository
may come with such a folder, made by anybody: a file in it counts only if it carries a seal (a keyed
digest) made with the user's own key, which lies in the user's cache folder and nowhere else.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from forgather_lint.core.about import NAME
from forgather_lint.core.settings import Settings

FOLDER = ".forgather_lint_cache"
_SEAL, _SEAL_BYTES = "seal", 32
_TAG = (
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# This file is a cache directory tag created by forgather-lint.\n"
    "# For information about cache directory tags, see https://bford.info/cachedir/\n"
)
_IGNORE = "# Made by forgather-lint.\n*\n"
MARKS = {"CACHEDIR.TAG": _TAG, ".gitignore": _IGNORE}


def user_folder() -> Path | None:
    """The folder of this tool in the user's cache; None for a user without a home."""
    import platformdirs

    folder = Path(platformdirs.user_cache_dir(NAME))
    return folder if folder.is_absolute() else None


def folder_for(settings: Settings) -> Path | None:
    """The folder in which a run with these settings keeps its answers; None where there is none.

    It is in the user's cache where the project is not writable or has a link in that place.
    """
    if settings.cache_dir:
        return Path(settings.cache_dir)
    beside = Path(settings.root) / FOLDER
    if is_real_folder(beside):
        writable = os.access(beside, os.W_OK)
    else:
        writable = not os.path.lexists(beside) and os.access(settings.root, os.W_OK)
    return beside if writable else user_folder()


def made(folder: Path) -> bool:
    """Whether `folder` exists or could be made.

    A new one gets the files that tell other tools to skip it.
    """
    if is_real_folder(folder):
        return True
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in MARKS.items():
            with suppress(FileExistsError), (folder / name).open("x", encoding="utf-8") as stream:
                stream.write(text)
    except OSError:
        return False
    return is_real_folder(folder)


def is_real_folder(path: Path) -> bool:
    """Whether `path` is a folder and not a link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def seal() -> bytes | None:
    """The user's own key, made at the first call; None where it cannot be stored."""
    folder = user_folder()
    if folder is not None:
        with suppress(OSError):
            return _own_key(folder / _SEAL) or _new_key(folder / _SEAL)
    return None


def _own_key(file: Path) -> bytes | None:
    """The key in `file`; None unless it is complete and only this user can write the file."""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        ours = not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
        if os.name != "nt" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            ours = False
        key = stream.read(_SEAL_BYTES + 1) if ours and stat.S_ISREG(status.st_mode) else b""
    if len(key) != _SEAL_BYTES:
        raise OSError(f"{file} is not a key of this user")
    return key


def _new_key(file: Path) -> bytes | None:
    """A new key, written to `file`; the one of another run that was faster, if there is one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{_SEAL}.{os.getpid()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(os.urandom(_SEAL_BYTES))
        with suppress(FileExistsError):
            os.link(unfinished, file)
    finally:
        unfinished.unlink()
    return _own_key(file)
