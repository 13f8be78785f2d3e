"""`check`: lint models and report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from forgather_lint import checking
from forgather_lint.answers.kept import Answers, Opening
from forgather_lint.core.files import laid_over
from forgather_lint.core.meter import Meter
from forgather_lint.core.paths import absolute
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import Workers
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.linting.report import FixNotice, ModelReport, Run
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.progress import Bar
from forgather_lint.shell.reporters import Render, formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from forgather_lint.shell.say import say


@click.command()
@options.paths
@click.option(
    "--output-format",
    type=click.Choice(formats()),
    envvar="FORGATHER_LINT_OUTPUT_FORMAT",
    help="How findings are written (default: full).",
)
@click.option(
    "-o",
    "--output-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    envvar="FORGATHER_LINT_OUTPUT_FILE",
    help="Write to FILE instead of standard output.",
)
@options.fixes
@options.selection
@options.targets
@options.configuration
@click.option(
    "--stdin-filename",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="NAME",
    help="Take the text of NAME from standard input. Without PATHS its model is checked.",
)
@click.option("--watch", is_flag=True, help="Check again whenever something changes.")
@click.option("--statistics", "counted", is_flag=True, help="Only count findings, by rule.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 also when there are findings.")
@click.option("--color", type=click.Choice([color.value for color in Color]), default="auto")
@click.option("-q", "--quiet", is_flag=True, help="Print findings and nothing else.")
@click.option("-v", "--verbose", is_flag=True, help="Tell what is read.")
@click.option("-j", "--jobs", metavar="N", help="Check N models at once (default: auto).")
@options.cache
@options.limits
def command(
    paths: tuple[Path, ...],
    output_file: Path | None,
    config: Path | None,
    isolated: bool,
    stdin_filename: Path | None,
    watch: bool,
    counted: bool,
    exit_zero: bool,
    color: Color,
    quiet: bool,
    verbose: bool,
    diff: bool,
    exit_non_zero_on_fix: bool,
    **given: Any,
) -> None:
    """Report what is wrong with the plans of models.

    PATHS are model folders, Python files, Forgather projects or templates, or folders to search
    (default: the current one).

    Exit code: 0 when there are no errors or warnings, 1 when there are, 2 when something could not
    be checked. A file that cannot be parsed, or a configuration that cannot be rendered, is an
    error found: 1. A line on standard error names each such configuration.
    """
    with options.misuse_told(), _standard_input(stdin_filename, paths):
        paths = _named(paths, stdin_filename)
        if not paths:
            paths, given["force_exclude"] = (Path(),), True  # a search may find nothing
        groups = configuration.grouped(paths, config, isolated, given)
        render = _renderer(groups, counted)
        first = next(iter(groups))
        only_fixes = diff or first.fix_only
        plain = not (watch or only_fixes or first.fix)
        openings = {settings: _opened(settings, quiet=quiet, plain=plain) for settings in groups}
        _refuse_unclear(stdin_filename, watch, fixes=first.fix or first.fix_only, diff=diff)
        if watch:
            from forgather_lint.shell.watching import watched  # a plain run does not pay for it

            def tell(run: Run) -> None:
                _tell_what_was_not_checked(run, quiet)
                _write(run, render, output_file, Color(color), quiet)

            watched(groups, tell, quiet=quiet)
            return
        with Bar(wanted=not (quiet or verbose)) as bar:
            if only_fixes or first.fix:
                from forgather_lint.shell import fixing  # a run that mends nothing does not pay

                run = fixing.mended(groups, bar, written=not diff)
            else:
                run = Run(
                    tuple(_as_far_as_it_gets(_reports(groups, openings, verbose, bar))),
                    FixNotice(first.unsafe_fixes),
                )
        _tell_what_was_not_checked(run, quiet)
        if only_fixes or first.fix:
            fixing.tell(run, first, Color(color), diff=diff, quiet=quiet)
        if not only_fixes:
            _write(run, render, output_file, Color(color), quiet)
    code = run.exit_code
    if code != 2:
        changed = bool(run.fixes.fixed)
        code = int((changed and (diff or exit_non_zero_on_fix)) or (code and not only_fixes))
    sys.exit(0 if exit_zero and code == 1 else code)


_STANDARD_INPUT = Path("-")


def _named(paths: tuple[Path, ...], stdin_filename: Path | None) -> tuple[Path, ...]:
    """The paths to check: those that were named, else the file whose text comes from elsewhere."""
    others = tuple(path for path in paths if path != _STANDARD_INPUT)
    return others or ((stdin_filename,) if stdin_filename is not None else ())


@contextmanager
def _standard_input(name: Path | None, paths: tuple[Path, ...]) -> Iterator[None]:
    """Within the block the file `name` has the text that comes through standard input."""
    if name is None:
        if _STANDARD_INPUT in paths:
            raise click.UsageError("name the text of standard input: --stdin-filename NAME")
        yield
        return
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    with laid_over({absolute(str(name)): data}):
        yield


def _refuse_unclear(stdin_filename: Path | None, watch: bool, *, fixes: bool, diff: bool) -> None:
    if stdin_filename is not None and fixes and not diff:
        raise click.UsageError("a text of standard input is not written; --diff shows its fixes")
    if watch and (fixes or diff):
        raise click.UsageError("--watch changes nothing: leave out --fix, --fix-only and --diff")
    if watch and stdin_filename is not None:
        raise click.UsageError("--watch looks at files, --stdin-filename names none")


def _renderer(groups: configuration.Groups, counted: bool) -> Render:
    """The output of the first group's choice, found before the work that it is to show."""
    output_format = next(iter(groups)).output_format
    if not counted:
        return reporter(output_format)
    from forgather_lint.shell import statistics  # only this option pays for it

    return statistics.renderer(output_format)


