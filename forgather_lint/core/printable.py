"""Text of strangers, made safe to print and of known width.

Model source is hostile input: an escape sequence in a string could repaint the terminal, and a
bidirectional control could show a line in another order than Python reads it. Runners of a CI take
`##vso[` and `##[` for a command wherever in a line of the log they stand (azure-pipelines-agent,
Command.cs; actions/runner, ActionCommand.cs).
"""

from __future__ import annotations

import re
import unicodedata

_CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_BIDIRECTIONAL = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_COMMANDS = r"(?<=#)#(?=\[[a-z]|vso\[)"
_HARMFUL = re.compile(f"[{_CONTROLS}{_BIDIRECTIONAL}]|{_COMMANDS}")
_COMMAND_AT_START = re.compile(r"^(\s*):(?=:)")
_TAB = "    "
_SHOWN = "\N{REPLACEMENT CHARACTER}"


def printable(text: str) -> str:
    """`text` on one line: tabs widened, control characters made visible, CI commands disarmed."""
    return _HARMFUL.sub(_SHOWN, text.replace("\t", _TAB).replace("\n", " "))


def beginning(text: str) -> str:
    """Like `printable`, for text at the start of a line, where GitHub's runner obeys `::`.

    Source: actions/runner, ActionCommand.cs::TryParseV2.
    """
    return _COMMAND_AT_START.sub(rf"\1{_SHOWN}", printable(text))


def of_file(line: str) -> str:
    """Like `printable`, but tabs, and a carriage return at the end, are kept: a line of a diff."""
    end = "\r" if line.endswith("\r") else ""
    return "\t".join(map(printable, line.removesuffix("\r").split("\t"))) + end


def shortened(text: str, most: int = 80) -> str:
    """`text`, cut to `most` characters where it is longer."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def width(text: str) -> int:
    """How many terminal cells printable `text` takes."""
    return sum(map(_cells, text)) if not text.isascii() else len(text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
