"""Files that only this user's runs can have written: each is sealed and replaced atomically.

A file that is corrupt, cut off, of another version, or sealed by anybody else counts as absent.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from forgather_lint.answers.places import MARKS, is_real_folder, made
from forgather_lint.core.files import read_at_most

_FOLDER = "answers"
_MAGIC = b"forgather-lint answer 1\n"
_MAC_BYTES = 32
_LARGEST = 16 << 20
MOST_BYTES, MOST_FILES = 256 << 20, 50_000
_UNFINISHED = ".tmp"


class SealedFiles:
    """The files in the folder `place`, by key.

    `seal` is the user's key that they are sealed with.
    """

    def __init__(self, place: Path, seal: bytes) -> None:
        self.place = place
        self._folder = place / _FOLDER
        self._seal = seal
        self._written = False

    def read(self, key: bytes) -> bytes | None:
        """The content written under `key`; None where there is none that counts."""
        try:
            data = read_at_most(self._folder / key.hex(), _LARGEST)
        except (OSError, ValueError):
            return None
        head = len(_MAGIC) + _MAC_BYTES
        content = data[head:]
        if data[:head] != _MAGIC + self._mac(key, content):
            return None
        return content

    def write(self, key: bytes, content: bytes) -> None:
        """Store `content` under `key`; silently nothing where that fails."""
        if len(content) > _LARGEST // 2 or not self._is_made():
            return
        import tempfile  # a run that only reads does not pay for it

        with suppress(OSError):
            descriptor, name = tempfile.mkstemp(suffix=_UNFINISHED, dir=self._folder)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(_MAGIC + self._mac(key, content) + content)
                Path(name).replace(self._folder / key.hex())
            except BaseException:
                with suppress(OSError):
                    Path(name).unlink()
                raise
        self._written = True

    def close(self) -> None:
        """Delete the oldest files where there are too many. Only a run that has written looks."""
        if not self._written:
            return
        found = sorted(_files(self._folder), key=lambda each: each[1])
        size, count = sum(each[2] for each in found), len(found)
        if size <= MOST_BYTES and count <= MOST_FILES:
            return
        for path, _, bytes_ in found:
            with suppress(OSError):
                path.unlink()
            size, count = size - bytes_, count - 1
            if size <= MOST_BYTES * 3 // 4 and count <= MOST_FILES * 3 // 4:
                return

    def _is_made(self) -> bool:
        if self._written:
            return True
        if not made(self.place):
            return False
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
        return is_real_folder(self._folder)

    def _mac(self, key: bytes, content: bytes) -> bytes:
        # Keyed BLAKE2 is a code of authenticity; `hmac` would load OpenSSL.
        from _blake2 import blake2b

        return bytes(blake2b(key + content, key=self._seal, digest_size=_MAC_BYTES).digest())


def _files(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """The files in `folder` that this tool has written: path, time and size."""
    if not is_real_folder(folder):
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            stem = entry.name.removesuffix(_UNFINISHED)
            ours = stem != entry.name or all(letter in "0123456789abcdef" for letter in stem)
            if ours and entry.is_file(follow_symlinks=False):
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    yield Path(entry.path), status.st_mtime, status.st_size


def clean(place: Path) -> bool:
    """Delete what this tool has put into `place`, and the folder if nothing else is in it.

    Returns whether there was anything to delete.
    """
    folder = place / _FOLDER
    if not is_real_folder(place) or not is_real_folder(folder):
        return False
    for path, _, _ in list(_files(folder)):
        path.unlink()
    with suppress(OSError):  # what is not ours stays
        folder.rmdir()
        for name, text in MARKS.items():
            mark = place / name
            if mark.is_file() and mark.read_bytes() == text.encode():
                mark.unlink()
        place.rmdir()
    return True
