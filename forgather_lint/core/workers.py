"""Processes that do the work of a run, so that no input can take the run down.

Each job is done in a worker under limits of the operating system: processor time, address space,
wall time, no core dump. A worker that dies, hangs or outgrows a limit loses its job and nothing
else; another takes its place.

Workers are forked after the imports, which costs some milliseconds, and told what to do through
pipes. The pools of the standard library are not used: `ProcessPoolExecutor` gives up all jobs when
one worker dies and knows no time limit, and importing `multiprocessing` costs more than the forks.
Where there is no fork (Windows), or this process may not be forked (it has threads), workers are
started anew, which costs each of them the imports: `spawned.py`. A run of a single job does it in
this process there, under a watchdog that ends the run, if the process is the run's own.
"""

from __future__ import annotations

import gc
import os
import pickle
import select
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from types import TracebackType
from typing import NoReturn

from forgather_lint.core import doing
from forgather_lint.core.framing import complete, received_from, send_to
from forgather_lint.core.record import record
from forgather_lint.core.recursion import with_room
from forgather_lint.core.remembered import in_run, new_run

Job = Callable[[], object]
"""What a worker does: a callable that can be pickled, as a `partial` of a module's function."""

CAN_FORK = hasattr(os, "fork")
_WALL_PER_PROCESSOR_SECOND = 5
"""Wall time may be so many times processor time, as other programs want the processor too."""
_CHUNK = 1 << 16
_LEAST_WAIT = 0.01


@record
class JobLimits:
    """What one job may take: seconds of processor time, and bytes on top of what the tool has."""

    seconds: float
    memory: int

    @property
    def wall(self) -> float:
        """Seconds of wall time after which a job is taken to hang."""
        return self.seconds * _WALL_PER_PROCESSOR_SECOND


@record
class Lost:
    """The result of a job that was ended: why, and what it was doing."""

    reason: str
    doing: str


@record
class Bell:
    """A descriptor that, once it can be read, calls off the running jobs (see `Outdated`).

    It is not looked at before a job has had `patience` seconds: a job that is nearly done is worth
    more than one that begins anew.
    """

    descriptor: int
    patience: float


class Outdated(Exception):
    """The jobs were called off: nobody waits any longer for their results."""


