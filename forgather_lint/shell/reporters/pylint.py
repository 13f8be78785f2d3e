"""The format `parseable` of pylint, for tools that read it (the plug-in `Warnings` of Jenkins).

Such a tool takes the severity from the letter behind the bracket: E, W or I. No `] ` may follow but
the one before the message, as the reader would take the text up to the last one for the prefix.
"""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.printable import beginning
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.words import also_at

_LETTER = {Severity.ERROR: "E", Severity.WARNING: "W", Severity.INFO: "I"}


def render(run: Run, style: Style) -> Iterator[str]:
    """`path:row: [E(CODE), name] message` for each finding."""
    plain = Style(base=style.base)
    for found in run.told:
        yield _line(found, plain)


def _line(found: Diagnostic, style: Style) -> str:
    path = _bracketless(style.path(found.span.path))
    head = f"{path}:{found.span.start.row}: [{_LETTER[found.severity]}({found.code}), {found.name}]"
    also = f" (also at {also_at(found)})" if found.places else ""
    return f"{head} {_bracketless(found.message)}{also}"


def _bracketless(text: str) -> str:
    return beginning(text).replace("] ", "]\N{NO-BREAK SPACE}")
