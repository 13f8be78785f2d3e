"""Places in files. All position arithmetic of the project is here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
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

    @property
    def identity(self) -> Hashable:
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

    @property
    def identity(self) -> Hashable:
        """Equal for equal places, and known without their positions."""


def file_start(path: str) -> Span:
    """The first character of `path`: the place of what concerns a file as a whole."""
    return Span(path, Position(1, 1), Position(1, 1))


class ColumnUnit(StrEnum):
    """What a column is counted in: code points here, UTF-16 units in most editors."""

    BYTE = "utf-8"
    UTF16 = "utf-16"
    CODE_POINT = "utf-32"

    def length(self, text: str) -> int:
        """The length of `text` in this unit."""
        if text.isascii() or self is ColumnUnit.CODE_POINT:
            return len(text)
        encoding = "utf-8" if self is ColumnUnit.BYTE else "utf-16-le"
        size = len(text.encode(encoding, "surrogatepass"))
        return size if self is ColumnUnit.BYTE else size // 2

    def code_points(self, text: str, units: int) -> int:
        """How many code points the first `units` of `text` hold.

        One that is cut in two is not counted.
        """
        if text.isascii() or self is ColumnUnit.CODE_POINT:
            return min(units, len(text))
        for index, letter in enumerate(text):
            units -= self.length(letter)
            if units < 0:
                return index
        return len(text)


class Lines:
    """Where the lines of a text begin: what turns positions into offsets and back.

    A line ends with a newline, a carriage return or both, as in libcst and in editors;
    `str.splitlines` knows of more.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]
        self._end = len(text)

    def offset(self, position: Position) -> int:
        """How many characters are before `position`.

        The length of the text if it lies behind the end.
        """
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

    def row(self, row: int) -> str:
        """The text of `row` with its line end; empty behind the last."""
        if row > len(self._starts):
            return ""
        end = self._starts[row] if row < len(self._starts) else self._end
        return self._text[self._starts[row - 1] : end]

    def units_before(self, position: Position, unit: ColumnUnit) -> int:
        """How many of `unit` are before `position` in its row."""
        return unit.length(self.row(position.row)[: position.column - 1])

    def position_behind(self, row: int, units: int, unit: ColumnUnit) -> Position:
        """The point in `row` with `units` of `unit` before it; at most the end of the row."""
        text = self.row(row).rstrip("\r\n")
        return Position(row, unit.code_points(text, units) + 1)
