"""The analysing process as the server sees it: questions go in, answers come as they are made.

Two threads move the bytes, since a full pipe must not block the editor, and Windows has no other
way to wait for one. A process that dies is restarted, and its questions end without an answer.
"""

from __future__ import annotations

import asyncio
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import IO

from forgather_lint.core.framing import received, send
from forgather_lint.shell.server.questions import Answer, Done, Question

MOST_STARTS = 20
_START = (
    "import sys; sys.path[:] = sys.argv[1:]\n"
    "from forgather_lint.shell.server.analyst import serve\n"
    "serve()"
)
_Sent = queue.SimpleQueue[bytes | None]
_Waiting = list[asyncio.Queue[Answer]]


class Ended(Exception):
    """The process has died too often to be restarted."""


class Link:
    """Puts questions to one process, which is started at once so that it can import meanwhile."""

    def __init__(self) -> None:
        self.starts = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._sent: _Sent = queue.SimpleQueue()
        self._waiting: _Waiting = []  # of this process: one that died ends its own questions alone
        threading.Thread(target=_send, args=(self._process.stdin, self._sent), daemon=True).start()
        threading.Thread(
            target=self._receive, args=(self._process, self._waiting), daemon=True
        ).start()

    async def answers(self, question: Question) -> AsyncIterator[Answer]:
        """The answers to `question`, `Done` last. Raises `Ended`.

        A question that is put while another is being answered may end that one.
        """
        self._loop = asyncio.get_running_loop()
        if self._process.poll() is not None:
            if self.starts >= MOST_STARTS:
                raise Ended
            self._start()
        answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._waiting.append(answers)
        self._sent.put(pickle.dumps(question))
        while True:
            answer = await answers.get()
            yield answer
            if isinstance(answer, Done):
                return

    def end(self) -> None:
        """End the process."""
        self._sent.put(None)
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _receive(self, process: subprocess.Popen[bytes], waiting: _Waiting) -> None:
        stream = process.stdout
        assert stream is not None
        while (data := received(stream)) is not None:
            self._pass_on(pickle.loads(data), waiting)
        process.wait()
        while waiting:
            self._pass_on(Done(outdated=True), waiting)

    def _pass_on(self, answer: Answer, waiting: _Waiting) -> None:
        loop = self._loop
        if loop is None or not waiting:
            return
        first = waiting[0]
        if isinstance(answer, Done):
            waiting.pop(0)
        with suppress(RuntimeError):  # the server is ending
            loop.call_soon_threadsafe(first.put_nowait, answer)


def _send(stream: IO[bytes], sent: _Sent) -> None:
    with suppress(OSError), stream:  # it has died; the other thread will tell
        while (data := sent.get()) is not None:
            send(stream, data)
