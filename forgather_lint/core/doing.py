"""What the analysis is at, written where it can be read when its process is no more."""

from __future__ import annotations

import mmap
from pathlib import Path

_SIZE = 512


class Board:
    """A line that two processes share.

    Without `file` one must be forked from the other after this was made.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is None:
            self._memory = mmap.mmap(-1, _SIZE)
            return
        if not file.exists():
            file.write_bytes(bytes(_SIZE))
        with file.open("r+b") as stream:
            self._memory = mmap.mmap(stream.fileno(), _SIZE)

    def write(self, text: str) -> None:
        """Put `text` in the place of what stands there."""
        data = text.encode("utf-8", "replace")[: _SIZE - 1]
        self._memory[: len(data) + 1] = data + b"\0"

    def read(self) -> str:
        """What was written last."""
        return self._memory[:_SIZE].partition(b"\0")[0].decode("utf-8", "replace")


_board: Board | None = None


def show_on(board: Board) -> None:
    """Write to `board` from now on."""
    global _board
    _board = board


def now(text: str) -> None:
    """Say what is done next, such as `reading config.json`."""
    if _board is not None:
        _board.write(text)
