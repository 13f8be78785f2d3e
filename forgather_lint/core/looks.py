"""What was asked of the disk and how it stood: what an answer rests on, and may be kept with.

Whatever reads files (`core/files.py`) notes here each question that it asked, with the answer: the
content of a file, the names in a folder, that nothing stands at a path. Nothing is noted twice,
and what stood otherwise the second time makes the whole worthless. What is kept in memory between
models is `remembered`, so that the second model to ask rests on the same as the first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from enum import StrEnum
from functools import lru_cache, wraps
from pathlib import PurePath
from typing import NamedTuple, ParamSpec, TypeVar

from forgather_lint.core.record import record

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Asked(StrEnum):
    """What may be asked; but for the last four it is asked of a path."""

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
    """One question."""

    asked: Asked
    path: str
    detail: str | int = ""


@record
class Content:
    """What was read of a file: a digest of it, and how much the file holds.

    `stamp` are the times, size and number of the file, by which it is known again without reading.
    As in git's index a time that is too young to tell a second change from the first is no stamp.
    """

    digest: bytes
    size: int
    stamp: tuple[int, ...] | None = field(default=None, compare=False)


States = Mapping[Look, object]
"""How all stood that was asked for."""

CHANGED = "changed while it was read"

_noted: ContextVar[dict[Look, object] | None] = ContextVar("what is looked at", default=None)


@contextmanager
def noted() -> Iterator[States]:
    """Collects what is asked within the block, with the answers; so does a block around it."""
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
    """What is asked within the block is noted otherwise, or nobody's business."""
    token = _noted.set(None)
    try:
        yield
    finally:
        _noted.reset(token)


def is_noting() -> bool:
    """Whether anybody collects what is asked."""
    return _noted.get() is not None


def note(look: Look, state: object) -> None:
    """`look` was answered with `state`."""
    seen = _noted.get()
    if seen is not None and seen.setdefault(look, state) != state:
        seen[look] = CHANGED


def joined(first: States, second: States) -> States:
    """All that both rest on; worth nothing where they saw different things."""
    found = dict(first)
    for look, state in second.items():
        if found.setdefault(look, state) != state:
            found[look] = CHANGED
    return found


_OF_FILES = frozenset({Asked.CONTENT, Asked.FILE, Asked.FOLDER, Asked.THERE, Asked.REAL})


def closure(states: States) -> frozenset[str]:
    """The files that an answer rests on, by absolute path: read, or looked for and not found.

    For a report that is `closure(report.looked_at)`. A file that came or went since is asked for
    by `rests_on`, which knows of the folders whose names were listed too.
    """
    return frozenset(path for asked, path, _ in states if asked in _OF_FILES)


def rests_on(states: States, path: str) -> bool:
    """Whether an answer may be another when what stands at the absolute `path` changes.

    Also where nothing stands there any more, or nothing stood there yet: a file that is deleted or
    new changes the answer of whoever looked for it, or listed its folder by a pattern that it
    matches.
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


def remembered(
    most: int | None = None,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """`lru_cache` for what asks the disk: an answer from memory rests on what it rested on."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        def first(*given: Given.args, **named: Given.kwargs) -> tuple[Result, States]:
            with unnoted(), noted() as seen:
                result = function(*given, **named)
            return result, seen

        kept = lru_cache(maxsize=most)(first)

        @wraps(function)
        def answer(*given: Given.args, **named: Given.kwargs) -> Result:
            result, seen = kept(*given, **named)  # type: ignore[arg-type]  # hashable, as for any
            for look, state in seen.items():
                note(look, state)
            return result

        answer.cache_clear = kept.cache_clear  # type: ignore[attr-defined]
        return answer

    return decorate
