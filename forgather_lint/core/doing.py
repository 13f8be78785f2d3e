"""What the analysis is doing, written where another process can read it after this one died."""

from __future__ import annotations

import mmap
from pathlib import Path

_SIZE = 512


class Board:
    """A line of text in memory that two processes share.

    With `file` the memory is that file, and any process may open it. Without, it is anonymous, and
    only a process forked after the board was made shares it.
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
        """Replace the line by `text`."""
        data = text.encode("utf-8", "replace")[: _SIZE - 1]
        self._memory[: len(data) + 1] = data + b"\0"

    def read(self) -> str:
        """The line that was written last."""
        return self._memory[:_SIZE].partition(b"\0")[0].decode("utf-8", "replace")


_board: Board | None = None


def show_on(board: Board) -> None:
    """From now on `now` writes to `board`."""
    global _board
    _board = board


def now(text: str) -> None:
    """Say what is done next, such as `reading config.json`. Does nothing before `show_on`."""
    if _board is not None:
        _board.write(text)
