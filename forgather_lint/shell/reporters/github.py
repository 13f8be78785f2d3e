"""Workflow commands that GitHub Actions turns into annotations."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.about import NAME
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.concise import headline
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.verdict import lines_of
from forgather_lint.shell.reporters.parts.words import notes_of

_COMMAND = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(run: Run, style: Style) -> Iterator[str]:
    """One command per finding, then one for each verdict."""
    plain = Style(base=style.base)
    yield from (_command(found, plain) for found in run.told)
    yield from (f"::notice title={NAME}::{_data(line)}" for line in lines_of(run, plain))


def _command(found: Diagnostic, style: Style) -> str:
    start, end = found.span.start, found.span.end
    places = {"line": start.row, "endLine": end.row}
    if start.row == end.row:
        places |= {"col": start.column, "endColumn": end.column}
    properties = {"title": f"{NAME} ({found.code})", "file": style.path(found.span.path), **places}
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    text = "\n".join((headline(found, style), *notes_of(found, style)))
    return f"::{_COMMAND[found.severity]} {written}::{_data(text)}"


def _data(text: str) -> str:
    """`text`, escaped as in actions/toolkit (packages/core/src/command.ts::escapeData)."""
    text = "\n".join(map(printable, text.split("\n")))
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
