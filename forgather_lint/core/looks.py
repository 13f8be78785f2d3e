"""What was asked of the disk, with the answers: an answer of ours may be kept as long as they hold.

Whatever reads files (`core/files.py`) notes here each question that it asked (`Look`) with its
answer, the *state*: the content of a file, the names in a folder, that nothing is at a path.
Nothing is noted twice; a question that is answered otherwise the second time has the state
`CHANGED`, and an answer that rests on it is not kept. What is kept in memory from one model to the
next must be `remembered` (`core/remembered.py`, not `functools.cache`), so that its questions are
noted for each model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from enum import StrEnum
from pathlib import PurePath
from typing import NamedTuple

from forgather_lint.core.record import record


class Asked(StrEnum):
    """The kinds of question. All but the last four are asked of a path."""

    CONTENT = "content"  # the beginning of a file, `detail` bytes of it
    FILE = "file"  # whether a regular file stands there
    FOLDER = "folder"
    THERE = "there"  # whether anything stands there
    NAMES = "names"  # those in a folder that match one of the patterns in `detail`
    TREE = "tree"  # the Python files in the folders in it, by their stamps
    REAL = "real"  # where links lead
    NAME = "name"  # what a folder is called, where that says something of the model in it
    PACKAGE = "package"  # whether a package could be imported
    RELEASE = "release"  # the release of a package that is installed
    VARIABLE = "variable"  # of the environment
    HOST = "host"  # the name and the kernel of this machine


class Look(NamedTuple):
    """One question: its kind, the path or name that it is about, and a detail such as a pattern."""

    asked: Asked
    path: str
    detail: str | int = ""


@record
class Content:
    """The state of a file that was read: a digest of what was read, and the size of the file.

    `stamp` holds its times, size and inode: while they are the same it need not be read again. As
    in git's index it is None where the file is so new that a second change might leave them the
    same.
    """

    digest: bytes
    size: int
    stamp: tuple[int, ...] | None = field(default=None, compare=False)


States = Mapping[Look, object]
"""The states of everything that was asked."""

CHANGED = "changed while it was read"

_noted: ContextVar[dict[Look, object] | None] = ContextVar("what is looked at", default=None)


@contextmanager
def noted() -> Iterator[States]:
    """Collects the questions asked within the block, with their states.

    A block around it gets them too.
    """
    seen: dict[Look, object] = {}
    token = _noted.set(seen)
    try:
        yield seen
    finally:
        _noted.reset(token)
        for look, state in seen.items():
            note(look, state)


@contextmanager
def unnoted() -> Iterator[None]:
    """Questions asked within the block are not noted.

    Nothing rests on them, or they are noted elsewhere.
    """
    token = _noted.set(None)
    try:
        yield
    finally:
        _noted.reset(token)


def is_noting() -> bool:
    """Whether anything collects what is asked now."""
    return _noted.get() is not None


def note(look: Look, state: object) -> None:
    """Record that the question `look` was answered with `state`."""
    seen = _noted.get()
    if seen is not None and seen.setdefault(look, state) != state:
        seen[look] = CHANGED


def joined(first: States, second: States) -> States:
    """The states of both; what they disagree on is `CHANGED`."""
    found = dict(first)
    for look, state in second.items():
        if found.setdefault(look, state) != state:
            found[look] = CHANGED
    return found


_OF_FILES = frozenset({Asked.CONTENT, Asked.FILE, Asked.FOLDER, Asked.THERE, Asked.REAL})


def closure(states: States) -> frozenset[str]:
    """The absolute paths that an answer rests on: of files read, and where one was looked for.

    For a report: `closure(report.looked_at)`. Folders whose names were listed are not among them;
    to know whether a new or deleted file matters ask `rests_on`.
    """
    return frozenset(path for asked, path, _ in states if asked in _OF_FILES)


def rests_on(states: States, path: str) -> bool:
    """Whether an answer with these `states` may change when the absolute `path` changes.

    That includes files that are deleted or new: the answer may have looked for that path, or listed
    its folder with a pattern that it matches.
    """
    return any(
        _may_be_listed(path, folder, str(detail)) if asked is Asked.NAMES else path == folder
        for asked, folder, detail in states
        if asked in _OF_FILES or asked is Asked.NAMES
    )


def _may_be_listed(path: str, folder: str, pattern: str) -> bool:
    if not path.startswith(folder.rstrip("/\\") + os.sep):
        return False
    inside = PurePath(path).relative_to(folder)
    deep = pattern.startswith("**/")
    return inside.match(pattern) and (deep or len(inside.parts) == len(PurePath(pattern).parts))
