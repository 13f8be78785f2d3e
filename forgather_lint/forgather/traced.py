"""Text that remembers which template row each stretch of it came from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple, SupportsIndex


class TemplateLine(NamedTuple):
    """A line of a template, both as Jinja saw them (line counts from 1)."""

    template: str
    line: int


class TextRun(NamedTuple):
    """A stretch of text from one place.

    In a `literal` run the text itself is in the template, so that each newline in it is a newline
    there; otherwise the whole run was computed by the expression on that line.
    """

    length: int
    origin: TemplateLine
    literal: bool


class Traced(str):
    """A string with the origins of its stretches; stretches without one are ordinary text."""

    __slots__ = ("_ends", "runs")

    runs: tuple[TextRun | int, ...]
    _ends: list[int] | None

    def __new__(cls, text: str, runs: tuple[TextRun | int, ...]) -> Traced:
        made = super().__new__(cls, text)
        made.runs, made._ends = runs, None
        return made

    def __str__(self) -> str:
        # str() of a subclass would otherwise drop the origins on the way through Jinja.
        return self

    @property
    def plain(self) -> str:
        """The text alone."""
        return str.__str__(self)

    def origin_at(self, offset: int) -> TemplateLine | None:
        """Where the character at `offset` was written."""
        ends = self._run_ends()
        index = bisect_right(ends, offset)
        run = self.runs[index] if index < len(self.runs) else 0
        if isinstance(run, int):
            return None
        if not run.literal:
            return run.origin
        return _advance(run.origin, self.count("\n", ends[index] - run.length, offset))

    def cut(self, start: int, stop: int) -> Traced:
        """The characters from `start` to `stop`, with their origins."""
        return Traced(str.__getitem__(self, slice(start, stop)), tuple(self._cut(start, stop)))

    def trimmed(self, characters: str | None = None) -> Traced:
        """Like `str.strip`."""
        start = len(self) - len(self.lstrip(characters))
        return self.cut(start, start + len(self.strip(characters)))

    def lines(self) -> list[Traced]:
        """Like `str.splitlines(keepends=True)`."""
        pieces = self.splitlines(keepends=True)
        starts = accumulate((len(piece) for piece in pieces), initial=0)
        return [self.cut(start, start + len(p)) for start, p in zip(starts, pieces, strict=False)]

    def _run_ends(self) -> list[int]:
        if self._ends is None:
            self._ends = list(accumulate(_length(run) for run in self.runs))
        return self._ends

    def _cut(self, start: int, stop: int) -> Iterator[TextRun | int]:
        ends = self._run_ends()
        for index in range(bisect_right(ends, start), len(ends)):
            run, end = self.runs[index], ends[index]
            begin = end - _length(run)
            if begin >= stop:
                return
            left, right = max(start, begin), min(stop, end)
            yield _shorten(run, right - left, self.count("\n", begin, left))


def place(text: str, origin: TemplateLine, *, literal: bool = False) -> Traced:
    """`text` as written at `origin`; text that already has origins keeps them."""
    if isinstance(text, Traced):
        return text
    return Traced(text, (TextRun(len(text), origin, literal),) if text else ())


def join(pieces: Iterable[str], separator: str = "") -> Traced:
    """Like `separator.join(pieces)`."""
    runs: list[TextRun | int] = []
    texts: list[str] = []
    for piece in pieces:
        if texts and separator:
            runs.append(len(separator))
        texts.append(piece)
        if isinstance(piece, Traced):
            runs += piece.runs
        elif piece:
            runs.append(len(piece))
    return Traced(separator.join(texts), tuple(runs))


def indented(text: str, indent: str) -> str:
    """`text` with `indent` before every line but the first and blank ones (Jinja's `indent`)."""
    if not isinstance(text, Traced):
        return text
    first, *rest = text.lines() or [text]
    return join([first, *(part for line in rest for part in _after(indent, line))])


def _after(indent: str, line: Traced) -> tuple[str, ...]:
    return (indent, line) if line.strip("\r\n") else (line,)


def _length(run: TextRun | int) -> int:
    return run if isinstance(run, int) else run.length


def _shorten(run: TextRun | int, length: SupportsIndex, newlines: int) -> TextRun | int:
    if isinstance(run, int):
        return int(length)
    origin = _advance(run.origin, newlines) if run.literal else run.origin
    return TextRun(int(length), origin, run.literal)


def _advance(origin: TemplateLine, newlines: int) -> TemplateLine:
    return TemplateLine(origin.template, origin.line + newlines)
