"""Logging commands that Azure Pipelines turns into issues of the run."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.about import NAME
from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.verdict import lines_of
from forgather_lint.shell.reporters.parts.words import told_whole

_TYPE = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "warning"}
"""The types of issues. There is none below a warning.

For an info the message says that it is one.
"""


def render(run: Run, style: Style) -> Iterator[str]:
    """One command for each finding, then a line of the log for each verdict."""
    plain = Style(base=style.base)
    yield from (_command(found, plain) for found in run.told)
    yield from (f"{NAME}: {printable(line)}" for line in lines_of(run, plain))


def _command(found: Diagnostic, style: Style) -> str:
    start = found.span.start
    places = {} if found.of_whole_file else {"linenumber": start.row, "columnnumber": start.column}
    properties = {"sourcepath": style.path(found.span.path), **places, "code": found.code}
    written = "".join(f"{key}={_property(str(value))};" for key, value in properties.items())
    word = "info: " if found.severity is Severity.INFO else ""
    data = _data(f"[{found.name}] {word}{told_whole(found, style)}")
    return f"##vso[task.logissue type={_TYPE[found.severity]};{written}]{data}"


def _data(text: str) -> str:
    """`text`, escaped as the agent unescapes it (azure-pipelines-agent, Command.cs)."""
    text = "\n".join(map(printable, text.split("\n"))).replace("%", "%AZP25")
    return text.replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace("]", "%5D").replace(";", "%3B")
