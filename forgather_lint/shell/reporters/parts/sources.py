"""The lines of files that a report quotes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from forgather_lint.core.files import holds_weights, leaves, read_at_most
from forgather_lint.documents.limits import MOST_BYTES


def lines_of(path: str) -> tuple[str, ...] | None:
    """The lines of `path`, with rows counted as in `Position`; None when it must not be read.

    A link that leads out of its folder is not followed: other people read a report, and
    `modeling.py` may be a link to anything.
    """
    if holds_weights(Path(path)):
        return None
    try:
        data = b"" if leaves(Path(path)) else read_at_most(Path(path), MOST_BYTES)
    except (OSError, ValueError):
        return None
    return _split(data) if data else None


@lru_cache(maxsize=64)
def _split(data: bytes) -> tuple[str, ...]:
    return tuple(data.decode("utf-8-sig", errors="replace").split("\n"))
