"""Which fixes can be made together, and applying them to a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field

from forgather_lint.core.diagnostics import Applicability, Diagnostic, ResolvedEdit, ResolvedFix
from forgather_lint.core.record import record
from forgather_lint.core.source import Lines
from forgather_lint.documents.newlines import newline_at

_WANTED = {
    False: frozenset({Applicability.SAFE}),
    True: frozenset({Applicability.SAFE, Applicability.UNSAFE}),
}


def is_applicable(found: Diagnostic, unsafe: bool) -> bool:
    """Whether `--fix` (with `unsafe`: `--unsafe-fixes`) would fix `found`."""
    return found.fix is not None and found.fix.applicability in _WANTED[unsafe]


@record(frozen=False)
class FixChoice:
    """Fixes that do not touch the same text twice, chosen in order of position, as ruff does.

    The others have to wait until the texts have been read again.
    """

    edits: dict[str, list[ResolvedEdit]] = field(default_factory=dict)
    taken: list[Diagnostic] = field(default_factory=list)

    def offer(self, found: Diagnostic) -> None:
        """Choose the fix of `found`, unless it changes what an already chosen one changes."""
        if found.fix is None or not found.fix.edits:
            return
        if all(each in self.edits.get(each.span.path, ()) for each in found.fix.edits):
            self.taken.append(found)  # another finding that the same edits mend
        elif not any(self._meets(each) for each in found.fix.edits):
            self.taken.append(found)
            for each in found.fix.edits:
                self.edits.setdefault(each.span.path, []).append(each)

    def _meets(self, edit: ResolvedEdit) -> bool:
        return any(_touch(edit, other) for other in self.edits.get(edit.span.path, ()))


def _touch(one: ResolvedEdit, other: ResolvedEdit) -> bool:
    """Whether the two change the same characters, or insert at the same point."""
    return one.span.start <= other.span.end and other.span.start <= one.span.end


def choose_fixes(found: Iterable[Diagnostic]) -> FixChoice:
    """The fixes of `found` that can be made in one go."""
    choice = FixChoice()
    for each in sorted(found, key=_place_of_fix):
        choice.offer(each)
    return choice


def _place_of_fix(found: Diagnostic) -> tuple[object, ...]:
    fix = found.fix
    first = min((each.span for each in fix.edits), default=found.span) if fix else found.span
    return first, found.code, found.span


_LONE_NEWLINE = re.compile(r"(?<!\r)\n")


def applied(text: str, edits: Iterable[ResolvedEdit]) -> str:
    """`text` with all of `edits` made, none of which may touch another.

    Lines that they add end as those of the text do: who makes an edit may have seen it otherwise.
    """
    lines = Lines(text)
    for edit in sorted(edits, key=lambda edit: edit.span, reverse=True):
        start, end = lines.offset(edit.span.start), lines.offset(edit.span.end)
        content = _LONE_NEWLINE.sub(newline_at(text, start), edit.content)
        text = text[:start] + content + text[end:]
    return text


def files_of(fix: ResolvedFix) -> Iterator[str]:
    """The files that a fix changes."""
    yield from dict.fromkeys(edit.span.path for edit in fix.edits)
