"""The look of a unified diff."""

from __future__ import annotations

from forgather_lint.shell.reporters.parts.style import Style

_COLOURS = {"-": "red", "+": "green", "@": "cyan"}
_HEADINGS = 2


def painted(number: int, line: str, style: Style) -> str:
    """Line `number` (from 0) of the diff of a file; the headings have the look of neither side."""
    if number < _HEADINGS:
        return style.paint(line, bold=True)
    colour = _COLOURS.get(line[:1])
    return style.paint(line, colour) if colour else line
