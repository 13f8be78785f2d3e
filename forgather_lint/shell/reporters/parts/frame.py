"""A piece of source with a marked stretch, drawn as rustc and ruff do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forgather_lint.core.printable import printable, width
from forgather_lint.core.record import record
from forgather_lint.core.source import Span
from forgather_lint.shell.reporters.parts.sources import lines_of
from forgather_lint.shell.reporters.parts.style import Style

_WIDEST = 100
_MOST_ROWS = 4
_MOST_MARKS = 8
_CUT = "..."


@record
class SourceFrame:
    """What to draw: `mark` is the character under the stretch, `text` explains it."""

    span: Span
    text: str
    mark: str
    color: str


@record
class _Piece:
    """The part of one source line that is shown; `start` and `end` are cells in `text`."""

    text: str
    start: int
    end: int


def draw(frames: Sequence[SourceFrame], gutter: int, style: Style) -> list[str]:
    """The lines of `frames`, which mark one file, beside row numbers `gutter` wide.

    None when the file is gone. Rows between two marks are left out, and marks beyond the first few.
    """
    lines = lines_of(frames[0].span.path)
    if lines is None or frames[0].span.start.row > len(lines):
        return []
    empty = _ruled("", "", gutter, style)
    drawn, last = [empty], frames[0].span.start.row
    for frame in frames[:_MOST_MARKS]:
        if frame.span.start.row > last + 1:
            drawn.append(_ruled(_CUT, "", gutter, style))
        several = frame.span.end.row > frame.span.start.row
        body = _several_rows(frame, lines, style) if several else _one_row(frame, lines, style)
        ruled = [_ruled(number, text, gutter, style) for number, text in body]
        # A row that is drawn already gets one more mark below it.
        drawn += ruled[1:] if not several and ruled[0] in drawn else ruled
        last = frame.span.end.row
    if len(frames) > _MOST_MARKS:
        drawn.append(_ruled(_CUT, f"and {len(frames) - _MOST_MARKS} more places", gutter, style))
    return [*drawn, empty]


def gutter_of(spans: list[Span]) -> int:
    """The width of the row numbers of `spans`, in digits."""
    cut = any(span.end.row - span.start.row >= _MOST_ROWS for span in spans)
    return max(len(_CUT) if cut else 0, *(len(str(span.end.row)) for span in spans))


def _one_row(frame: SourceFrame, lines: tuple[str, ...], style: Style) -> Iterator[tuple[str, str]]:
    row = frame.span.start.row
    piece = _piece(lines[row - 1], frame.span.start.column - 1, frame.span.end.column - 1)
    mark = frame.mark * max(1, piece.end - piece.start)
    yield str(row), piece.text
    yield "", " " * piece.start + style.paint(_labelled(mark, frame.text), frame.color, bold=True)


def _several_rows(
    frame: SourceFrame, lines: tuple[str, ...], style: Style
) -> Iterator[tuple[str, str]]:
    """The first and last rows, connected by a bar; in long stretches the middle is left out."""
    rows = range(frame.span.start.row, min(frame.span.end.row, len(lines)) + 1)
    shown = rows if len(rows) <= _MOST_ROWS else (*rows[:2], None, rows[-1])
    end = 0
    for row in shown:
        edge = style.paint("/" if row == rows[0] else "|", frame.color, bold=True)
        if row is None:
            yield _CUT, edge
            continue
        column = frame.span.end.column - 1 if row == rows[-1] else 0
        piece = _piece(lines[row - 1], 0, column)
        end = piece.end
        yield str(row), f"{edge} {piece.text}"
    foot = _labelled("|" + "_" * end + frame.mark, frame.text)
    yield "", style.paint(foot, frame.color, bold=True)


def _labelled(mark: str, text: str) -> str:
    return f"{mark} {printable(text)}" if text else mark


def _ruled(number: str, text: str, gutter: int, style: Style) -> str:
    edge = style.paint(f"{number:>{gutter}} |", "blue", bold=True)
    return f"{edge} {text}".rstrip()


def _piece(line: str, start: int, end: int) -> _Piece:
    """Cut `line` to about `_WIDEST` characters around the characters from `start` to `end`."""
    start, end = min(start, len(line)), min(end, len(line))
    left = max(0, start - _WIDEST // 3) if len(line) > _WIDEST else 0
    right = min(len(line), left + _WIDEST)
    head, tail = (_CUT if left else ""), (_CUT if right < len(line.rstrip("\r")) else "")
    before = head + printable(line[left:start])
    inside = printable(line[start : min(end, right)])
    after = printable(line[max(start, min(end, right)) : right].rstrip("\r"))
    cells = width(before)
    return _Piece(before + inside + after + tail, cells, cells + width(inside))
