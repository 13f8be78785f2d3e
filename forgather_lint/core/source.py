"""Places in files. All position arithmetic of the project is here."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple, Protocol

_LINE_END = re.compile(r"\r\n|\r|\n")


class Position(NamedTuple):
    """A point in a text; both numbers count from 1, columns in code points."""

    row: int
    column: int


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of one file, `end` exclusive."""

    path: str
    start: Position
    end: Position

    @property
    def span(self) -> Span:
        return self

    def __str__(self) -> str:
        return f"{self.path}:{self.start.row}:{self.start.column}"


class Place(Protocol):
    """Anything that knows where it stands.

    Positions of parsed code are computed on demand (libcst needs a walk of the whole file for
    them), so facts carry places and only a report asks for spans.
    """

    @property
    def span(self) -> Span: ...


def file_start(path: str) -> Span:
    """The first character of `path`: the place of what concerns a file as a whole."""
    return Span(path, Position(1, 1), Position(1, 1))


class Lines:
    """Where the lines of a text begin: what turns positions into offsets and back.

    A line ends with a newline, a carriage return or both, as in libcst and in editors;
    `str.splitlines` knows of more.
    """

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
        self._end = len(text)

    def offset(self, position: Position) -> int:
        """How many characters stand before `position`; the end of the text if it lies behind."""
        if position.row > len(self._starts):
            return self._end
        return min(self._starts[position.row - 1] + position.column - 1, self._end)

    def position(self, offset: int) -> Position:
        """The point with `offset` characters before it."""
        row = bisect_right(self._starts, offset)
        return Position(row, offset - self._starts[row - 1] + 1)

    def span(self, path: str, start: int, end: int) -> Span:
        """The stretch of the file `path` between two offsets."""
        return Span(path, self.position(start), self.position(end))
