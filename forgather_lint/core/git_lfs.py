"""Pointers of Git LFS: what a clone has in the place of a file that was never downloaded."""

from __future__ import annotations

from pathlib import Path

from forgather_lint.core.files import read_at_most

BEGINNING = b"version https://git-lfs"
"""How every pointer begins (git-lfs, docs/spec.md)."""
SAID = "a pointer of Git LFS, the file was never downloaded"


def is_pointer(path: Path) -> bool:
    """Whether the file at `path` is a pointer; no more is read than shows it."""
    try:
        return read_at_most(path, len(BEGINNING)) == BEGINNING
    except OSError:
        return False
