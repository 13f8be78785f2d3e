"""Which processes a script has started, by /proc, and what ends them when the tool cannot.

    python processes.py SESSION

The tool runs this file for each script, as a process of its own that waits at its standard input.
The tool writes a byte when it has ended the script itself. An end of the input without one means
that the tool was killed: then this process kills what belongs to the session of the script. It
imports nothing of the package, so that it can be run by its path.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_TURNS = 20
_PAUSE_SECONDS = 0.1


class Member(NamedTuple):
    """One process."""

    pid: int
    state: str
    parent: int
    session: int
    pages: int

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self.state not in "ZX"


def processes() -> Iterator[Member]:
    """All processes, as /proc/<pid>/stat (proc_pid_stat(5)) lists them."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text("ascii", "replace")
        except OSError:
            continue  # it ended meanwhile
        fields = text.rpartition(")")[2].split()
        parent, session, pages = (int(fields[place]) for place in (1, 3, 21))
        yield Member(int(stat.parent.name), fields[0], parent, session, pages)


def members(session: int, above: int) -> list[Member]:
    """The processes of `session`, and all below the process `above` but itself."""
    found = list(processes())
    below = {above}
    while more := {each.pid for each in found if each.parent in below} - below:
        below |= more
    below.discard(above)
    return [each for each in found if each.session == session or each.pid in below]


def _kill(session: int) -> None:
    """Kill the session and what is below its leader until nothing of it is left."""
    for _ in range(_TURNS):
        left = [each.pid for each in members(session, session) if each.runs]
        if not left:
            return
        for pid in sorted(left, key=lambda pid: pid == session):  # its children are found by it
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not sys.stdin.buffer.read(1):
        _kill(int(sys.argv[1]))
