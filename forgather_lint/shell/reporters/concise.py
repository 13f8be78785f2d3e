"""One line per finding: `path:row:column: CODE [name] message`."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.printable import beginning, printable
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.fixes import mark, told_of_fixed
from forgather_lint.shell.reporters.parts.releases import release_table
from forgather_lint.shell.reporters.parts.style import SEVERITY_COLOR, Style
from forgather_lint.shell.reporters.parts.summary import summary
from forgather_lint.shell.reporters.parts.words import also_at


def render(run: Run, style: Style) -> Iterator[str]:
    """The headlines, then the summary."""
    for found in run.told:
        also = f" (also at {also_at(found)})" if found.places else ""
        yield headline(found, style, mark(found, run, style)) + also
    if not style.quiet:
        yield from release_table(run, style)
        yield from told_of_fixed(run)
        yield from summary(run, style)


def headline(found: Diagnostic, style: Style, mark: str = "") -> str:
    """Place, rule and message; the severity is told unless it is error.

    `mark` precedes the message.
    """
    row, column = found.span.start
    place = f"{style.paint(beginning(style.path(found.span.path)), bold=True)}:{row}:{column}:"
    code = style.paint(found.code, SEVERITY_COLOR[found.severity], bold=True)
    word = "" if found.severity is Severity.ERROR else f"{found.severity}: "
    return f"{place} {code} [{found.name}] {mark}{word}{printable(found.message)}"
