"""Work in forked processes: importing transformers once is most of what a small model costs."""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

ENDED = "TimeoutError: ended"


class Child:
    """`work()` in a forked process: its result, or the text of what it raised."""

    def __init__(self, work: Callable[[], Any], log: Path) -> None:
        self._reader, writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            os.close(self._reader)
            os._exit(_report(work, writer, log))
        os.close(writer)

    def result(self, until: float) -> tuple[bool, Any]:
        """Whether it succeeded, and the result.

        Kills the process at `until` (monotonic seconds).
        """
        signal.signal(signal.SIGALRM, _expired)
        signal.alarm(max(1, int(until - time.monotonic())))
        try:
            with os.fdopen(self._reader, "rb") as pipe:
                data = pipe.read()
        except TimeoutError:
            os.kill(self._process, signal.SIGKILL)
            data = b""
        finally:
            signal.alarm(0)
        os.waitpid(self._process, 0)
        found: tuple[bool, Any] = pickle.loads(data) if data else (False, ENDED)
        return found


def _expired(*_: object) -> None:
    raise TimeoutError


def _report(work: Callable[[], Any], writer: int, log: Path) -> int:
    import torch

    torch.set_num_threads(1)
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        try:
            outcome: tuple[bool, Any] = (True, work())
        except BaseException as error:  # noqa: BLE001 - whatever the model raises is the outcome
            traceback.print_exc(file=file)
            outcome = (False, f"{type(error).__name__}: {error}"[:500])
    with os.fdopen(writer, "wb") as pipe:
        pickle.dump(outcome, pipe)
    return 0
