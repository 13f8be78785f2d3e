"""Comments that silence findings: which there are, what each covers, which cover nothing.

    x = 1  # forgather-lint: ignore[FGL101] with a reason if you like
    x = 1  # noqa: FGL101
    # forgather-lint: ignore[FGL101]      alone on a line, for the next line
    # forgather-lint: file-ignore[FGL101]

A bare `# noqa` silences everything, as in ruff. A comment counts on the first or the last line of
the finding. A JSON file has no comments: use `per-file-ignores`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span
from forgather_lint.documents.comments import Comment, comments_of
from forgather_lint.facts import UnusedSuppression

ReadText = Callable[[str], str | None]
Checked = Callable[[str, str], bool]

_PREFIX = "FGL"
_OWN = re.compile(r"#\s*forgather-lint:\s*(file-)?ignore\b(?:\[([^\[\]#]*)\])?")
_NOQA = re.compile(r"#\s*noqa\b(\s*:)?[ \t]*([A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?", re.I)


@record
class Suppression:
    """A comment that silences: `rows` is None for the whole file, `codes` for all codes."""

    span: Span
    rows: frozenset[int] | None
    codes: tuple[str, ...] | None


def apply(
    diagnostics: Iterable[Diagnostic], files: Iterable[str], read_text: ReadText, checked: Checked
) -> tuple[list[Diagnostic], list[UnusedSuppression]]:
    """What remains of `diagnostics`, and which comments in `files` silenced nothing.

    `read_text` returns None for a file that cannot be read. A code for which `checked(path,
    code)` is false did not run, so its comments are not called unused.
    """
    found = list(diagnostics)
    paths = dict.fromkeys([*files, *(diagnostic.span.path for diagnostic in found)])
    comments = {path: _Comments(suppressions(path, read_text(path) or "")) for path in paths}
    kept: list[Diagnostic] = []
    used: set[tuple[Span, str]] = set()
    for diagnostic in found:
        covering = list(comments[diagnostic.span.path].covering(diagnostic))
        used.update((comment.span, diagnostic.code) for comment in covering)
        if not covering:
            kept.append(diagnostic)
    unused = [
        UnusedSuppression(comment.span, code)
        for path in paths
        for comment in comments[path].all
        for code in _idle(comment, used)
        if not code or checked(path, code)
    ]
    return kept, unused


class _Comments:
    """The suppressions of one file, by the rows that they cover."""

    def __init__(self, found: list[Suppression]) -> None:
        self.all = found
        self.by_row: dict[int | None, list[Suppression]] = {}
        for each in found:
            for row in (None,) if each.rows is None else each.rows:
                self.by_row.setdefault(row, []).append(each)

    def covering(self, found: Diagnostic) -> Iterator[Suppression]:
        """The comments that silence `found`, a finding of this file."""
        for row in {None, found.span.start.row, found.span.end.row}:
            for each in self.by_row.get(row, ()):
                if each.codes is None or found.code in each.codes:
                    yield each


def suppressions(path: str, text: str) -> list[Suppression]:
    """The suppressions that stand in the comments of `text`."""
    if "noqa" not in text.lower() and "forgather-lint:" not in text:
        return []  # tokenizing costs more than all the rest of this module
    return [found for comment in comments_of(path, text) for found in _read(path, comment)]


def _read(path: str, comment: Comment) -> Iterator[Suppression]:
    for match in _OWN.finditer(comment.text):
        codes = tuple(re.findall(r"\w+", match[2] or ""))
        rows = frozenset({comment.row, comment.speaks_for})
        yield Suppression(_span(path, comment, match), None if match[1] else rows, codes)
    for match in _NOQA.finditer(comment.text):
        codes = tuple(re.findall(r"\w+", (match[2] or "").upper()))
        if match[1] is None:
            yield Suppression(_span(path, comment, match), frozenset({comment.row}), None)
        elif ours := tuple(code for code in codes if code.startswith(_PREFIX)):
            yield Suppression(_span(path, comment, match), frozenset({comment.row}), ours)


def _span(path: str, comment: Comment, match: re.Match[str]) -> Span:
    start, end = (comment.column + offset for offset in match.span())
    return Span(path, Position(comment.row, start), Position(comment.row, end))


def _idle(comment: Suppression, used: set[tuple[Span, str]]) -> Iterator[str]:
    """The codes of `comment` that silence nothing; `used` holds the comments and codes that do."""
    if comment.codes is None:
        return  # without codes it may serve another tool
    if not comment.codes:
        yield ""
    yield from (code for code in comment.codes if (comment.span, code) not in used)
