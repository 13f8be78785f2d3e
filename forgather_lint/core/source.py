"""Places in files. All position arithmetic of the project is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


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
