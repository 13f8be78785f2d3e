"""`check --add-ignore`: adds suppression comments for findings.

They are tried before being written.

The changed texts are checked: a file in which a comment does not suppress its finding, or causes
another one, is left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, Severity
from forgather_lint.core.files import is_file, write_over
from forgather_lint.core.meter import Meter
from forgather_lint.core.record import record
from forgather_lint.documents.comments import BESIDE
from forgather_lint.facts import GivenUp, RuleFailed, UnusedSuppression
from forgather_lint.linting.registry import builtin_rules, names
from forgather_lint.linting.report import FileChange, ModelReport, Run
from forgather_lint.linting.silencing import silenced, silenced_above
from forgather_lint.session.session import Session
from forgather_lint.session.texts import CannotChange, Originals, write
from forgather_lint.shell.configuration import Groups
from forgather_lint.shell.contained import workers_for
from forgather_lint.shell.reporters.parts.style import Style
from forgather_lint.shell.reporters.parts.summary import counted
from forgather_lint.shell.say import say

_OF_THE_TOOL = (GivenUp, RuleFailed, UnusedSuppression)
"""Facts about the tool or about a comment, which no comment should suppress."""
_NO_COMMENT = "no comment can stand there"


@record
class Ignored:
    """The run with the comments in place, what they change, and what they cannot suppress."""

    run: Run
    changes: tuple[FileChange, ...]
    silenced: int
    left: tuple[tuple[Diagnostic, str], ...]


def ignored(groups: Groups, meter: Meter, *, written: bool) -> Ignored:
    """Suppress all findings except infos; the comments are on disk if `written`."""
    reports: list[ModelReport] = []
    changes: list[FileChange] = []
    left: list[tuple[Diagnostic, str]] = []
    number = 0
    for settings, paths in groups.items():
        settings.require_known((rule.code for rule in builtin_rules()), names())
        with workers_for(settings) as workers:
            trial = _Trial(Session(paths, settings, workers), Originals(paths))
            after = trial.run(meter)
        made = list(trial.changes())
        reports += [*after, *(_written(made) if written else ())]
        changes += made
        left += trial.left
        number += trial.silenced
    return Ignored(Run(tuple(reports)), tuple(changes), number, tuple(left))


class _Trial:
    """The comments for one group of paths."""

    def __init__(self, session: Session, originals: Originals) -> None:
        self._session = session
        self._originals = originals
        self._texts: dict[str, str] = {}
        self._beside: dict[str, str] = {}
        self.left: list[tuple[Diagnostic, str]] = []
        self.silenced = 0

    def run(self, meter: Meter) -> tuple[ModelReport, ...]:
        """The reports with those comments that hold."""
        before = self._session.check(meter=meter)
        wanted = [each for each in Run(before).diagnostics if _is_meant(each)]
        by_path: dict[str, list[Diagnostic]] = {}
        for each in wanted:
            by_path.setdefault(each.span.path, []).append(each)
        for path, group in by_path.items():
            self._silence(path, group)
        while self._texts:
            after = self._session.check(self._texts)
            spoilt = self._spoilt(before, after)
            if not spoilt:
                failed = {each for each, _ in self.left}
                self.silenced = sum(each not in failed for each in wanted)
                return after
            for path in spoilt:
                del self._texts[path]
                group = by_path[path.removesuffix(BESIDE)]
                known = {each for each, _ in self.left}
                told = "the comment would change what is found"
                self.left += [(each, told) for each in group if each not in known]
        return before

    def _silence(self, path: str, group: list[Diagnostic]) -> None:
        """Add comments for `group`, all findings in `path`, to its text."""
        try:
            if path.endswith(".json"):
                self._silence_beside(path, group)
                return
            text = self._originals.text(path)
            # From the end: a line that is put in moves what stands below it.
            for each in sorted(group, key=lambda each: each.span.start, reverse=True):
                bare = text.removeprefix("\ufeff")
                edit = silenced(bare, each) or silenced_above(bare, each)
                if edit is None:
                    self.left.append((each, _NO_COMMENT))
                    continue
                text = self._originals.edited({path: text}, path, [edit])
            if text != self._originals.text(path):
                self._texts[path] = text
        except CannotChange as reason:
            self.left += [(each, str(reason)) for each in group]

    def _silence_beside(self, path: str, group: list[Diagnostic]) -> None:
        self._originals.text(path)  # it must be one that may be changed
        file = f"{path}{BESIDE}"
        before = self._originals.text(file) if is_file(file) else ""
        self._beside[file] = before
        codes = dict.fromkeys(each.code for each in group)
        gap = "" if not before or before.endswith("\n") else "\n"
        lines = "".join(f"# forgather-lint: file-ignore[{code}]\n" for code in codes)
        self._texts[file] = f"{before}{gap}{lines}"

    def _spoilt(self, before: tuple[ModelReport, ...], after: tuple[ModelReport, ...]) -> list[str]:
        """The changed texts in which comments did not have the intended effect."""
        was, now = (Counter(map(_identity, Run(each).diagnostics)) for each in (before, after))
        given_up = Counter(_identity(each) for each, _ in self.left)
        left = Counter(_identity(each) for each in Run(after).diagnostics if _is_meant(each))
        wrong = (left - given_up) + (now - was)
        if not wrong and not any(each.error for each in after):
            return []
        paths = {path for path, _, _ in wrong}
        # What came of a comment in one file may be found in another.
        return [path for path in self._texts if path.removesuffix(BESIDE) in paths] or [
            *self._texts
        ]

    def changes(self) -> Iterator[FileChange]:
        """The changes that are to be written."""
        for path, text in self._texts.items():
            if path in self._beside:
                yield FileChange(path, self._beside[path], text)
            else:
                yield from self._originals.changes({path: text})


def _is_meant(found: Diagnostic) -> bool:
    ours = {rule.code for rule in builtin_rules() if rule.consumes in _OF_THE_TOOL}
    return found.severity is not Severity.INFO and found.code not in ours


def _identity(found: Diagnostic) -> tuple[str, str, str]:
    return found.span.path, found.code, found.message


def _written(changes: Iterable[FileChange]) -> Iterator[ModelReport]:
    """Write every change; yields a report for each that could not be written."""
    for change in changes:
        try:
            if change.path.endswith(BESIDE) and not is_file(change.path):
                Path(change.path).touch(exist_ok=False)
                write_over(Path(change.path), change.after.encode())
            else:
                write(change)
        except (CannotChange, OSError) as reason:
            yield ModelReport(change.path, error=f"not changed: {reason}")


def tell(done: Ignored, *, written: bool) -> None:
    """Print how many comments there are, and what they do not suppress."""
    style = Style(base=str(Path.cwd()))
    for found, reason in done.left:
        (row, column), path = found.span.start, style.path(found.span.path)
        say(f"warning: {path}:{row}:{column}: {found.code} is not ignored: {reason}", err=True)
    files = counted(len(done.changes), "file")
    word = "Silenced" if written else "Would silence"
    say(f"{word} {counted(done.silenced, 'finding')} in {files}.")
