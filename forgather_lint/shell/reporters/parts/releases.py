"""A table for several targets: which rule has findings for which release."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.version import Version
from forgather_lint.linting.report import Run
from forgather_lint.shell.reporters.parts.style import SEVERITY_COLOR, Style

FOUND, CLEAN = "x", "."


def release_table(run: Run, style: Style) -> Iterator[str]:
    """A row for each rule, a column for each release; nothing for a single release."""
    if len(run.targets) < 2:
        return
    releases = [target.partition("==")[2] for target in run.targets]
    rows = {(found.code, found.name): found.severity for found in run.told}
    width = max((len(f"{code} {name}") for code, name in rows), default=0)
    yield " " * width + "".join(f"  {release}" for release in releases)
    for (code, name), severity in sorted(rows.items()):
        marks = _marks(run, code)
        cells = "".join(
            f"  {mark:^{len(release)}}" for mark, release in zip(marks, releases, strict=True)
        )
        shown = style.paint(code, SEVERITY_COLOR[severity], bold=True)
        yield f"{shown} {name:<{width - len(code) - 1}}{cells}".rstrip()
    yield ""


def _marks(run: Run, code: str) -> Iterator[str]:
    """The entries of the row of `code`."""
    found = [each for each in run.told if each.code == code]
    for target in run.targets:
        yield FOUND if any(_holds(each, target) for each in found) else CLEAN


def _holds(found: Diagnostic, target: str) -> bool:
    """Whether `found` was made for `target`, or names no releases that exclude it."""
    if found.targets:
        return target in found.targets
    project, _, release = target.partition("==")
    named = found.releases
    if named is None or named.project != project:
        return True
    return named.admits(Version.parse(release))
