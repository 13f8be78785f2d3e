"""The last line of a report for people."""

from __future__ import annotations

from collections import Counter

from forgather_lint.core.diagnostics import Severity
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style

_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}


def summary(run: Run, style: Style) -> str:
    """What was found in how many models; never "passed" when nothing was looked at."""
    checked = counted(run.checked, "model")
    failed = len(run.errors)
    beside = f"{checked} checked, {failed} could not be" if failed else checked
    if run.diagnostics:
        return f"Found {_tally(run)} ({beside})."
    if failed or not run.checked:
        return f"{beside}." if failed else "0 models checked."
    return f"{style.paint('All checks passed!', 'green', bold=True)} ({checked})"


def counted(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tally(run: Run) -> str:
    by_severity = Counter(found.severity for found in run.diagnostics)
    parts = [counted(by_severity[kind], noun) for kind, noun in _NOUNS.items() if by_severity[kind]]
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
