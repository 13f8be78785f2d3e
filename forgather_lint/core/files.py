"""The only way in which files of strangers are read and written.

Regular ones are opened, never past a bound. Texts may be laid over the disk: a fix that has not
been written, the buffer of an editor. Whatever reads through this module then sees those.

A pipe or a device in the place of a file would block or never end, so nothing but a regular file
is opened. What the kernel makes up (`/proc/kmsg`) calls itself regular and says that it is empty;
no more is read than a file says it has.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from forgather_lint.core.paths import absolute

Result = TypeVar("Result")
Laid = Mapping[str, bytes]
"""Contents by absolute path."""

_NOTHING: Laid = MappingProxyType({})
_laid: ContextVar[Laid] = ContextVar("texts laid over the disk", default=_NOTHING)


@contextmanager
def laid_over(contents: Laid) -> Iterator[None]:
    """Within the block files read as `contents` says, whatever stands on disk or was laid there."""
    token = _laid.set({**_laid.get(), **contents})
    try:
        yield
    finally:
        _laid.reset(token)


def laid() -> Laid:
    """What is laid over the disk now."""
    return _laid.get()


def done_over(contents: Laid, job: Callable[[], Result]) -> Result:
    """`job()` with `contents` laid over the disk: the form in which another process takes it."""
    with laid_over(contents):
        return job()


States = Mapping[str, object]
"""How all stood that was looked at, by absolute path."""

_noted: ContextVar[dict[str, object] | None] = ContextVar("what is looked at", default=None)


@contextmanager
def noted() -> Iterator[States]:
    """Collects what is read, listed or looked for within the block, as it stood before that."""
    seen: dict[str, object] = {}
    token = _noted.set(seen)
    try:
        yield seen
    finally:
        _noted.reset(token)


def state_of(path: str) -> object:
    """What stands at `path`, as far as a change of it would show: a text laid over, or the disk's.

    A change that keeps size and time of a file is not seen.
    """
    content = _laid.get().get(path)
    if content is not None:
        from hashlib import blake2b  # where nothing is laid over the disk, nobody pays for it

        return blake2b(content).digest()
    try:
        status = os.stat(path)  # noqa: PTH116 - that of Path costs more
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def stands(states: States) -> bool:
    """Whether all stands as it stood; False where nothing is known to have been looked at."""
    return bool(states) and all(state_of(path) == state for path, state in states.items())


def listed(folder: Path, pattern: str) -> list[Path]:
    """The paths in `folder` that match `pattern`, in order; also of texts that are laid over."""
    _note(folder)
    found = set(folder.glob(pattern))
    whole = Path(absolute(str(folder)))
    for path in map(Path, _laid.get()):
        if path.is_relative_to(whole) and path.relative_to(whole).match(pattern):
            below = path.relative_to(whole)
            if len(below.parts) == len(Path(pattern).parts):
                found.add(folder / below)
    return sorted(found)


def _note(path: str | os.PathLike[str]) -> None:
    seen = _noted.get()
    if seen is not None:
        whole = absolute(os.fspath(path))
        if whole not in seen:
            seen[whole] = state_of(whole)


def _content(path: str | os.PathLike[str]) -> bytes | None:
    contents = _laid.get()
    return contents.get(absolute(os.fspath(path))) if contents else None


WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf"})
"""Suffixes of files that hold weights: no text, and as large as disks are."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a regular file stands at `path`; False where nobody lets us look."""
    _note(path)
    return _content(path) is not None or os.path.isfile(path)  # noqa: PTH113 - Path's raises


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder stands at `path`; False where nobody lets us look."""
    _note(path)
    return os.path.isdir(path)  # noqa: PTH112 - that of Path raises


def read_at_most(path: Path, most: int) -> bytes:
    """The first `most` bytes of `path`. Raises `OSError` when it is no regular file."""
    _note(path)
    content = _content(path)
    if content is not None:
        return content[:most]
    with opened(path) as (stream, size):
        return read_exactly(stream, min(most, size))


@contextmanager
def opened(path: Path) -> Iterator[tuple[FileIO, int]]:
    """`path`, open for reading without a buffer, and its size: what is not asked for is not read.

    Raises `OSError` when it is no regular file.
    """
    if not stat.S_ISREG(_status(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    # Between the look and the opening a pipe may have taken the place of the file.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    with FileIO(descriptor) as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        yield stream, status.st_size


def read_exactly(stream: FileIO, wanted: int) -> bytes:
    """The next `wanted` bytes; fewer where the file ends."""
    parts: list[bytes] = []
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def holds_weights(path: Path) -> bool:
    """Whether `path` is named as a file of weights is: never to be read as text."""
    return path.suffix in WEIGHTS


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


def write_over(path: Path, content: bytes) -> None:
    """Put `content` in the place of the regular file `path`: whole or not at all, mode kept.

    Raises `OSError` when that cannot be done, or when the file lies elsewhere than it is said to: a
    link may lead out of the folder, or to a file that a cache shares between models.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "a link to another file is not written through", str(path))
    if not stat.S_ISREG(_status(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        Path(name).chmod(stat.S_IMODE(_status(path).st_mode))
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


def home() -> Path:
    """The user's home, also when there is none; then no file lies in it."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")
