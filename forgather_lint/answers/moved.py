"""The answer for a model that is a copy of another, derived from the answer for that one.

Every question that was put to the disk for the first model is put again for the copy. Only where
all states are equal, and no text of the report mentions the first model by its name, the report is
taken for the copy, with its paths replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from forgather_lint.core.diagnostics import Diagnostic, respelt, texts_of
from forgather_lint.core.files import look_again
from forgather_lint.core.looks import Asked, Look, States
from forgather_lint.core.paths import absolute
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.source import Span
from forgather_lint.documents.discover import Candidate
from forgather_lint.linting.report import ModelReport

_RELEASE = re.compile(r"(?<![\w.])\d+(?:\.\d+)+(?![\w.])")
_NOT_OF_PATHS = frozenset({Asked.VARIABLE, Asked.PACKAGE, Asked.RELEASE, Asked.HOST})


def moved(
    report: ModelReport, first: Candidate, copy: Candidate, settings: Settings
) -> ModelReport | None:
    """The report on `copy`; None if it differs from `first` in anything that `report` rests on."""
    ways = _Way.between(first, copy)
    if ways is None or report.error is not None or settings.per_file_ignores:
        return None
    states = _states(report.looked_at, ways)
    texts = (text for found in report.diagnostics for text in texts_of(found))
    if states is None or any(map(ways.mentioned, texts)):
        return None
    spans = [span for found in report.diagnostics for span in _spans(found)]
    if not all(map(ways.leads, (report.path, *report.files, *(span.path for span in spans)))):
        return None
    return replace(
        report,
        path=ways.spelt(report.path),
        diagnostics=tuple(sorted(respelt(each, ways.spelt) for each in report.diagnostics)),
        files=tuple(map(ways.spelt, report.files)),
        looked_at=states,
    )


@record
class _Way:
    """How paths of one folder translate into another: as the user spelt them, and absolute."""

    spelt_from: str
    spelt_to: str
    whole_from: str
    whole_to: str

    @classmethod
    def between(cls, first: Candidate, copy: Candidate) -> _Way | None:
        """From the folder of `first` to that of `copy`.

        None if they are named in different ways.
        """
        names = [each.file.name if each.file else "" for each in (first, copy)]
        folders = [str(each.folder) for each in (first, copy)]
        wholes = [absolute(each) for each in folders]
        level = len({each.count("/") for each in wholes}) == 1
        if names[0] != names[1] or first.config_missing != copy.config_missing:
            return None
        if not level or "." in folders or any(".." in Path(each).parts for each in folders):
            return None
        return cls(*folders, *wholes)

    def spelt(self, path: str) -> str:
        """`path` with the copy's folder in the place of the first's."""
        return _put(path, self.spelt_from, self.spelt_to) or path

    def leads(self, path: str) -> bool:
        """Whether `spelt` can translate `path`, or it is outside the first's folder altogether."""
        inside = _put(path, self.spelt_from, "") is not None
        return inside or _put(absolute(path), self.whole_from, "") is None

    def mentioned(self, text: str) -> bool:
        """Whether `text` mentions the first model by its path, or by a name the copy has not."""
        name, other = Path(self.whole_from).name, Path(self.whole_to).name
        # Of a folder `0` nothing is said by `vLLM 0.33.0`.
        bare = text if "." in name else _RELEASE.sub("", text)
        spelt = bare if self.spelt_from == name else text
        if self.spelt_from in spelt or self.whole_from in text:
            return True
        return name != other and bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", bare))

    def look(self, look: Look) -> Look | None:
        """The question for the copy that corresponds to `look`; None where that is not known."""
        if look.asked in _NOT_OF_PATHS:
            return look
        inside = _put(look.path, self.whole_from, self.whole_to)
        if inside is not None:
            return look._replace(path=inside)
        level = _level_above(look.path, self.whole_from)
        if level is not None:
            above = Path(self.whole_to).parents[level]
            here = Path(self.whole_from).parents[level]
            return look._replace(path=str(above / Path(look.path).relative_to(here)))
        return look if _lies_fast(look.path) else None


def _put(path: str, folder: str, other: str) -> str | None:
    """`path` with `other` in the place of `folder`, None when it does not lie there."""
    if path == folder:
        return other
    beginning = folder.rstrip("/") + "/"
    return other + path[len(beginning) - 1 :] if path.startswith(beginning) else None


def _level_above(path: str, folder: str) -> int | None:
    """The number of the parent of `folder` that `path` is, or is directly in.

    None where it is neither.
    """
    parents = [str(each) for each in Path(folder).parents]
    for each in (path, str(Path(path).parent)):
        if each in parents:
            return parents.index(each)
    return None


def _lies_fast(path: str) -> bool:
    """Whether `path` is where packages are installed, so that it is the same for every model."""
    return any(_put(path, absolute(folder), "") is not None for folder in sys.path)


def _states(states: States, way: _Way) -> States | None:
    """The states for the copy; None if one of them differs from that for the first."""
    found: dict[Look, object] = {}
    for look, state in states.items():
        there = way.look(look)
        if there is None:
            return None
        now = look_again(there, None)
        expected = state
        if look.asked is Asked.REAL and isinstance(state, str):
            expected = _put(state, way.whole_from, way.whole_to) or state
        if look.asked is Asked.NAME:
            now = Path(there.path).name
        if now != expected:
            return None
        found[there] = now
    return found


def _spans(found: Diagnostic) -> Iterator[Span]:
    yield found.span
    yield from (label.span for label in found.related)
    for edit in found.fix.edits if found.fix else ():
        yield edit.span
        if edit.beside is not None:
            yield edit.beside
