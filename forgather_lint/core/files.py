"""The only way in which files of strangers are opened: regular ones, never past a bound.

A pipe or a device in the place of a file would block or never end, so nothing but a regular file
is opened. What the kernel makes up (`/proc/kmsg`) calls itself regular and says that it is empty;
no more is read than a file says it has.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a regular file stands at `path`; False where nobody lets us look."""
    return os.path.isfile(path)  # noqa: PTH113 - that of Path raises


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder stands at `path`; False where nobody lets us look."""
    return os.path.isdir(path)  # noqa: PTH112 - that of Path raises


def read_at_most(path: Path, most: int) -> bytes:
    """The first `most` bytes of `path`. Raises `OSError` when it is no regular file."""
    if not stat.S_ISREG(_status(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    # Between the look and the opening a pipe may have taken the place of the file.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return stream.read(min(most, status.st_size))


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def leaves(path: Path) -> bool:
    """Whether `path` is a link that leads out of its folder.

    A snapshot in a cache of the Hugging Face hub holds links to `../../blobs`; those stay inside.
    """
    here = path.parent.resolve()
    inside = here.parents[1] if here.parent.name == "snapshots" else here
    return not path.resolve().is_relative_to(inside)


def home() -> Path:
    """The user's home, also when there is none; then no file lies in it."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")
