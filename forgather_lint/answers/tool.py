"""What identifies the tool itself: its version would not tell two states of a checkout apart.

It is a digest of the contents of all its files, so that it is the same wherever the same is
installed. Reading seven hundred files takes longer than a run may; so the digest is kept, sealed,
and reused while their times and sizes are the same (`core/looks.py` says why that is sound).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from forgather_lint.answers.sealed import SealedFiles

_PACKAGE = Path(__file__).parents[1]
_SUFFIXES = (".py", ".toml", ".json", ".txt", ".md", ".csv")
_TOO_YOUNG = 2_000_000_000
_DEPENDENCIES = ("libcst-", "pyyaml-", "jinja2-", "markupsafe-", "typing_extensions-")


def tool_digest(kept: SealedFiles) -> bytes:
    """A digest of this tool, and of what it runs on."""
    files = sorted(_files())
    stamps = digest(repr(files), *_surroundings())
    latest = max(max(changed, modified) for _, changed, modified, *_ in files)
    if time.time_ns() - latest < _TOO_YOUNG:
        return _of_contents(files)
    known = kept.read(stamps)
    if known is None:
        known = _of_contents(files)
        kept.write(stamps, known)
    return known


def digest(*parts: str | bytes) -> bytes:
    """One digest of all `parts`, in which each is delimited."""
    from _blake2 import blake2b

    made = blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        made.update(len(data).to_bytes(8, "little") + data)
    return bytes(made.digest())


_File = tuple[str, int, int, int, int]


def _files() -> Iterator[_File]:
    """All files that the tool consists of, with their times, sizes and inodes."""
    inside, beside = _PACKAGE / "rules", _PACKAGE.parent / "rules"
    waiting = [str(_PACKAGE)]
    if not (inside / "__init__.py").is_file():
        waiting.append(str(beside))
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                name = entry.name
                if name.endswith(_SUFFIXES):
                    status = entry.stat()
                    yield (
                        entry.path,
                        status.st_ctime_ns,
                        status.st_mtime_ns,
                        status.st_size,
                        status.st_ino,
                    )
                elif "." not in name and name != "__pycache__" and entry.is_dir():
                    waiting.append(entry.path)


def _of_contents(files: list[_File]) -> bytes:
    root = str(_PACKAGE.parent)
    read = ((os.path.relpath(path, root), Path(path).read_bytes()) for path, *_ in files)
    return digest(*(part for file in read for part in file), *_surroundings())


def _surroundings() -> Iterator[str]:
    """What else an answer may depend on: Python, the libraries, the folders packages are in."""
    yield sys.version
    yield sys.platform
    yield from sys.path
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - costs a tenth of what Path takes
        except OSError:
            continue
        yield from sorted(
            name
            for name in names
            if name.endswith(".dist-info") and name.lower().startswith(_DEPENDENCIES)
        )
