"""Runs a script under limits, and leaves no process behind.

The script gets a session of its own, so that whatever it starts can be counted and ended with it.
It reports through a file of JSON lines; all that it prints goes to the log.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from types import FrameType

from forgather_lint.core.record import record

CHILDREN = Path(__file__).parent / "children"
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0

Event = Mapping[str, object]
Tell = Callable[[str], None]


class End(StrEnum):
    """How a run ended."""

    RETURNED = "returned"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"


@record
class Limits:
    """Bounds of one run; `memory` is in bytes, resident, summed over all its processes.

    Memory is only watched where there is a /proc.
    """

    seconds: float
    memory: int


@record
class Job:
    """What to run: a script, the values it reads, and where its output is kept."""

    script: Path
    values: Mapping[str, object]
    python: str
    environment: Mapping[str, str]
    log: Path


@record
class Ran:
    """A finished run. `said` merges what the script reported, later values over earlier ones."""

    end: End
    exit_code: int | None
    said: Mapping[str, object]
    seconds: float

    @property
    def phase(self) -> str:
        """The last phase that the script announced; `start` when it never got that far."""
        return str(self.said.get("phase", "start"))

    @property
    def failed(self) -> bool:
        return self.end is not End.RETURNED or self.exit_code != 0


def run(job: Job, limits: Limits, work: Path, tell: Tell) -> Ran:
    """Run `job` in the folder `work`; `tell` hears of each phase.

    Raises `KeyboardInterrupt` on Ctrl-C, SIGTERM and SIGHUP, after the processes have ended.
    """
    name = job.script.stem
    events, values = work / f"{name}.events", work / f"{name}.json"
    values.write_text(json.dumps({**job.values, "events": str(events)}), encoding="utf-8")
    events.touch()
    command = [job.python, str(job.script), str(values)]
    started = time.monotonic()
    with job.log.open("ab") as log, _signals_interrupt():
        process = subprocess.Popen(
            command,
            cwd=work,
            env=dict(job.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            end = _watch(process, limits, _Announcer(events, tell))
        finally:
            _end_session(process)
    return Ran(end, process.returncode, _merged(events), time.monotonic() - started)


def _watch(process: subprocess.Popen[bytes], limits: Limits, announcer: _Announcer) -> End:
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        announcer.announce()
        if time.monotonic() > deadline:
            return End.TIMED_OUT
        if resident_memory(process.pid) > limits.memory:
            return End.OUT_OF_MEMORY
        time.sleep(_POLL_SECONDS)
    announcer.announce()
    return End.RETURNED


class _Announcer:
    """Tells each phase once, as it appears in the file of events."""

    def __init__(self, events: Path, tell: Tell) -> None:
        self._events = events
        self._tell = tell
        self._told = 0

    def announce(self) -> None:
        phases = [event["phase"] for event in _read(self._events) if "phase" in event]
        for phase in phases[self._told :]:
            self._tell(str(phase))
        self._told = len(phases)


def _read(events: Path) -> Iterator[Event]:
    """The complete lines so far."""
    text = events.read_text("utf-8")
    for line in text[: text.rfind("\n") + 1].splitlines():
        yield json.loads(line)


def _merged(events: Path) -> Event:
    return {key: value for event in _read(events) for key, value in event.items()}


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Ask the script's session to end, then make it; a second Ctrl-C only cuts the asking short."""
    try:
        if _alive(process):
            _signal(process, signal.SIGTERM)
            _await_end(process)
    finally:
        if _alive(process):
            _signal(process, signal.SIGKILL)
            _await_end(process)
        process.wait()


def _await_end(process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _GRACE_SECONDS
    while _alive(process) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS / 4)


def _alive(process: subprocess.Popen[bytes]) -> bool:
    """Whether the script or anything that it started still runs."""
    return process.poll() is None or any(each.state not in "ZX" for each in _members(process.pid))


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    for pid in {process.pid, *(each.pid for each in _members(process.pid))}:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@record
class _Member:
    pid: int
    state: str
    pages: int


def _members(session: int) -> Iterator[_Member]:
    """The processes of `session`, as /proc/<pid>/stat (proc_pid_stat(5)) lists them."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text("ascii", "replace")
        except OSError:
            continue  # it ended meanwhile
        fields = text.rpartition(")")[2].split()
        if int(fields[3]) == session:
            yield _Member(int(stat.parent.name), fields[0], int(fields[21]))


def resident_memory(session: int) -> int:
    """Bytes that the processes of `session` hold; what they share counts for each."""
    return sum(each.pages for each in _members(session)) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that it can tidy up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {each: signal.signal(each, interrupt) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
