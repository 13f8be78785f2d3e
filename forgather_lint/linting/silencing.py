"""The edit that adds a suppression comment for a finding."""

from __future__ import annotations

from forgather_lint.core.diagnostics import Diagnostic, ResolvedEdit
from forgather_lint.core.source import Lines, Position, Span
from forgather_lint.linting.suppressions import Suppression, suppressions


def silenced(text: str, found: Diagnostic) -> ResolvedEdit | None:
    """The edit that adds a comment suppressing `found`, or widens the one that is there.

    None in a format without comments, or where the line ends inside a string.
    """
    path, lines = found.span.path, Lines(text)
    there = suppressions(path, text)
    for row in dict.fromkeys((found.span.end.row, found.span.start.row)):
        line = lines.row(row).rstrip("\r\n")
        known = _own(there, row, line)
        if known is not None:
            codes = ", ".join((*known.written, found.code))
            edit = ResolvedEdit(known.span, f"# forgather-lint: ignore[{codes}]")
        else:
            end = Position(row, len(line) + 1)
            gap = "  " if line and not line.endswith(" ") else ""
            comment = f"{gap}# forgather-lint: ignore[{found.code}]"
            edit = ResolvedEdit(Span(path, end, end), comment)
        if not line.startswith("#!") and _is_read(text, edit, found):
            return edit
    return None


def silenced_above(text: str, found: Diagnostic) -> ResolvedEdit | None:
    """Like `silenced`, but on a line of its own above: for a line that ends inside a string."""
    row, path = found.span.start.row, found.span.path
    line = Lines(text).row(row)
    start = Position(row, 1)
    if line.startswith("#!"):
        return None
    indent = line[: len(line) - len(line.lstrip())].rstrip("\r\n")
    end = "\r\n" if line.endswith("\r\n") else "\n"
    comment = f"{indent}# forgather-lint: ignore[{found.code}]{end}"
    edit = ResolvedEdit(Span(path, start, start), comment)
    return edit if _is_read(text, edit, found, moved=not found.of_whole_file) else None


def _own(there: list[Suppression], row: int, line: str) -> Suppression | None:
    """The comment of this tool, at the end of `row` or above, that suppresses single findings."""
    for each in there:
        at_end = each.span.start.row == row and each.rows is not None
        if each.codes and at_end and each.last is None and row in (each.rows or ()):
            behind = line[each.span.start.column - 1 :]
            if behind.startswith("# forgather-lint:"):
                return each
    return None


def _is_read(text: str, edit: ResolvedEdit, found: Diagnostic, *, moved: bool = False) -> bool:
    """Whether `edit` suppresses `found`; with `moved`, `found` is then one row further down."""
    lines = Lines(text)
    start, end = lines.offset(edit.span.start), lines.offset(edit.span.end)
    after = text[:start] + edit.content + text[end:]
    rows = {found.span.start.row + moved, found.span.end.row + moved}
    return any(
        each.codes is not None and found.code in each.codes and rows & (each.rows or frozenset())
        for each in suppressions(found.span.path, after)
    )
