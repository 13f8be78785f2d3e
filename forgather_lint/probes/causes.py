"""Finds the error that a user would search for in the log of a run that failed."""

from __future__ import annotations

import re
from collections.abc import Sequence

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PREFIX = re.compile(r"^(?:\([^)]*pid=\d+\) ?)?(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] ?)?")
_ERROR = re.compile(
    r"^(?:[\w.]+\.)?\w*(?:Error|Exception|StopIteration|Interrupt)(?::.*)?$"
    r"|^(?:malloc|free|munmap|double free)\b.*"
    r"|.*(?:Segmentation fault|Illegal instruction|Fatal Python error).*"
)
_CONSEQUENCES = (
    "Engine core initialization failed",
    "EngineDeadError",
    "WorkerProc initialization failed",
    "Executor failed",
    "Worker failed with error",
    "cancelled",
)
_HANDLED = "During handling of the above exception"
_MORE_LINES = 2


def first_error(log: str) -> str | None:
    """The first error that some process logged, as later ones are its consequences; None: no error.

    What is logged as a warning did not end anything, and an error that another arose from was
    handled. For pydantic the reason is on the following lines.
    """
    lines = [line for line in map(_plain, log.splitlines()) if line]
    for number, line in enumerate(lines):
        follows = lines[number + 1] if number + 1 < len(lines) else ""
        if follows.startswith(_HANDLED) or any(text in line for text in _CONSEQUENCES):
            continue
        if _ERROR.match(line):
            return _with_reason(lines, number)
    return None


def _plain(line: str) -> str:
    """`line` without colours and the logger's prefix; empty for a warning."""
    line = _COLOUR.sub("", line)
    prefix = _PREFIX.match(line)
    assert prefix is not None  # every part of it is optional
    if "WARNING" in prefix.group():
        return ""
    return line[prefix.end() :].strip()


def _with_reason(lines: Sequence[str], number: int) -> str:
    if "validation error" not in lines[number]:
        return lines[number]
    return " ".join(lines[number : number + 1 + _MORE_LINES])
