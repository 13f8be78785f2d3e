"""`check`: check models and report."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import click

from forgather_lint.core.files import is_file, laid_over
from forgather_lint.core.looks import closure
from forgather_lint.core.meter import Meter
from forgather_lint.core.paths import absolute
from forgather_lint.documents.limits import MOST_BYTES
from forgather_lint.linting.report import FixNotice, Run
from forgather_lint.shell import configuration, options
from forgather_lint.shell.combinations import Combination
from forgather_lint.shell.gathering import as_far_as_it_gets, opened, reports
from forgather_lint.shell.narrowing import folder_left, narrowing
from forgather_lint.shell.progress import Bar
from forgather_lint.shell.reporters import Render, formats, reporter
from forgather_lint.shell.reporters.parts.style import Color, Style, wants_color
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
    """Report what keeps models from being served, and at which sizes they serve.

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
        wish = Combination(
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
        narrow = narrowing(paths, named, changed_only, with_deleted, base_ref)
        left = configuration.grouped(map(folder_left, narrow.deleted), config, isolated, given)
        plain = not (watch or only_fixes or first.fix or add_ignore)
        starts = {
            settings: opened(settings, quiet=quiet, plain=plain)
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
                    tuple(as_far_as_it_gets(reports(groups, left, starts, verbose, bar, narrow))),
                    FixNotice(first.unsafe_fixes),
                )
        if write_baseline is not None:
            from forgather_lint.shell import baseline  # a plain run does not pay for it

            baseline.write_and_leave(run, write_baseline, quiet)
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


def _without_known(
    run: Run, groups: configuration.Groups, paths: Sequence[Path], quiet: bool, *, whole: bool
) -> Run:
    if not any(settings.baseline for settings in groups):
        return run
    from forgather_lint.shell import baseline  # a plain run does not pay for it

    return baseline.without_known(run, groups, paths, quiet, whole=whole)


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
