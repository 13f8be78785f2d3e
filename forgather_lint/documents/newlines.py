"""The ends of lines of a text."""

from __future__ import annotations

import re


def newline_at(text: str, start: int) -> str:
    """The line end of the line before `start`."""
    found = re.compile(r"\r\n|\r|\n").search(text, max(0, text.rfind("\n", 0, start) - 1))
    return found[0] if found else "\n"
