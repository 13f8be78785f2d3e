"""The lines of the files that a report quotes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=64)
def lines_of(path: str) -> tuple[str, ...] | None:
    """The lines of `path`, counted as `Position` counts rows; None when it cannot be read."""
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError):
        return None
    return tuple(data.decode("utf-8-sig", errors="replace").split("\n"))