Opened = tuple[Opening, Answers | None]


def _opened(settings: Settings, *, quiet: bool, plain: bool) -> Opened:
    """What the run begins with, told to the user, and the answers that a `plain` one keeps."""
    answers = Answers.of(settings) if plain else None
    opening = checking.opening(settings, answers)
    for notice in () if quiet else opening.notices:
        say(f"note: {notice}", err=True)
    return opening, answers


def _reports(
    groups: configuration.Groups,
    openings: Mapping[Settings, Opened],
    verbose: bool,
    meter: Meter,
) -> Iterator[ModelReport]:
    for settings, paths in groups.items():
        opened = openings[settings]
        if settings.debug:  # an error of ours is to be seen where it happens
            yield from _told(paths, settings, opened, meter, None, verbose)
            continue
        with workers_for(settings) as workers:
            yield from _told(paths, settings, opened, meter, workers, verbose)


def _as_far_as_it_gets(reports: Iterator[ModelReport]) -> Iterator[ModelReport]:
    """`reports` up to where the user ends the run; that they are not all is an error."""
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
) -> Iterator[ModelReport]:
    opening, answers = opened
    reports = checking.check(paths, settings, meter, workers, answers=answers, marks=opening.marks)
    if not verbose:
        yield from reports
        return
    say(f"settings: {settings}", err=True)
    for report in reports:
        files, found = len(report.files), len(report.diagnostics)
        say(f"{report.path}: {files} files read, {found} findings", err=True)
        yield report


def _tell_what_was_not_checked(run: Run, quiet: bool) -> None:
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    style = Style(base=str(Path.cwd()))
    for path, reason in run.not_rendered.items() if not quiet else ():
        (row, column), file = reason.where.start, style.path(reason.where.path)
        why = f"{file}:{row}:{column}: {reason.message}"
        say(f"warning: {style.path(path)} is not rendered: {why}", err=True)
    if not run.reports and not quiet:
        say("warning: no model found, 0 models checked", err=True)


def _write(run: Run, render: Render, file: Path | None, color: Color, quiet: bool) -> None:
    opened = file.open("w", encoding="utf-8", errors="backslashreplace") if file else None
    with opened or nullcontext(sys.stdout) as stream:
        style = Style(wants_color(color, stream), str(Path.cwd()), quiet)
        stream.writelines(f"{line}\n" for line in render(run, style))
