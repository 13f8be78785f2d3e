"""Runs a check over groups of paths, and says what is said while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from forgather_lint.answers.kept import Answers, RunStart
from forgather_lint.core.meter import Meter
from forgather_lint.core.paths import absolute
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import Workers
from forgather_lint.documents.changed import Changes
from forgather_lint.linting.report import ModelReport
from forgather_lint.session import checking
from forgather_lint.shell import configuration
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.narrowing import Narrowing
from forgather_lint.shell.reporters.parts.summary import counted
from forgather_lint.shell.say import say

Opened = tuple[RunStart, Answers | None]


def opened(settings: Settings, *, quiet: bool, plain: bool) -> Opened:
    """What the run knows before it starts, told to the user; and, if `plain`, the kept answers."""
    answers = Answers.of(settings) if plain else None
    start = checking.run_start(settings, answers)
    for notice in () if quiet else start.notices:
        say(f"note: {notice}", err=True)
    return start, answers


def reports(
    groups: configuration.Groups,
    left: configuration.Groups,
    starts: Mapping[Settings, Opened],
    verbose: bool,
    meter: Meter,
    narrowed: Narrowing,
) -> Iterator[ModelReport]:
    """The reports on all `groups`, then on models of deleted files; `left` are their folders."""
    told: set[str] = set()
    for settings, paths in groups.items() if narrowed.paths_too else ():
        changes = narrowed.changes(settings)
        with _workers(settings) as workers:
            start = starts[settings]
            for report in _told(paths, settings, start, meter, workers, verbose, changes):
                told.add(absolute(report.path))
                yield report
    for settings, went in narrowed.deleted_by_settings(left):
        _, answers = starts[settings]
        with _workers(settings) as workers:
            for report in checking.check_left(went, settings, meter, workers, answers):
                if absolute(report.path) not in told:
                    yield report


def _workers(settings: Settings) -> AbstractContextManager[Workers | None]:
    # An error of ours is to be seen where it happens.
    return nullcontext() if settings.debug else workers_for(settings)


def as_far_as_it_gets(reports: Iterator[ModelReport]) -> Iterator[ModelReport]:
    """`reports` until the user interrupts the run, which is then reported as an error."""
    try:
        yield from reports
    except KeyboardInterrupt:
        yield ModelReport("forgather-lint", error="interrupted; not every model was checked")


def _told(
    paths: Sequence[Path],
    settings: Settings,
    opened: Opened,
    meter: Meter,
    workers: Workers | None,
    verbose: bool,
    changes: Changes | None,
) -> Iterator[ModelReport]:
    start, answers = opened
    found = checking.check(
        paths, settings, meter, workers, answers=answers, marks=start.marks, changes=changes
    )
    if not verbose:
        yield from found
        return
    for each in paths:
        source = settings.source or "no configuration file"
        say(f"{each}: settings of {source}", err=True)
    for report in found:
        files, findings = len(report.files), len(report.diagnostics)
        read, told = counted(files, "file"), counted(findings, "finding")
        say(f"{report.path}: {read} read, {told}", err=True)
        yield report
