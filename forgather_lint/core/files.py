"""The only way in which files of strangers are read and written.

Regular ones are opened, never past a bound. Texts may be laid over the disk: a fix that has not
been written, the buffer of an editor. Whatever reads through this module then sees those.

A pipe or a device in the place of a file would block or never end, so nothing but a regular file
is opened. What the kernel makes up (`/proc/kmsg`) calls itself regular and says that it is empty;
no more is read than a file says it has.

What is asked here is noted with the answer (`core/looks.py`): an answer of ours that is kept holds
as long as everything still stands as it stood (`stands`).
"""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from io import FileIO
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from forgather_lint.core.looks import (
    CHANGED,
    Asked,
    Content,
    Look,
    States,
    is_noting,
    note,
    unnoted,
)
from forgather_lint.core.paths import absolute
from forgather_lint.core.settings import nearest

Result = TypeVar("Result")
Laid = Mapping[str, bytes]
"""Contents by absolute path, which are read instead of what is on disk."""

_NOTHING: Laid = MappingProxyType({})
_laid: ContextVar[Laid] = ContextVar("texts laid over the disk", default=_NOTHING)


@contextmanager
def laid_over(contents: Laid) -> Iterator[None]:
    """Within the block files read as `contents` says, whatever the disk or an outer block has."""
    token = _laid.set({**_laid.get(), **contents})
    try:
        yield
    finally:
        _laid.reset(token)


def laid() -> Laid:
    """What is laid over the disk now."""
    return _laid.get()


def done_over(contents: Laid, job: Callable[[], Result]) -> Result:
    """The result of `job()`, run with `contents` laid over the disk.

    A function of its own so that it can be pickled and sent to another process.
    """
    with laid_over(contents):
        return job()


def _content(path: str | os.PathLike[str]) -> bytes | None:
    contents = _laid.get()
    return contents.get(absolute(os.fspath(path))) if contents else None


_MOST_NAMES = 1000


def near_path(path: Path) -> str:
    """The hint `, did you mean 'x'?` with the path closest in name to the missing `path`, if any.

    The first folder that is missing is put right; what was asked for below it stays if it is there.
    """
    from itertools import islice

    missing = path
    while missing != missing.parent and not missing.parent.is_dir():
        missing = missing.parent
    try:
        names = [each.name for each in islice(missing.parent.iterdir(), _MOST_NAMES)]
    except (OSError, ValueError):
        return ""
    near = nearest(missing.name, names).removeprefix(", did you mean '").removesuffix("'?")
    if not near:
        return ""
    whole = missing.parent / near / path.relative_to(missing)
    return f", did you mean '{whole if whole.exists() else missing.parent / near}'?"


