"""Workers started as new Python processes, where forking is impossible or not safe.

A worker gets its jobs through its standard input; a thread for each of them reads the answers,
because Windows can wait for a pipe in no other way. Each worker pays for the imports once. Limits
of the operating system hold where it has them; on Windows wall time is the only bound.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

from forgather_lint.core import doing
from forgather_lint.core.framing import received, send
from forgather_lint.core.workers import Job, JobLimits, Lost, bound, ending, outcome

_START = (
    "import sys; sys.path[:] = sys.argv[2:]\n"
    "from forgather_lint.core.spawned import serve\n"
    "serve(sys.argv[1])"
)
_NUMBERS = count()
_BEGUN = b""
"""What a worker sends as it begins a job; until then its wall time does not run."""
_SECONDS_TO_BEGIN = 120.0
_LEAST_WAIT = 0.01

Answers = queue.Queue[tuple["_SpawnedWorker", bytes | None]]
"""Messages of workers, each with its worker; None: that worker has ended."""


def spawned_results(jobs: Sequence[Job], most: int, limits: JobLimits) -> Iterator[object]:
    """The result of each job, in the order of `jobs`, computed by up to `most` workers.

    A job that was ended has the result `Lost`.
    """
    waiting = deque(enumerate(jobs))
    done: dict[int, object] = {}
    answers: Answers = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="forgather-lint-") as folder:
        workers: list[_SpawnedWorker] = []
        try:
            for number in range(len(jobs)):
                while number not in done:
                    _employ(workers, waiting, most, limits, answers, Path(folder))
                    _await(workers, answers, done)
                yield done.pop(number)
        finally:
            for each in workers:
                each.end()


def _employ(
    workers: list[_SpawnedWorker],
    waiting: deque[tuple[int, Job]],
    most: int,
    limits: JobLimits,
    answers: Answers,
    folder: Path,
) -> None:
    """Give a job to every idle worker, and start further ones, up to `most`."""
    workers[:] = [each for each in workers if not each.ended]
    for idle in [each for each in workers if each.number is None]:
        if waiting:
            idle.give(*waiting.popleft())
    while waiting and len(workers) < most:
        workers.append(_SpawnedWorker(limits, answers, folder))
        workers[-1].give(*waiting.popleft())


def _await(workers: list[_SpawnedWorker], answers: Answers, done: dict[int, object]) -> None:
    """Wait until a job is done or overdue, and put its result into `done`."""
    busy = [each for each in workers if each.number is not None]
    wait = max(_LEAST_WAIT, min(each.deadline for each in busy) - time.monotonic())
    with suppress(queue.Empty):
        worker, answer = answers.get(timeout=wait)
        if answer == _BEGUN:
            worker.begins()
        elif (number := worker.number) is not None:
            done[number] = worker.take(answer)
    for each in busy:
        if (number := each.number) is not None and time.monotonic() > each.deadline:
            done[number] = each.overdue()


class _SpawnedWorker:
    """One process, the thread that reads its messages, and the job that it is doing."""

    def __init__(self, limits: JobLimits, answers: Answers, folder: Path) -> None:
        self.limits = limits
        self.number: int | None = None
        self.deadline = 0.0
        self.ended = False
        place = folder / str(next(_NUMBERS))
        self.board = doing.Board(place)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(place), *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        threading.Thread(target=self._pass_on, args=(answers,), daemon=True).start()

    def give(self, number: int, job: Job) -> None:
        """Send it `job`, which is number `number` of the run."""
        self.number = number
        self.deadline = time.monotonic() + _SECONDS_TO_BEGIN
        assert self._process.stdin is not None
        with suppress(OSError):  # it has died; its thread will tell
            send(self._process.stdin, pickle.dumps((pickle.dumps(job), self.limits)))

    def begins(self) -> None:
        """Start the clock: the worker has loaded what it needs."""
        self.deadline = time.monotonic() + self.limits.wall

    def take(self, answer: bytes | None) -> object:
        """The result of its job from what it sent; `Lost` where it has ended."""
        if answer is None:
            lost = self._lost(ending(self._process.wait(), self.limits))
            self.end()
            return lost
        self.number = None
        came: object = pickle.loads(answer)
        if isinstance(came, Lost):
            self.end()  # its memory may be full, and its state half made
        return came

    def overdue(self) -> Lost:
        """End it because its time is over."""
        lost = self._lost(f"it did not end within {self.limits.wall:g} seconds")
        self.end()
        return lost

    def end(self) -> None:
        """End it and forget its job."""
        if not self.ended:
            self.ended, self.number = True, None
            self._process.kill()
            self._process.wait()

    def _lost(self, reason: str) -> Lost:
        return Lost(reason, self.board.read())

    def _pass_on(self, answers: Answers) -> None:
        stream = self._process.stdout
        assert stream is not None
        with stream:
            while (answer := received(stream)) is not None:
                answers.put((self, answer))
        answers.put((self, None))


def serve(board: str) -> None:
    """Do the jobs that come through standard input until it is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run ends its workers itself
    jobs, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing but answers goes out there
    shared = doing.Board(Path(board))
    doing.show_on(shared)
    while (told := received(jobs)) is not None:
        job, limits = pickle.loads(told)
        pickle.loads(job)  # what it imports is none of its work
        send(answers, _BEGUN)
        shared.write("")
        bound(limits)
        send(answers, pickle.dumps(outcome(job, limits, shared)))
