"""`check --fix`: tries the fixes, writes those that hold, and reports what was done."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.meter import Meter
from forgather_lint.core.printable import of_file
from forgather_lint.core.settings import Settings
from forgather_lint.linting.registry import builtin_rules, names
from forgather_lint.linting.report import FileChange, FixNotice, ModelReport, Run
from forgather_lint.session.fixing import Fixing
from forgather_lint.session.session import Session
from forgather_lint.session.texts import CannotChange, write
from forgather_lint.shell.configuration import Groups
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.differences import painted
from forgather_lint.shell.reporters.parts.fixes import fixed, fixed_by_file
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from forgather_lint.shell.say import say, say_as_it_is, say_lines


def mended(groups: Groups, meter: Meter, *, written: bool) -> Run:
    """The run over all paths after their fixes, which are on disk if `written`."""
    reports: list[ModelReport] = []
    done: list[Diagnostic] = []
    kept_back: list[tuple[Diagnostic, str]] = []
    changes: list[FileChange] = []
    unsafe = False
    for settings, paths in groups.items():
        settings.require_known((rule.code for rule in builtin_rules()), names())
        unsafe = unsafe or settings.unsafe_fixes
        with workers_for(settings) as workers:
            session = Session(paths, settings, workers)
            fixing = Fixing(session.check, paths, unsafe=settings.unsafe_fixes)
            outcome = fixing.run(session.check(meter=meter))
        made = list(fixing.changes(outcome.state))
        failed = list(_written(made)) if written else []
        reports += [*outcome.state.reports, *failed]
        done += outcome.state.fixed
        kept_back += outcome.kept_back
        changes += made
    listed = next(iter(groups)).show_fixes
    notice = FixNotice(unsafe, tuple(done), tuple(kept_back), tuple(changes), listed)
    return Run(tuple(reports), notice)


def _written(changes: Sequence[FileChange]) -> Iterator[ModelReport]:
    """Write every change; yields a report for each that could not be written."""
    for change in changes:
        try:
            write(change)
        except CannotChange as reason:
            yield ModelReport(change.path, error=f"not fixed: {reason}")


def tell(run: Run, settings: Settings, color: Color, *, diff: bool, quiet: bool) -> None:
    """Print what was changed, and which fixes were not made."""
    style = Style(wants_color(color, sys.stdout), str(Path.cwd()), quiet)
    if diff:
        for change in run.fixes.changes:
            tell_difference(change, style)
    if quiet:
        return
    for found, reason in run.fixes.kept_back:
        (row, column), path = found.span.start, style.path(found.span.path)
        say(f"warning: {path}:{row}:{column}: {found.code} is not fixed: {reason}", err=True)
    if settings.show_fixes and run.fixes.fixed:
        say_lines("\n".join(fixed_by_file(run, style, would=diff)))
    elif diff or settings.fix_only:
        say_as_it_is(fixed(run, would=diff), err=diff)


def tell_difference(change: FileChange, style: Style) -> None:
    """Print the change as a unified diff that can be applied: tabs and ends of lines are kept."""
    say_as_it_is("\n".join(_difference(change, style)), color=style.color)


def _difference(change: FileChange, style: Style) -> Iterator[str]:
    path = style.path(change.path)
    before, after = (_LINE.findall(text) for text in (change.before, change.after))
    for number, line in enumerate(difflib.unified_diff(before, after, path, path)):
        yield painted(number, of_file(line.removesuffix("\n")), style)
        if not line.endswith("\n"):
            yield "\\ No newline at end of file"


_LINE = re.compile(r"[^\n]*\n|[^\n]+")
