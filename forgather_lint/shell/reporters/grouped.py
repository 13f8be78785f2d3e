"""The findings of each file under its name."""

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
    """A block for each file, an empty line after it, then the summary."""
    by_file: dict[str, list[Diagnostic]] = {}
    for found in run.told:
        by_file.setdefault(found.span.path, []).append(found)
    for path, group in by_file.items():
        yield style.paint(beginning(style.path(path)), bold=True) + ":"
        places = [f"{found.span.start.row}:{found.span.start.column}" for found in group]
        width = max(map(len, places))
        for found, place in zip(group, places, strict=True):
            yield f"  {place:<{width}}  {_told(found, run, style)}"
        yield ""
    if not style.quiet:
        yield from release_table(run, style)
        yield from told_of_fixed(run)
        yield from summary(run, style)


def _told(found: Diagnostic, run: Run, style: Style) -> str:
    code = style.paint(found.code, SEVERITY_COLOR[found.severity], bold=True)
    word = "" if found.severity is Severity.ERROR else f"{found.severity}: "
    also = f" (also at {also_at(found)})" if found.places else ""
    return f"{code} [{found.name}] {mark(found, run, style)}{word}{printable(found.message)}{also}"