WEIGHTS = frozenset({".safetensors", ".bin", ".pt", ".pth", ".gguf"})
"""Suffixes of files that hold weights. They are never read as text, and can be of any size."""


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether a regular file is at `path`; False where permissions do not let us look."""
    found = _content(path) is not None or os.path.isfile(path)  # noqa: PTH113 - Path's raises
    _note(Asked.FILE, path, found)
    return found


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is at `path`; False where permissions do not let us look."""
    found = os.path.isdir(path)  # noqa: PTH112 - that of Path raises
    _note(Asked.FOLDER, path, found)
    return found


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether anything is at `path`, links followed; False where permissions do not let us look."""
    found = _content(path) is not None or os.path.exists(path)  # noqa: PTH110 - Path's raises
    _note(Asked.THERE, path, found)
    return found


def listed(folder: Path, pattern: str) -> list[Path]:
    """The paths in `folder` that match `pattern`, sorted.

    Files that are only laid over count too.
    """
    names = _names(str(folder), pattern, {})
    if is_noting():
        _note(Asked.NAMES, folder, _digest_of(names), pattern)
    return sorted(folder / name for name in names)


Listings = dict[str, list[str]]
"""Names by folder, as already read: it saves reading a folder again for each of many patterns."""


def _names(folder: str, pattern: str, listings: Listings) -> list[str]:
    names = set(_names_on_disk(folder, pattern, listings))
    whole = Path(absolute(folder))
    for path in map(Path, _laid.get()):
        if path.is_relative_to(whole) and path.relative_to(whole).match(pattern):
            below = path.relative_to(whole)
            if pattern.startswith("**/") or len(below.parts) == len(Path(pattern).parts):
                names.add(below.as_posix())
    return sorted(names)


def _names_on_disk(folder: str, pattern: str, listings: Listings) -> Iterable[str]:
    if "/" in pattern:
        below = Path(folder)
        return (path.relative_to(below).as_posix() for path in below.glob(pattern))
    if "*" not in pattern:
        return [pattern] if os.path.exists(os.path.join(folder, pattern)) else []  # noqa: PTH110, PTH118
    if folder not in listings:
        listings[folder] = []
        with suppress(OSError, ValueError):
            listings[folder] = os.listdir(folder)  # noqa: PTH208 - `Path.glob` takes ten times that
    return fnmatch.filter(listings[folder], pattern)


def note_tree(folder: Path) -> None:
    """Note that the answer depends on all Python files one level below `folder`.

    They are noted as one digest, because there are too many to note one by one.
    """
    if is_noting():
        _note(Asked.TREE, folder, _tree(str(folder)))


def _tree(folder: str) -> object:
    """A digest of the paths and stamps of those files: none of them is read."""
    stamps: list[tuple[str, tuple[int, ...]]] = []
    with suppress(OSError), os.scandir(folder) as folders:
        for inside in folders:
            if not inside.is_dir():
                continue
            with os.scandir(inside.path) as files:
                for file in files:
                    if file.name.endswith(".py"):
                        stamp = _stamp(file.stat())
                        if stamp is None:
                            return CHANGED
                        stamps.append((file.path, stamp))
    return _digest(repr(sorted(stamps)).encode("utf-8", "surrogateescape"))


def real_path(path: str | os.PathLike[str]) -> Path:
    """Where `path` leads when links are followed."""
    found = os.path.realpath(path)  # as `Path.resolve`, for what is not there too
    _note(Asked.REAL, path, found)
    return Path(found)


def name_of(folder: str | os.PathLike[str]) -> str:
    """The name of `folder`. To be used where the answer depends on that name, which is noted."""
    whole = absolute(os.fspath(folder))
    name = os.path.basename(whole)  # noqa: PTH119 - of a text
    note(Look(Asked.NAME, whole), name)
    return name


def variable(name: str) -> str | None:
    """The value of an environment variable, None where it is not set."""
    found = os.environ.get(name)
    note(Look(Asked.VARIABLE, name), found)
    return found


def read_at_most(path: Path, most: int) -> bytes:
    """The first `most` bytes of `path`. Raises `OSError` when it is no regular file."""
    content = _content(path)
    if content is not None:
        content, size = content[:most], len(content)
        if is_noting():
            _note(Asked.CONTENT, path, Content(_digest(content), size), len(content))
        return content
    with opened(path) as file:
        return file.read(min(most, file.size))


class OpenFile:
    """A file read from its beginning without a buffer: nothing is read that is not asked for.

    `size` is how many bytes the file says it has.
    """

    def __init__(self, stream: FileIO, status: os.stat_result) -> None:
        self.size = status.st_size
        self.status = status
        self._stream = stream
        self.parts: list[bytes] = []

    def read(self, wanted: int) -> bytes:
        """The next `wanted` bytes; fewer where the file ends."""
        part = read_exactly(self._stream, wanted)
        self.parts.append(part)
        return part


@contextmanager
def opened(path: Path) -> Iterator[OpenFile]:
    """`path`, open for reading. Raises `OSError` when it is no regular file."""
    try:
        descriptor = _descriptor(path)
    except OSError as error:
        _note(Asked.CONTENT, path, error.errno, 0)
        raise
    with FileIO(descriptor) as stream:
        file = OpenFile(stream, os.fstat(descriptor))
        if not stat.S_ISREG(file.status.st_mode):
            raise _not_regular(path)
        try:
            yield file
        finally:
            if is_noting():
                read = b"".join(file.parts)
                state = Content(_digest(read), file.size, _stamp(file.status))
                _note(Asked.CONTENT, path, state, len(read))


def stands(states: States) -> bool:
    """Whether everything in `states` is still so; False for no states, as nothing is then known."""
    listings: Listings = {}
    return bool(states) and all(
        look_again(look, state, listings) == state for look, state in states.items()
    )


def look_again(look: Look, before: object, listings: Listings | None = None) -> object:
    """The state that the question `look` is answered with now.

    `before` is the earlier state: a file whose stamp is still the same is not read again.
    `listings` keeps the names of folders between calls.
    """
    with unnoted():
        return _now(look, before, {} if listings is None else listings)


def _now(look: Look, before: object, listings: Listings) -> object:
    asked, path, detail = look
    match asked:
        case Asked.CONTENT:
            return _content_now(path, int(detail), before)
        case Asked.FILE:
            return _content(path) is not None or os.path.isfile(path)  # noqa: PTH113
        case Asked.FOLDER:
            return os.path.isdir(path)  # noqa: PTH112
        case Asked.THERE:
            return _content(path) is not None or os.path.exists(path)  # noqa: PTH110
        case Asked.NAMES:
            return _digest_of(_names(path, str(detail), listings))
        case Asked.TREE:
            return _tree(path)
        case Asked.REAL:
            return os.path.realpath(path)
        case Asked.NAME:
            return before  # it is part of the question
        case Asked.VARIABLE:
            return os.environ.get(path)
    # Few models ask for packages, and only projects for the machine.
    from forgather_lint.core import installed

    if asked is Asked.HOST:
        return installed.host_now()
    return installed.is_there(path) if asked is Asked.PACKAGE else installed.release_now(path)


def _content_now(path: str, wanted: int, before: object) -> object:
    laid_here = _content(path)
    if laid_here is not None:
        return Content(_digest(laid_here[:wanted]), len(laid_here))
    if isinstance(before, Content) and before.stamp is not None:
        with suppress(OSError, ValueError):
            if before.stamp == _marks(os.stat(path)):  # noqa: PTH116 - that of Path costs more
                return before
    try:
        with opened(Path(path)) as file:
            return Content(_digest(file.read(wanted)), file.size)
    except OSError as error:
        return error.errno


_TOO_YOUNG = 2_000_000_000
"""Nanoseconds in which two changes may get the same time stamp; FAT has the coarsest clock."""


def _stamp(status: os.stat_result) -> tuple[int, ...] | None:
    """What tells that a file is unchanged.

    None where it is so new that a second change might not show.

    `st_ctime` is part of it because whoever changes a file cannot set it (on Windows it is the time
    of creation, and is left out).
    """
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    if os.name == "nt" or time.time_ns() - latest < _TOO_YOUNG:
        return None
    return _marks(status)


def _marks(status: os.stat_result) -> tuple[int, ...]:
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev


def _digest(data: bytes) -> bytes:
    # `hashlib` loads OpenSSL, which costs a tenth of a short run.
    from _blake2 import blake2b

    return bytes(blake2b(data, digest_size=20).digest())


def _digest_of(names: Iterable[str]) -> bytes:
    return _digest("\0".join(names).encode("utf-8", "surrogateescape"))


def _note(
    asked: Asked, path: str | os.PathLike[str], state: object, detail: str | int = ""
) -> None:
    if is_noting():
        note(Look(asked, absolute(os.fspath(path)), detail), state)


def _descriptor(path: Path) -> int:
    if not stat.S_ISREG(_status(path).st_mode):
        raise _not_regular(path)
    # Between the look and the opening a pipe may have taken the place of the file.
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))


def _not_regular(path: Path) -> OSError:
    return OSError(errno.EINVAL, "not a regular file", str(path))


def read_exactly(stream: FileIO, wanted: int) -> bytes:
    """The next `wanted` bytes; fewer where the file ends."""
    parts: list[bytes] = []
    while wanted and (part := stream.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def holds_weights(path: Path) -> bool:
    """Whether `path` has the name of a file of weights, which is never to be read as text."""
    return path.suffix in WEIGHTS


def _status(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except ValueError as error:  # a NUL in the name
        raise OSError(errno.EINVAL, str(error), str(path)) from error


def leaves(path: Path) -> bool:
    """Whether `path` is a link that leads out of its folder.

    Links to `../../blobs`, as in snapshots of the Hugging Face cache, do not count as leading out.
    """
    here = real_path(path.parent)
    inside = here.parents[1] if here.parent.name == "snapshots" else here
    return not real_path(path).is_relative_to(inside)


NOT_SEARCHED = frozenset({"__pycache__", "node_modules", "site-packages"})
"""Names of folders that are never searched: they hold no models to be checked."""


def searched(
    root: Path,
    excluded: Callable[[str], bool],
    skipped: Collection[str] = (),
    hidden: Collection[str] = (),
) -> Iterator[tuple[Path, list[str]]]:
    """`root` and the folders below it, by name, each with the names of its files.

    Links are not followed. Left out are hidden folders but those named in `hidden`, and folders
    that are `excluded` by their path or `skipped` by their name.
    """
    for folder, names, files in os.walk(root):
        names[:] = sorted(
            name
            for name in names
            if (not name.startswith(".") or name in hidden)
            and name not in NOT_SEARCHED
            and name not in skipped
            and not excluded(str(Path(folder, name)))
        )
        yield Path(folder), files


def write_over(path: Path, content: bytes) -> None:
    """Replace the content of the regular file `path`, atomically and keeping its mode.

    Raises `OSError` when that cannot be done, or when `path` is reached through a link: it may lead
    out of the folder, or to a file that a cache shares between models.
    """
    if path.is_symlink():
        raise OSError(errno.ELOOP, "a link to another file is not written through", str(path))
    if not stat.S_ISREG(_status(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    import tempfile  # few runs write, and it loads a dozen modules

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
    """The user's home directory; for a user without one, a path at which no file can be."""
    variable("HOME")
    try:
        return Path.home()
    except RuntimeError:
        return Path("/nonexistent")
