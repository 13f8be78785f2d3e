"""The last lines of a report for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from forgather_lint.core.diagnostics import Severity
from forgather_lint.core.printable import printable
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.verdict import (
    MOST_NAMES,
    verdict_of_one,
    verdicts_of_several,
)

_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "info"}


def summary(run: Run, style: Style) -> Iterator[str]:
    """What was found in how many models, and at which sizes they serve.

    Never "passed" when nothing was checked, or when a size is not proved to serve.
    """
    yield from verdicts_of_several(run, style)
    verdict = verdict_of_one(run)
    yield f"{_tally(run, style)} {verdict}" if verdict else _tally(run, style)


def _tally(run: Run, style: Style) -> str:
    checked = counted(run.checked, "model")
    if run.commands:
        commands = counted(run.commands, "command")
        checked = f"{checked}, {commands}" if run.checked else commands
    failed, unrendered = len(run.errors), len(run.not_rendered)
    beside = f"{checked} checked, {failed} could not be" if failed else checked
    if run.known:
        beside += f", {run.known} in the baseline"
    if run.not_here and run.told:
        beside += f", {counted(len(run.not_here), 'model')} not here"
    if unrendered:
        beside += f", {counted(unrendered, 'configuration')} not rendered"
    if run.told:
        return f"Found {_by_severity(run)} ({beside})."
    if failed or not (run.checked or run.commands):
        return f"{beside}." if failed else "0 models checked."
    if run.passed:
        return f"{style.paint('All checks passed!', 'green', bold=True)} ({beside})"
    if run.serves and not unrendered:
        return f"No findings, but {_not_judged(run.not_here)} ({beside})."
    return f"No findings, but not everything is proved to serve ({beside})."


def _not_judged(models: Sequence[str]) -> str:
    """What is said of models of commands that are not here."""
    named = ", ".join(map(printable, models[:MOST_NAMES]))
    more = f" and {len(models) - MOST_NAMES} more" if len(models) > MOST_NAMES else ""
    were = (
        "1 model that is not here was"
        if len(models) == 1
        else (f"{len(models)} models that are not here were")
    )
    return f"{were} not judged: {named}{more}"


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 model`, `2 models`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _by_severity(run: Run) -> str:
    by_severity = Counter(found.severity for found in run.told)
    parts = [counted(by_severity[kind], noun) for kind, noun in _NOUNS.items() if by_severity[kind]]
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last
