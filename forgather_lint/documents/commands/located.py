"""Text whose characters know their places in the file, also when taken out of another format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span

START = Position(1, 1)


@record
class Located:
    """`text`, with the place of each of its characters in the file `path`."""

    path: str
    text: str
    at: tuple[Position, ...]

    def span(self, start: int, end: int) -> Span:
        """The span of the characters from `start` up to, not including, `end`."""
        if not self.at:
            return Span(self.path, Position(1, 1), Position(1, 1))
        first = self.at[min(start, len(self.at) - 1)]
        row, column = self.at[min(max(end, start + 1), len(self.at)) - 1]
        return Span(self.path, first, Position(row, column + 1))

    def part(self, start: int, end: int) -> Located:
        """The characters from `start` up to, not including, `end`."""
        return Located(self.path, self.text[start:end], self.at[start:end])

    def instead(self, index: int, text: str) -> Located:
        """`text` for what begins at `index`, all of its characters at that place."""
        place = self.at[min(index, len(self.at) - 1)] if self.at else START
        return Located(self.path, text, (place,) * len(text))

    def rewritten(self, pattern: re.Pattern[str], to: Callable[[re.Match[str]], str]) -> Located:
        """The text with what `to` says for each match, all of it where the match begins."""
        parts: list[Located] = []
        done = 0
        for found in pattern.finditer(self.text):
            parts += (self.part(done, found.start()), self.instead(found.start(), to(found)))
            done = found.end()
        parts.append(self.part(done, len(self.text)))
        text = "".join(part.text for part in parts)
        return Located(self.path, text, tuple(each for part in parts for each in part.at))

    def without(self, gone: Iterable[int]) -> Located:
        """All characters but those at the indices `gone`."""
        lost = set(gone)
        kept = [index for index in range(len(self.text)) if index not in lost]
        text = "".join(self.text[index] for index in kept)
        return Located(self.path, text, tuple(self.at[index] for index in kept))


def located(path: str, text: str, first: Position = START) -> Located:
    """`text` as it is found in `path`, its first character at `first`."""
    at = []
    row, column = first
    for letter in text:
        at.append(Position(row, column))
        row, column = (row + 1, 1) if letter == "\n" else (row, column + 1)
    return Located(path, text, tuple(at))
