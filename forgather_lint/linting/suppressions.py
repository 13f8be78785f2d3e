"""Comments that silence findings: which there are, what each covers, which cover nothing.

    x = 1  # forgather-lint: ignore[CODE] with a reason if you like
    x = 1  # noqa: CODE
    # forgather-lint: ignore[CODE]      alone on a line, for the next line
    # forgather-lint: file-ignore[CODE]
    # forgather-lint: disable[CODE]     alone on a line, up to `enable[CODE]` or the end

A code may also be the name of its rule. A bare `# noqa` silences everything, as in ruff. A comment
counts on the first or the last line of the finding. A JSON file has no comments: those of the file
beside it, `config.json.forgather-lint` for `config.json`, speak for all of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.files import is_file
from forgather_lint.core.record import record
from forgather_lint.core.source import Position, Span
from forgather_lint.documents.comments import BESIDE, Comment, comments_of
from forgather_lint.documents.discover import CONFIG
from forgather_lint.facts import UnusedSuppression
from forgather_lint.linting.registry import selector

ReadText = Callable[[str], str | None]
Checked = Callable[[str, str], bool]

_PREFIX = "FGL"
_OWN = re.compile(
    r"#\s*forgather-lint:\s*(file-ignore|ignore|disable|enable)\b(?:\[([^\[\]#]*)\])?"
)
_NOQA = re.compile(r"#\s*noqa\b(\s*:)?[ \t]*([A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)?", re.I)


@record
class Suppression:
    """A comment that suppresses findings: `rows` None for the whole file, `codes` None for all.

    `written` are the codes as spelt in the comment, which may be names of rules. Where it opens a
    range, `last` is the last row of that.
    """

    span: Span
    rows: frozenset[int] | None
    codes: tuple[str, ...] | None
    written: tuple[str, ...] = ()
    last: int | None = None


def apply(
    diagnostics: Iterable[Diagnostic], files: Iterable[str], read_text: ReadText, checked: Checked
) -> tuple[list[Diagnostic], list[UnusedSuppression]]:
    """The `diagnostics` that are not suppressed, and the comments in `files` that suppress nothing.

    `read_text` returns None for a file that cannot be read. A code for which `checked(path, code)`
    is false did not run, so its comments are not called unused.
    """
    found = list(diagnostics)
    named = [*files, *(diagnostic.span.path for diagnostic in found)]
    paths = dict.fromkeys([*named, *_configs_beside(files)])
    comments = {path: _Comments(_all_for(path, read_text)) for path in paths}
    kept: list[Diagnostic] = []
    used: set[tuple[Span, str]] = set()
    for diagnostic in found:
        covering = list(comments[diagnostic.span.path].covering(diagnostic))
        used.update((comment.span, diagnostic.code) for comment in covering)
        if not covering:
            kept.append(diagnostic)
    unused = [
        UnusedSuppression(comment.span, written)
        for path in paths
        for comment in comments[path].all
        for code, written in _idle(comment, used)
        if not code or checked(path, code)
    ]
    return kept, unused


def _configs_beside(files: Iterable[str]) -> Iterator[str]:
    """The config.json of the models that `files` belong to, if comments lie beside it."""
    for folder in dict.fromkeys(Path(file).parent for file in files):
        config = folder / CONFIG
        if is_file(f"{config}{BESIDE}"):
            yield str(config)


def _all_for(path: str, read_text: ReadText) -> list[Suppression]:
    if path.endswith(".json"):
        return suppressions(f"{path}{BESIDE}", read_text(f"{path}{BESIDE}") or "")
    return suppressions(path, read_text(path) or "")


class _Comments:
    """The suppressions of one file, by the rows that they cover."""

    def __init__(self, found: list[Suppression]) -> None:
        self.all = found
        self.by_row: dict[int | None, list[Suppression]] = {}
        self.ranges = [each for each in found if each.last is not None]
        for each in found:
            if each.last is None:
                for row in (None,) if each.rows is None else each.rows:
                    self.by_row.setdefault(row, []).append(each)

    def covering(self, found: Diagnostic) -> Iterator[Suppression]:
        """The comments that suppress `found`, a finding of this file."""
        for row in {None, found.span.start.row, found.span.end.row}:
            for each in self.by_row.get(row, ()):
                if each.codes is None or found.code in each.codes:
                    yield each
        for each in self.ranges:
            inside = each.span.start.row < found.span.start.row <= (each.last or 0)
            if inside and found.code in (each.codes or ()):
                yield each


def suppressions(path: str, text: str) -> list[Suppression]:
    """The suppressions in the comments of `text`."""
    if "noqa" not in text.lower() and "forgather-lint:" not in text:
        return []  # tokenizing costs more than all the rest of this module
    found: list[Suppression] = []
    open_ranges: dict[tuple[str, ...], int] = {}
    last = text.count("\n") + 1
    for comment in comments_of(path, text):
        for each, ends in _read(path, comment):
            opened = open_ranges.pop(each.codes or (), None) if ends or each.last else None
            if opened is not None:
                found[opened] = replace(found[opened], last=comment.row)
            if each.last is not None:
                open_ranges[each.codes or ()] = len(found)
                each = replace(each, last=last)
            if not (ends and opened is not None):
                found.append(each)
    return found


def _read(path: str, comment: Comment) -> Iterator[tuple[Suppression, bool]]:
    """The suppressions in `comment`, each with whether it ends a range."""
    for match in _OWN.finditer(comment.text):
        span, kind = _span(path, comment, match), match[1]
        written = tuple(re.findall(r"[\w-]+", match[2] or ""))
        codes = tuple(map(selector, written))
        if kind in ("disable", "enable"):
            ends = kind == "enable"
            for code, word in zip(codes, written, strict=True):
                last = None if ends else comment.row
                yield Suppression(span, frozenset(), (code,), (word,), last), ends
            if not codes:
                yield Suppression(span, frozenset(), ()), False
        else:
            whole = kind == "file-ignore" or path.endswith(BESIDE)
            rows = None if whole else frozenset({comment.row, comment.speaks_for})
            yield Suppression(span, rows, codes, written), False
    for match in _NOQA.finditer(comment.text):
        codes = tuple(re.findall(r"\w+", (match[2] or "").upper()))
        if match[1] is None:
            yield Suppression(_span(path, comment, match), frozenset({comment.row}), None), False
        elif ours := tuple(code for code in codes if code.startswith(_PREFIX)):
            rows = frozenset({comment.row})
            yield Suppression(_span(path, comment, match), rows, ours, ours), False


def _span(path: str, comment: Comment, match: re.Match[str]) -> Span:
    start, end = (comment.column + offset for offset in match.span())
    return Span(path, Position(comment.row, start), Position(comment.row, end))


def _idle(comment: Suppression, used: set[tuple[Span, str]]) -> Iterator[tuple[str, str]]:
    """The codes of `comment` that suppress nothing, each also as it is written there.

    `used` holds the comments and codes that suppress something.
    """
    if comment.codes is None:
        return  # without codes it may serve another tool
    if not comment.codes:
        yield "", ""
    for code, written in zip(comment.codes, comment.written, strict=True):
        if (comment.span, code) not in used:
            yield code, written
