"""How often each rule has findings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.record import record
from forgather_lint.core.settings import SettingsError
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters import Render
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.summary import summary


@record
class RuleCount:
    """The number of findings of one rule; the keys are ruff's."""

    code: str
    name: str
    count: int


def count(diagnostics: Iterable[Diagnostic]) -> list[RuleCount]:
    """The rules that have findings, most frequent first."""
    times = Counter((found.code, found.name) for found in diagnostics)
    ordered = sorted(times.items(), key=lambda entry: (-entry[1], entry[0]))
    return [RuleCount(code, name, number) for (code, name), number in ordered]


def renderer(output_format: str) -> Render:
    """A format that shows counts only. Raises `SettingsError` for a format that cannot."""
    if output_format == "json":
        return _json
    if output_format in ("full", "concise"):
        return _text
    raise SettingsError(f"--statistics cannot be written as {output_format!r}")


def _json(run: Run, _style: Style) -> Iterator[str]:
    yield json.dumps([asdict(entry) for entry in count(run.told)], indent=2)


def _text(run: Run, style: Style) -> Iterator[str]:
    counts = count(run.told)
    digits = max((len(str(entry.count)) for entry in counts), default=0)
    for entry in counts:
        yield f"{entry.count:>{digits}}  {style.paint(entry.code, bold=True)}  {entry.name}"
    if not style.quiet:
        yield from summary(run, style)
