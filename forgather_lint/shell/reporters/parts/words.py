"""All texts of a finding as plain text, for formats without fields of their own for them."""

from __future__ import annotations

from collections.abc import Iterator

from forgather_lint.core.diagnostics import Diagnostic
from forgather_lint.core.printable import printable


def notes_of(found: Diagnostic) -> Iterator[str]:
    """The consequence, the releases and the help, each on a line or more."""
    notes = (
        ("At run time", found.consequence),
        ("Releases", str(found.releases or "")),
        ("Help", found.help),
    )
    for name, text in notes:
        if text:
            yield f"{name}: " + "\n".join(map(printable, text.split("\n")))


def told_whole(found: Diagnostic) -> str:
    """The message and the notes, in lines that contain only printable text."""
    return "\n".join((printable(found.message), *notes_of(found)))
