"""What must hold for every input: nothing forbidden is done, and it ends in time.

No file but the tool's own is opened, nothing is written, there is no socket, no process, and no
error that the tool did not intend. Python tells an audit hook of all of these before they happen.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (
    *("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn"),
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"),
    *("os.chmod", "os.chown", "os.kill", "os.putenv", "shutil.", "tempfile.", "ctypes.dlopen"),
    *("pty.spawn", "webbrowser.", "ftplib.", "smtplib.", "urllib.", "http.", "os.startfile"),
)
_PLACES: tuple[str, ...] = (str(_ROOT), sys.prefix, sys.base_prefix, *sys.path, "/proc/self")
_READABLE = tuple(os.path.realpath(each) for each in (*_PLACES, tempfile.gettempdir()))
_seen: list[str] | None = None
_installed = False


@contextmanager
def watched() -> Iterator[list[str]]:
    """Collects what is done within the block and must not be.

    Byte code of modules that the block imports first is not written: that would not be the input's
    doing.
    """
    global _installed, _seen
    if not _installed:
        sys.addaudithook(_hook)
        _installed = True
    found: list[str] = []
    keeps_none = sys.dont_write_bytecode
    _seen, sys.dont_write_bytecode = found, True
    try:
        yield found
    finally:
        _seen, sys.dont_write_bytecode = None, keeps_none


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _seen is None:
        return
    if event == "open":
        told = _of_opening(*arguments[:3])
    else:
        told = event if event.startswith(_FORBIDDEN) else None
    if told is not None:
        _seen.append(f"{told} {arguments[:1]!r:.80}".strip())


def _of_opening(path: object, mode: object, flags: object) -> str | None:
    written = isinstance(flags, int) and flags & _WRITES
    if written or (isinstance(mode, str) and set(mode) & set("wax+")):
        return "opens to write"
    if isinstance(path, int):
        return None
    name = os.path.realpath(os.fsdecode(path)) if isinstance(path, str | bytes) else ""
    return None if name.startswith(_READABLE) else "opens"
