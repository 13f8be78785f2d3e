"""Baselines: files of findings that are already known, which a run does not report again.

A finding is recognised by its file, code and message or, in case a release of this tool words that
differently, by the text of its line. Neither contains a line number, so that lines may move.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn, TypeVar

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.files import is_file, read_at_most, write_over
from forgather_lint.core.paths import absolute, below
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings, SettingsError
from forgather_lint.linting.report import ModelReport, NotRendered, Run
from forgather_lint.shell.reporters.parts.sources import lines_of
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.say import say

_VERSION = 1
_MOST_BYTES = 64 << 20
_PLACE = re.compile(r":\d+(?::\d+)?\b")
_NOT_RENDERED = "not-rendered"
_MOST_NAMED = 10

Known = TypeVar("Known", bound=Hashable)


@record
class Entry:
    """A finding in a baseline; `path` is absolute here, and relative to the file in the file."""

    path: str
    code: str
    message: str
    line: str


@record
class Held:
    """A run without the known findings, and the entries for which nothing was found."""

    run: Run
    unmet: tuple[Entry, ...]


def write(file: Path, run: Run) -> int:
    """Write all findings of `run` to `file`; returns their number. Raises `OSError`."""
    entries = sorted(
        map(asdict, _entries(run, str(file.parent))), key=lambda each: [*each.values()]
    )
    text = json.dumps({"version": _VERSION, "findings": entries}, indent=2) + "\n"
    if not is_file(file):
        file.touch(exist_ok=False)
    write_over(file, text.encode("utf-8"))
    return len(entries)


def _entries(run: Run, folder: str) -> Iterator[Entry]:
    for found in run.diagnostics:
        entry = _entry(found)
        yield replace(entry, path=_relative(entry.path, folder))
    for reason in run.not_rendered.values():
        entry = _unrendered(reason)
        yield replace(entry, path=_relative(entry.path, folder))


def _relative(path: str, folder: str) -> str:
    near = below(path, absolute(folder)) or os.path.relpath(path, absolute(folder))
    return Path(near).as_posix()


def _entry(found: Diagnostic) -> Entry:
    path = absolute(found.span.path)
    lines = () if found.of_whole_file else lines_of(path) or ()
    row = found.span.start.row
    line = " ".join(lines[row - 1].split()) if row <= len(lines) else ""
    return Entry(path, found.code, found.message, line)


def _unrendered(reason: NotRendered) -> Entry:
    return Entry(absolute(reason.where.path), _NOT_RENDERED, reason.message, "")


def read(file: Path) -> tuple[Entry, ...]:
    """The entries of `file`. Raises `SettingsError`."""
    try:
        written = json.loads(read_at_most(file, _MOST_BYTES).decode("utf-8"))
        if written["version"] != _VERSION:
            raise SettingsError(f"{file}: a baseline of another version of this tool")
        return tuple(_read_entry(each, file.parent) for each in written["findings"])
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(f"{file}: no baseline of this tool") from error


def _read_entry(written: dict[str, str], folder: Path) -> Entry:
    path, code, message, line = (str(written[key]) for key in ("path", "code", "message", "line"))
    return Entry(absolute(str(folder / path)), code, message, line)


def held(run: Run, entries: Sequence[Entry]) -> Held:
    """`run` without the findings in `entries`; each entry covers one finding."""
    found = [(each, _entry(each)) for each in run.diagnostics]
    known, unmet = _known(found, entries)
    reasons = [(each, _unrendered(each)) for each in run.not_rendered.values()]
    rendered, unmet = _known(reasons, unmet)

    def without(report: ModelReport) -> ModelReport:
        kept = tuple(each for each in report.diagnostics if each not in known)
        reason = None if report.not_rendered in rendered else report.not_rendered
        return replace(report, diagnostics=kept, not_rendered=reason)

    number = len(known) + len(rendered)
    shown = replace(run, reports=tuple(map(without, run.reports)), known=number)
    return Held(shown, tuple(unmet))


def is_covered(entry: Entry, paths: Sequence[Path], groups: Iterable[Settings]) -> bool:
    """Whether a run over `paths` would have found `entry`, if it still existed."""
    named = [absolute(str(path)) for path in paths]
    inside = any(entry.path == each or below(entry.path, each) for each in named)
    chosen = any(settings.checks(entry.path, entry.code) for settings in groups)
    return inside and (chosen or entry.code == _NOT_RENDERED)


def _known(
    found: Sequence[tuple[Known, Entry]], entries: Sequence[Entry]
) -> tuple[set[Known], list[Entry]]:
    """Those of `found` that `entries` cover, and the entries that cover none."""
    known: set[Known] = set()
    taken: set[int] = set()
    for key in (_by_message, _by_line):
        waiting: dict[tuple[str, ...], list[int]] = {}
        for number, entry in enumerate(entries):
            if number not in taken:
                waiting.setdefault(key(entry), []).append(number)
        for each, entry in found:
            same = waiting.get(key(entry))
            if same and each not in known and key(entry)[-1]:
                taken.add(same.pop())
                known.add(each)
    return known, [entry for number, entry in enumerate(entries) if number not in taken]


def _by_message(entry: Entry) -> tuple[str, ...]:
    """What identifies a finding by its message; line numbers in it are left out."""
    return entry.path, entry.code, _PLACE.sub("", entry.message)


def _by_line(entry: Entry) -> tuple[str, ...]:
    """What identifies a finding by the text of its line, where the message differs."""
    return entry.path, entry.code, entry.line


def write_and_leave(run: Run, file: Path, quiet: bool) -> NoReturn:
    """Write the baseline of `run`, say how many entries it has, and exit."""
    number = write(file, run)
    for report in run.errors:
        say(f"error: {report.path}: {report.error}", err=True)
    if not quiet:
        say(f"Wrote {number} {'entry' if number == 1 else 'entries'} to {file}.")
    sys.exit(2 if run.errors else 0)


def without_known(
    run: Run, groups: Collection[Settings], paths: Sequence[Path], quiet: bool, *, whole: bool
) -> Run:
    """`run` without the findings in the baselines of `groups`, which may have none.

    If the `whole` was checked, entries for which nothing was found are reported.
    """
    style = Style(base=str(Path.cwd()))
    for file in dict.fromkeys(Path(each.baseline) for each in groups if each.baseline):
        found = held(run, read(file))
        run = found.run
        gone = [each for each in found.unmet if is_covered(each, paths, groups)]
        if gone and whole and not quiet and not run.errors:
            entries = "entry" if len(gone) == 1 else "entries"
            told = f"{len(gone)} {entries} of {style.path(str(file))} stand for nothing any more"
            say(f"note: {told}; --write-baseline writes it anew", err=True)
            for each in gone[:_MOST_NAMED]:
                say(f"  {style.path(each.path)}: {each.code} {each.message}", err=True)
    return run
