"""Runs a script under limits, and leaves no process behind.

The script gets a session of its own, so that whatever it starts can be counted and ended with it.
It reports through a file of JSON lines; all that it prints goes to the log.

On Linux every process below the script is contained, also one that begins a session of its own.
Where this process is killed before it can end them, another one ends the script, its session and
what is below it; then only what has left both the session and its parent is not contained.
Elsewhere: the script's session.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from types import FrameType
from typing import IO

from forgather_lint.core.files import read_at_most
from forgather_lint.core.record import record
from forgather_lint.probes.processes import Member, members

CHILDREN = Path(__file__).parent / "children"
_POLL_SECONDS = 0.2
_GRACE_SECONDS = 5.0
MOST_OUTPUT = 64 << 20
"""The most bytes of log of one run; checked from time to time, so that a log may be longer."""
_MOST_EVENTS = 8 << 20
_MOST_RESULTS = 256 << 20
_LAST_PHASE = "done"
NO_RESULTS = "it ended without results"

Event = Mapping[str, object]
Tell = Callable[[str], None]


class End(StrEnum):
    """How a run ended."""

    RETURNED = "returned"
    TIMED_OUT = "timed out"
    OUT_OF_MEMORY = "out of memory"
    TOO_MUCH_OUTPUT = f"more than {MOST_OUTPUT >> 20} MiB of output"


@record
class RunLimits:
    """Limits of one run; `memory` is in bytes, resident, summed over all its processes.

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

    @property
    def silent(self) -> bool:
        """Whether it ended without an error, but before its last phase."""
        return not self.failed and self.phase != _LAST_PHASE

    @property
    def silence(self) -> str:
        """The reason for a run that failed without naming an error."""
        return f"exit code {self.exit_code}" if self.exit_code else NO_RESULTS


def run(job: Job, limits: RunLimits, work: Path, tell: Tell) -> Ran:
    """Run `job` in the folder `work`; `tell` is called for each phase.

    Raises `KeyboardInterrupt` on Ctrl-C, SIGTERM and SIGHUP, after the processes have ended.
    """
    name = job.script.stem
    events, values = work / f"{name}.events", work / f"{name}.json"
    values.write_text(json.dumps({**job.values, "events": str(events)}), encoding="utf-8")
    events.touch()
    command = [job.python, str(job.script), str(values)]
    started = time.monotonic()
    adopted = _adopt_orphans()
    with job.log.open("ab") as log, _signals_interrupt():
        most = os.fstat(log.fileno()).st_size + MOST_OUTPUT
        process = subprocess.Popen(
            command,
            cwd=work,
            env=dict(job.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _watched(process.pid):
            try:
                end = _watch(process, limits, _Announcer(events, tell), partial(_over, log, most))
            finally:
                _end_session(process)
                if adopted:
                    _reap_orphans(process.pid)
    return Ran(end, process.returncode, _merged(events), time.monotonic() - started)


def _over(log: IO[bytes], most: int) -> bool:
    return os.fstat(log.fileno()).st_size > most


def _watch(
    process: subprocess.Popen[bytes],
    limits: RunLimits,
    announcer: _Announcer,
    too_much_output: Callable[[], bool],
) -> End:
    deadline = time.monotonic() + limits.seconds
    while process.poll() is None:
        announcer.announce()
        if time.monotonic() > deadline:
            return End.TIMED_OUT
        if resident_memory(process.pid) > limits.memory:
            return End.OUT_OF_MEMORY
        if too_much_output():
            return End.TOO_MUCH_OUTPUT
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
    """The complete lines so far.

    A line that is no JSON object is not from our script and skipped.
    """
    try:
        text = read_at_most(events, _MOST_EVENTS).decode("utf-8", "replace")
    except OSError:
        return
    for line in text[: text.rfind("\n") + 1].splitlines():
        with suppress(ValueError, RecursionError):
            event = json.loads(line)
            if isinstance(event, dict):
                yield event


def results(file: Path) -> object:
    """The JSON that a script wrote; None when it cannot be read."""
    try:
        return json.loads(read_at_most(file, _MOST_RESULTS))
    except (OSError, ValueError, RecursionError):
        return None


def _merged(events: Path) -> Event:
    return {key: value for event in _read(events) for key, value in event.items()}


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Terminate the script's session, then kill it; a second Ctrl-C only skips the waiting."""
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
    return process.poll() is None or any(each.runs for each in _members(process.pid))


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    for pid in {process.pid, *(each.pid for each in _members(process.pid))}:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


_PR_SET_CHILD_SUBREAPER = 36


@cache
def _adopt_orphans() -> bool:
    """Make Linux give us every process that a script leaves behind (prctl(2)); whether that worked.

    A child that calls `setsid` leaves its session, but it cannot leave the tree below us.
    """
    if sys.platform != "linux":
        return False
    import ctypes

    result: int = ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return result == 0


def _reap_orphans(script: int) -> None:
    """Collect the exit of processes that were given to us, except of `script`, which is awaited."""
    for each in _members(script):
        if each.pid != script:
            with suppress(ChildProcessError):
                os.waitpid(each.pid, os.WNOHANG)


def _members(session: int) -> list[Member]:
    """The processes of `session`, and those that a script left behind and that were given to us."""
    above = os.getpid() if _adopt_orphans() else session
    return [each for each in members(session, above) if each.pid not in _watchdogs]


_watchdogs: set[int] = set()
"""Processes of ours below us, which are no script's."""


@contextmanager
def _watched(session: int) -> Iterator[None]:
    """Have another process end `session` if we are killed within the block."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("processes.py"))]
    with subprocess.Popen(
        [*command, str(session)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watchdog:
        _watchdogs.add(watchdog.pid)
        try:
            yield
        finally:
            assert watchdog.stdin is not None
            with suppress(BrokenPipeError):
                watchdog.stdin.write(b".")
                watchdog.stdin.flush()
    _watchdogs.discard(watchdog.pid)


def resident_memory(session: int) -> int:
    """Bytes that the processes of `session` hold; shared memory counts for each."""
    return sum(each.pages for each in _members(session)) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Within the block SIGTERM and SIGHUP raise as Ctrl-C does, so that everything can be ended."""
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
