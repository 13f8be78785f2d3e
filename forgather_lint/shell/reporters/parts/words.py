"""All texts of a finding as plain text, for formats without fields of their own for them."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.printable import printable
from forgather_lint.shell.reporters.parts.style import Style

_MOST_MODELS = 4


def named_notes(found: Diagnostic, style: Style) -> Iterator[tuple[str, str]]:
    """What is seen at run time, for which releases, what helps, and whose it is; with its names."""
    notes = (
        ("at run time", found.consequence),
        ("releases", str(found.releases or "")),
        ("help", found.help),
        ("stands in", found.origin),
        ("found in", _models(found, style)),
    )
    yield from ((name, text) for name, text in notes if text)


def notes_of(found: Diagnostic, style: Style) -> Iterator[str]:
    """What is said at each of several places, then the notes; each on a line or more."""
    for place in found.places:
        yield f"Line {place.span.start.row}: {printable(place.text)}"
    for name, text in named_notes(found, style):
        yield f"{name.capitalize()}: " + "\n".join(map(printable, text.split("\n")))


def also_at(found: Diagnostic) -> str:
    """The rows of all places of `found` but the first; all are in one file."""
    rows = dict.fromkeys(str(place.span.start.row) for place in found.places[1:])
    return f"{'line' if len(rows) == 1 else 'lines'} {', '.join(rows)}"


def told_whole(found: Diagnostic, style: Style) -> str:
    """The message and the notes, in lines that hold nothing but printable text."""
    return "\n".join((printable(found.message), *notes_of(found, style)))


def _models(found: Diagnostic, style: Style) -> str:
    """The models or configurations that share the finding; nothing where there is one."""
    if len(found.models) < 2:
        return ""
    more = len(found.models) - _MOST_MODELS
    named = ", ".join(style.path(each) for each in found.models[:_MOST_MODELS])
    return f"{named} and {more} more" if more > 0 else named