class Workers:
    """Up to `number` processes; leaving the context ends them all.

    `own`: this process belongs to the run, and may be ended should a job hang that it does itself.
    `bell`: when it rings the jobs are given up, and `results` raises `Outdated`.
    """

    def __init__(
        self,
        number: int,
        limits: JobLimits,
        *,
        forked: bool = CAN_FORK,
        own: bool = True,
        bell: Bell | None = None,
    ) -> None:
        self.number = number
        self.limits = limits
        self.forked = forked
        self.own = own
        self.bell = bell
        self._workers: list[_ForkedWorker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each in self._workers:
            each.end()
        self._workers = []

    def results(self, jobs: Sequence[Job], *, by_one: bool = False) -> Iterator[object]:
        """The result of each job, in the order of `jobs`; `Lost` for a job that was ended.

        They belong to one run (`core/remembered.py`).

        `by_one`: one worker does them all in turn, as they share what it has read.
        """
        number = new_run()
        jobs = [partial(in_run, number, job) for job in jobs]
        if not self.forked:
            yield from self._without_fork(jobs, 1 if by_one else self.number)
            return
        waiting = deque(enumerate(jobs))
        done: dict[int, object] = {}
        for number in range(len(jobs)):
            while number not in done:
                self._employ(waiting, 1 if by_one else self.number)
                self._await(done)
            yield done.pop(number)

    def _without_fork(self, jobs: Sequence[Job], most: int) -> Iterator[object]:
        if self.own and len(jobs) == 1:
            yield _watched(jobs[0], self.limits)
            return
        # Where processes fork, nothing pays for reading this.
        from forgather_lint.core.spawned import spawned_results

        yield from spawned_results(jobs, most, self.limits)

    def _employ(self, waiting: deque[tuple[int, Job]], most: int) -> None:
        """Give a job to every idle worker, and start further ones, up to `most`."""
        kept = self.bell is not None
        for place in range(most):
            if not waiting:
                return
            if place == len(self._workers):
                self._workers.append(_ForkedWorker(self.limits, self._workers, kept=kept))
            elif self._workers[place].ended:
                others = [each for each in self._workers if not each.ended]
                self._workers[place] = _ForkedWorker(self.limits, others, kept=kept)
            if self._workers[place].number is None:
                self._workers[place].give(*waiting.popleft())

    def _await(self, done: dict[int, object]) -> None:
        """Wait until a job is done or overdue, and put its result into `done`."""
        busy = [each for each in self._workers if each.number is not None]
        wait = max(_LEAST_WAIT, min(each.deadline for each in busy) - time.monotonic())
        watched: list[_ForkedWorker | int] = [*busy]
        if self.bell is not None:
            patience = self.bell.patience - (time.monotonic() - max(x.began for x in busy))
            if patience <= 0:
                watched.append(self.bell.descriptor)
            else:
                wait = min(wait, patience)
        ready, _, _ = select.select(watched, [], [], wait)
        if self.bell is not None and self.bell.descriptor in ready:
            for each in busy:
                each.end()
            raise Outdated
        for each in busy:
            number = each.number
            assert number is not None
            if each in ready:
                if (came := each.take()) is not None:
                    done[number] = came[0]
            elif time.monotonic() > each.deadline:
                done[number] = each.overdue()


class _ForkedWorker:
    """One forked process, the pipes to and from it, and the job that it is doing."""

    def __init__(
        self, limits: JobLimits, siblings: Sequence[_ForkedWorker], *, kept: bool = False
    ) -> None:
        self.limits = limits
        self.number: int | None = None
        self.began = self.deadline = 0.0
        self.ended = False
        self.board = doing.Board()
        self._read = bytearray()
        to_read, self._to = os.pipe()
        self._from, to_write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            for each in siblings:
                each.close()
            os.close(self._to)
            os.close(self._from)
            _serve(to_read, to_write, limits, self.board, kept=kept)
        os.close(to_read)
        os.close(to_write)

    def fileno(self) -> int:
        """The descriptor that its answers come from, for `select`."""
        return self._from

    def give(self, number: int, job: Job) -> None:
        """Send it `job`, which is number `number` of the run."""
        self.number = number
        self.began = time.monotonic()
        self.deadline = self.began + self.limits.wall
        self._read.clear()
        with suppress(BrokenPipeError):  # it has died; `take` will tell
            send_to(self._to, pickle.dumps(job))

    def take(self) -> tuple[object] | None:
        """The result of its job, in a tuple; None as long as the answer is not complete."""
        chunk = os.read(self._from, _CHUNK)
        if not chunk:
            return (self._lost(self._reaped()),)
        self._read += chunk
        if (message := complete(self._read)) is None:
            return None
        self.number = None
        came = pickle.loads(message)
        if isinstance(came, Lost):
            self.end()  # its memory may be full, and its state half made
        return (came,)

    def overdue(self) -> Lost:
        """End it because its time is over."""
        lost = self._lost(f"it did not end within {self.limits.wall:g} seconds")
        self.end()
        return lost

    def end(self) -> None:
        """End it and forget its job."""
        if not self.ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(self.pid, 0)
            self._forget()

    def close(self) -> None:
        """Close its pipes."""
        for descriptor in (self._to, self._from):
            with suppress(OSError):
                os.close(descriptor)

    def _forget(self) -> None:
        self.ended, self.number = True, None
        self.close()

    def _reaped(self) -> str:
        """How it died, in words; waits for it."""
        _, status = os.waitpid(self.pid, 0)
        self._forget()
        return ending(os.waitstatus_to_exitcode(status), self.limits)

    def _lost(self, reason: str) -> Lost:
        return Lost(reason, self.board.read())


def ending(code: int, limits: JobLimits) -> str:
    """How a process died, in words: `code` is its exit code, or a signal as a negative number."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    if -code == getattr(signal, "SIGXCPU", None):
        return f"it took more than {limits.seconds:g} seconds of processor time"
    return f"its process was ended by {signal.Signals(-code).name}"


def too_much_memory(limits: JobLimits) -> str:
    """The reason that is told for a job that has outgrown its memory."""
    return f"it took more than {limits.memory / 2**30:g} GiB of memory"


def _serve(
    jobs: int, answers: int, limits: JobLimits, board: doing.Board, *, kept: bool
) -> NoReturn:
    """Do the jobs that come through the pipe `jobs` until it is closed; never returns into the run.

    `kept`: the worker waits between jobs, and is not to count that time.
    """
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its workers itself
        doing.show_on(board)
        # What the run has loaded is no garbage. To search it would copy its pages, too.
        gc.freeze()
        while (told := received_from(jobs)) is not None:
            bound(limits)
            board.write("")
            answer = _answer(told, limits, board)
            _unlimit()
            send_to(answers, answer)
            if kept:
                gc.collect()  # now, not while somebody waits for the next answer
        code = 0
    finally:
        os._exit(code)


def _answer(job: bytes, limits: JobLimits, board: doing.Board) -> bytes:
    """The result of the pickled `job`, pickled."""
    came = outcome(job, limits, board)
    _unlimit()
    return pickle.dumps(came)


def outcome(job: bytes, limits: JobLimits, board: doing.Board) -> object:
    """The result of the pickled `job`; an exception that it raises is turned into a result.

    It is done in a context of its own: the texts that were laid over the disk when this process was
    forked belong to another question.
    """
    try:
        came = Context().run(with_room, pickle.loads(job))
        pickle.dumps(came)
    except MemoryError:
        return Lost(too_much_memory(limits), board.read())
    except Exception as error:  # noqa: BLE001 - an error of ours, told by the run as one
        return Lost(f"internal error: {error!r} (see --debug)", board.read())
    return came


def bound(limits: JobLimits) -> None:
    """Limit what this process may take from now on.

    Soft limits, so that the next job can move them.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limits: wall time is the bound
        return

    used = time.process_time()
    _soft(resource.RLIMIT_CORE, 0)
    _soft(resource.RLIMIT_CPU, int(used + limits.seconds) + 1)
    size = _address_space()
    if size is not None:
        _soft(resource.RLIMIT_AS, size + limits.memory)


def _unlimit() -> None:
    """Lift the limits for what this process does after a job, which is code of ours alone."""
    import resource  # only forked workers come here

    for kind in (resource.RLIMIT_CPU, resource.RLIMIT_AS):
        _soft(kind, resource.getrlimit(kind)[1])


def _soft(kind: int, value: int) -> None:
    import resource

    hard = resource.getrlimit(kind)[1]
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(ValueError, OSError):  # macOS knows some of them by name only
        resource.setrlimit(kind, (bounded, hard))


def _address_space() -> int | None:
    """Bytes of address space that this process has; None where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as told:  # noqa: PTH123 - costs less
            return int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _watched(job: Job, limits: JobLimits) -> object:
    """The result of `job()` in this process.

    A job that hangs ends the run, as nothing else could.
    """

    def end() -> None:
        sys.stderr.write(f"error: it did not end within {limits.wall:g} seconds\n")
        sys.stderr.flush()
        os._exit(2)

    watchdog = threading.Timer(limits.wall, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        return with_room(job)
    except MemoryError:
        return Lost(too_much_memory(limits), "")
    finally:
        watchdog.cancel()
