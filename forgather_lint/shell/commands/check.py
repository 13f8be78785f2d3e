"""`check`: check models and report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import click

from forgather_lint.answers.kept import Answers, RunStart
from forgather_lint.core.files import is_file, is_folder, laid_over
from forgather_lint.core.looks import closure
from forgather_lint.core.meter import Meter
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import Workers
from forgather_lint.documents.changed import Changes
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.linting.report import FixNotice, ModelReport, Run
from forgather_lint.session import checking
from forgather_lint.shell import configuration, options
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.progress import Bar
from forgather_lint.shell.reporters import Render, formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
from forgather_lint.shell.reporters.parts.summary import counted as counted_as
from forgather_lint.shell.say import say


@click.command(context_settings={"auto_envvar_prefix": "FORGATHER_LINT"})
@options.paths
@click.option(
    "--output-format",
    type=click.Choice(formats()),
    help="How findings are written (default: full).",
)
@click.option(
    "-o",
    "--output-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE instead of standard output.",
)
@options.fixes
@options.known_findings
@options.selection
@options.targets
@options.configuration
@options.template("Of the Forgather projects at PATHS this configuration alone.")
@options.changes
@click.option(
    "--stdin-filename",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="NAME",
    help="Take the text of NAME from standard input. Without PATHS its model is checked.",
)
@click.option("--watch", is_flag=True, help="Check again whenever something changes.")
@click.option("--statistics", is_flag=True, help="Only count findings, by rule.")
@click.option("--show-files", is_flag=True, help="Name the files that are read, and no finding.")
@click.option("--show-settings", is_flag=True, help="Show the settings, and check nothing.")
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
    statistics: bool,
    show_files: bool,
    show_settings: bool,
    exit_zero: bool,
    color: str,
    quiet: bool,
    verbose: bool,
    diff: bool,
    exit_non_zero_on_fix: bool,
    write_baseline: Path | None,
    add_ignore: bool,
    changed_only: bool,
    base_ref: str | None,
    with_deleted: bool,
    template: str | None,
    **given: Any,
) -> None:
    """Report what is wrong with the plans of models.

    PATHS are model folders, Python files, Forgather projects or templates, or folders to search
    (default: the current one).

    Exit code: 0 when there are no errors or warnings, 1 when there are, 2 when something could not
    be checked. A file that cannot be parsed, or a configuration that cannot be rendered, is an
    error found: 1. A line on standard error names each such configuration.

    Each option may be given by a variable: FORGATHER_LINT_OUTPUT_FORMAT=github; words of one that
    may be repeated are separated by blanks.
    """
    with options.misuse_told(), _standard_input(stdin_filename, paths):
        paths = _named(paths, stdin_filename)
        named = bool(paths)
        if not paths:
            paths, given["force_exclude"] = (Path(),), True  # a search may find nothing
        if template is not None:
            from forgather_lint.forgather.single import configuration_file  # loads jinja

            paths = tuple(configuration_file(path, template) for path in paths)
        groups = configuration.grouped(paths, config, isolated, given)
        first = next(iter(groups))
        only_fixes = diff or first.fix_only
        wish = _Wish(
            fixes=first.fix or first.fix_only,
            diff=diff,
            watch=watch,
            stdin=stdin_filename is not None,
            writes_baseline=write_baseline is not None,
            adds_ignores=add_ignore,
            narrowed=changed_only or with_deleted,
            narrows_twice=changed_only and with_deleted,
        )
        wish.refuse_unclear(base_ref)
        if show_settings:
            _show_settings(groups)
            return
        render = _renderer(groups, statistics)
        narrow = _narrowed(paths, named, changed_only, with_deleted, base_ref)
        left = configuration.grouped(map(_folder_left, narrow.deleted), config, isolated, given)
        plain = not (watch or only_fixes or first.fix or add_ignore)
        openings = {
            settings: _opened(settings, quiet=quiet, plain=plain)
            for settings in dict.fromkeys((*groups, *left))
        }
        if watch:
            from forgather_lint.shell.watching import watched  # a plain run does not pay for it

            def tell(run: Run) -> None:
                shown = _without_known(run, groups, paths, quiet, whole=True)
                _tell_what_was_not_checked(shown, quiet)
                _write(shown, render, output_file, Color(color), quiet)

            watched(groups, tell, quiet=quiet)
            return
        with Bar(wanted=not (quiet or verbose)) as bar:
            if add_ignore:
                _add_ignores(groups, bar, Color(color), diff=diff, quiet=quiet, exit_zero=exit_zero)
            if only_fixes or first.fix:
                from forgather_lint.shell import fixing  # a run that mends nothing does not pay

                run = fixing.mended(groups, bar, written=not diff)
            else:
                run = Run(
                    tuple(
                        _as_far_as_it_gets(_reports(groups, left, openings, verbose, bar, narrow))
                    ),
                    FixNotice(first.unsafe_fixes),
                )
        if write_baseline is not None:
            _write_baseline(run, write_baseline, quiet)
        if show_files:
            _show_files(run)
        run = _without_known(run, groups, paths, quiet, whole=not (changed_only or with_deleted))
        _tell_what_was_not_checked(run, quiet, narrowed=changed_only or with_deleted)
        if only_fixes or first.fix:
            fixing.tell(run, first, Color(color), diff=diff, quiet=quiet)
        if not only_fixes:
            _write(run, render, output_file, Color(color), quiet)
    code = run.exit_code
    if code != 2:
        changed = bool(run.fixes.fixed)
        code = int((changed and (diff or exit_non_zero_on_fix)) or (code and not only_fixes))
    sys.exit(0 if exit_zero and code == 1 else code)


@record
class _Wish:
    """What is to be done besides checking; not everything can be combined."""

    fixes: bool
    diff: bool
    watch: bool
    stdin: bool
    writes_baseline: bool
    adds_ignores: bool
    narrowed: bool
    narrows_twice: bool

    def refuse_unclear(self, base_ref: str | None) -> None:
        """Raise a usage error for options that cannot be combined."""
        writes = self.fixes or self.adds_ignores
        if self.stdin and writes and not self.diff:
            raise click.UsageError(
                "a text of standard input is not written; --diff shows its fixes"
            )
        if self.watch and (writes or self.diff):
            raise click.UsageError(
                "--watch changes nothing: leave out --fix, --fix-only, --add-ignore and --diff"
            )
        if self.watch and self.stdin:
            raise click.UsageError("--watch looks at files, --stdin-filename names none")
        if self.adds_ignores and self.fixes:
            raise click.UsageError("either --fix or --add-ignore, one after the other")
        if self.writes_baseline and (writes or self.watch or self.diff or self.narrowed):
            raise click.UsageError("--write-baseline writes all that is found as the files stand")
        if self.narrows_twice:
            raise click.UsageError("--changed-only minds what was deleted: --with-deleted is more")
        if self.narrowed and (writes or self.watch):
            raise click.UsageError(
                "--changed-only and --with-deleted only report: name the models that are to change"
            )
        if base_ref is not None and not self.narrowed:
            raise click.UsageError("--base-ref says what --changed-only compares with")


@record
class _Narrowed:
    """How git narrows or widens the paths to check; None: it was not asked."""

    changed: Changes | None = None
    deleted: Sequence[str] = ()
    paths_too: bool = True

    def changes(self, settings: Settings) -> Changes | None:
        """What has changed for models with these settings: everything, if the settings have."""
        if self.changed is None or absolute(settings.source) in self.changed.all:
            return None
        return self.changed

    def deleted_by_settings(self, groups: configuration.Groups) -> Iterator[_Deleted]:
        """The deleted files, by the settings of the nearest folder that is left."""
        for settings, folders in groups.items():
            yield settings, [path for path in self.deleted if _folder_left(path) in folders]


_Deleted = tuple[Settings, list[str]]


def _folder_left(path: str) -> Path:
    return next(each for each in Path(path).parents if is_folder(each))


def _narrowed(
    paths: Sequence[Path], named: bool, changed_only: bool, with_deleted: bool, base: str | None
) -> _Narrowed:
    """What `--changed-only` and `--with-deleted` ask for.

    With `--with-deleted` and no path, only deleted files are looked at.
    """
    if not (changed_only or with_deleted):
        return _Narrowed()
    from forgather_lint.shell.changed import changes  # a plain run does not pay for it

    found = changes(paths, base)
    return _Narrowed(found) if changed_only else _Narrowed(None, sorted(found.went), named)


def _show_settings(groups: configuration.Groups) -> None:
    for settings, paths in groups.items():
        say(f"# {', '.join(map(str, paths))}: {settings.source or 'no configuration file'}")
        for line in configuration.as_lines(settings):
            say(line)


def _show_files(run: Run) -> NoReturn:
    """Print all files that the answers rest on, including installed packages, and exit."""
    style = Style(base=str(Path.cwd()))
    looked_at = (
        path for report in run.reports for path in (*closure(report.looked_at), *report.files)
    )
    for path in sorted({absolute(each) for each in looked_at}):
        if is_file(path):
            say(style.path(path))
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    sys.exit(2 if run.errors else 0)


def _write_baseline(run: Run, file: Path, quiet: bool) -> NoReturn:
    from forgather_lint.shell import baseline  # a plain run does not pay for it

    number = baseline.write(file, run)
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    if not quiet:
        say(f"Wrote {number} {'entry' if number == 1 else 'entries'} to {file}.")
    sys.exit(2 if run.errors else 0)


def _without_known(
    run: Run, groups: configuration.Groups, paths: Sequence[Path], quiet: bool, *, whole: bool
) -> Run:
    """`run` without the findings in the baselines; entries without a finding are reported."""
    files = dict.fromkeys(settings.baseline for settings in groups if settings.baseline)
    if not files:
        return run
    from forgather_lint.shell import baseline  # a plain run does not pay for it

    for file in map(Path, files):
        held = baseline.held(run, baseline.read(file))
        run = held.run
        gone = [each for each in held.unmet if baseline.is_covered(each, paths, groups)]
        if gone and whole and not quiet and not run.errors:
            entries = "entry" if len(gone) == 1 else "entries"
            shown = Style(base=str(Path.cwd())).path(str(file))
            told = f"{len(gone)} {entries} of {shown} stand for nothing any more"
            say(f"note: {told}; --write-baseline writes it anew", err=True)
            for each in gone[:_MOST_NAMED]:
                style = Style(base=str(Path.cwd()))
                say(f"  {style.path(each.path)}: {each.code} {each.message}", err=True)
    return run


_MOST_NAMED = 10


def _add_ignores(
    groups: configuration.Groups,
    meter: Meter,
    color: Color,
    *,
    diff: bool,
    quiet: bool,
    exit_zero: bool,
) -> NoReturn:
    """Add suppression comments for all findings, report how many, and exit."""
    from forgather_lint.shell import fixing, ignoring  # a plain run does not pay for them

    done = ignoring.ignored(groups, meter, written=not diff)
    style = Style(wants_color(color, sys.stdout), str(Path.cwd()))
    for change in done.changes if diff else ():
        fixing.tell_difference(change, style)
    _tell_what_was_not_checked(done.run, quiet)
    if not quiet:
        ignoring.tell(done, written=not diff)
    code = 2 if done.run.errors else int(bool(done.left or (diff and done.changes)))
    sys.exit(0 if exit_zero and code == 1 else code)


_STANDARD_INPUT = Path("-")


def _named(paths: tuple[Path, ...], stdin_filename: Path | None) -> tuple[Path, ...]:
    """The paths to check: those named, else the file whose text comes from standard input."""
    others = tuple(path for path in paths if path != _STANDARD_INPUT)
    return others or ((stdin_filename,) if stdin_filename is not None else ())


@contextmanager
def _standard_input(name: Path | None, paths: tuple[Path, ...]) -> Iterator[None]:
    """Within the block the file `name` has the text of standard input."""
    if name is None:
        if _STANDARD_INPUT in paths:
            raise click.UsageError("name the text of standard input: --stdin-filename NAME")
        yield
        return
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    with laid_over({absolute(str(name)): data}):
        yield


def _renderer(groups: configuration.Groups, counted: bool) -> Render:
    """The output format of the first group, resolved before any work is done."""
    output_format = next(iter(groups)).output_format
    if not counted:
        return reporter(output_format)
    from forgather_lint.shell import statistics  # only this option pays for it

    return statistics.renderer(output_format)


Opened = tuple[RunStart, Answers | None]


def _opened(settings: Settings, *, quiet: bool, plain: bool) -> Opened:
    """What the run knows before it starts, told to the user; and, if `plain`, the kept answers."""
    answers = Answers.of(settings) if plain else None
    opening = checking.run_start(settings, answers)
    for notice in () if quiet else opening.notices:
        say(f"note: {notice}", err=True)
    return opening, answers


def _reports(
    groups: configuration.Groups,
    left: configuration.Groups,
    openings: Mapping[Settings, Opened],
    verbose: bool,
    meter: Meter,
    narrowed: _Narrowed,
) -> Iterator[ModelReport]:
    told: set[str] = set()
    for settings, paths in groups.items() if narrowed.paths_too else ():
        changes = narrowed.changes(settings)
        with _workers(settings) as workers:
            opened = openings[settings]
            for report in _told(paths, settings, opened, meter, workers, verbose, changes):
                told.add(absolute(report.path))
                yield report
    for settings, went in narrowed.deleted_by_settings(left):
        _, answers = openings[settings]
        with _workers(settings) as workers:
            for report in checking.check_left(went, settings, meter, workers, answers):
                if absolute(report.path) not in told:
                    yield report


def _workers(settings: Settings) -> AbstractContextManager[Workers | None]:
    # An error of ours is to be seen where it happens.
    return nullcontext() if settings.debug else workers_for(settings)


def _as_far_as_it_gets(reports: Iterator[ModelReport]) -> Iterator[ModelReport]:
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
    opening, answers = opened
    reports = checking.check(
        paths, settings, meter, workers, answers=answers, marks=opening.marks, changes=changes
    )
    if not verbose:
        yield from reports
        return
    for each in paths:
        source = settings.source or "no configuration file"
        say(f"{each}: settings of {source}", err=True)
    for report in reports:
        files, found = len(report.files), len(report.diagnostics)
        read, told = counted_as(files, "file"), counted_as(found, "finding")
        say(f"{report.path}: {read} read, {told}", err=True)
        yield report


def _tell_what_was_not_checked(run: Run, quiet: bool, *, narrowed: bool = False) -> None:
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    style = Style(base=str(Path.cwd()))
    for path, reason in run.not_rendered.items() if not quiet else ():
        (row, column), file = reason.where.start, style.path(reason.where.path)
        why = f"{file}:{row}:{column}: {reason.message}"
        say(f"warning: {style.path(path)} is not rendered: {why}", err=True)
    if not run.reports and not quiet:
        nothing = "nothing here has changed" if narrowed else "no model found"
        say(f"warning: {nothing}, 0 models checked", err=True)


def _write(run: Run, render: Render, file: Path | None, color: Color, quiet: bool) -> None:
    opened = file.open("w", encoding="utf-8", errors="backslashreplace") if file else None
    with opened or nullcontext(sys.stdout) as stream:
        style = Style(wants_color(color, stream), str(Path.cwd()), quiet)
        stream.writelines(f"{line}\n" for line in render(run, style))
