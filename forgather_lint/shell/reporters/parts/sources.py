"""The lines of the files that a report quotes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from forgather_lint.core.files import holds_weights, leaves, read_at_most
from forgather_lint.documents.limits import MOST_BYTES


def lines_of(path: str) -> tuple[str, ...] | None:
    """The lines of `path`, counted as `Position` counts rows; None when it is not to be read.

    A link that leads out of its folder is not followed: a report goes to others than the machine's
    own user, and `modeling.py` may lead to anything.
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
