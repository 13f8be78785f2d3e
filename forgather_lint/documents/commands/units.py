"""Commands in files of lines `NAME=COMMAND`: systemd's units, supervisord's programs, Procfiles."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forgather_lint.core.record import record
from forgather_lint.documents.commands.located import Located


@record
class Unit:
    """One command, or with `assigns` the assignments of variables for the command that follows."""

    body: Located
    assigns: bool


_LINES = {
    "systemd": re.compile(r"^[ \t]*(?:ExecStart|(Environment))[ \t]*=[ \t]*[-@:+!]*", re.M),
    "supervisor": re.compile(r"^[ \t]*(?:command|(environment))[ \t]*=[ \t]*", re.M),
    "procfile": re.compile(r"^[\w-]+()[ \t]*:[ \t]+", re.M),
}
KINDS = tuple(_LINES)


def units(whole: Located, kind: str) -> Iterator[Unit]:
    """The commands and assignments in a file of this `kind`; a backslash continues a line."""
    text, end = whole.text, 0
    for found in _LINES[kind].finditer(text):
        if found.start() < end:
            continue  # it is the rest of another's line
        end = found.end()
        while (newline := text.find("\n", end)) >= 0 and text[newline - 1] == "\\":
            end = newline + 1
        body = whole.part(found.end(), len(text) if newline < 0 else newline)
        if kind == "supervisor" and found[1]:
            body = body.rewritten(re.compile(r","), lambda _: " ")
        yield Unit(body, bool(found[1]))
