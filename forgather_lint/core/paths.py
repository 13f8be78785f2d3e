"""Spellings of a path; symbolic links stay as the user named them."""

from __future__ import annotations

import os
from pathlib import Path


def absolute(path: str) -> str:
    """`path` from the root, without `.` and `..`."""
    return os.path.normpath(Path(path).absolute())


def below(path: str, folder: str) -> str | None:
    """`path` relative to `folder`, None when it lies elsewhere."""
    relative = os.path.relpath(absolute(path), folder)
    return None if relative.startswith(os.pardir) else relative
