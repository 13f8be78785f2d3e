"""Runs commands about one model like `check`: within limits, with a one-line error."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import click

from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings
from forgather_lint.core.workers import JobLimits, Lost, Workers
from forgather_lint.shell import configuration, options, say

_GIBIBYTE = 1 << 30


def workers_for(settings: Settings) -> Workers:
    """Workers for `settings`: as many, and with the limits, that they ask for."""
    return Workers(settings.jobs or processors(), limits_of(settings))


def limits_of(settings: Settings) -> JobLimits:
    """The limits for the analysis of one model."""
    return JobLimits(settings.time_limit, int(settings.memory_limit * _GIBIBYTE))


def processors() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@record
class _Ended:
    """What a command printed in its worker, and how it ended."""

    said: tuple[say.Said, ...]
    exit_code: int
    error: str | None = None


def in_a_worker(body: Callable[..., None]) -> Callable[..., None]:
    """A decorator: the command runs in a worker, and gets the options of `options.limits`."""

    @functools.wraps(body)
    def command(
        *, debug: bool, time_limit: str | None, memory_limit: str | None, **given: object
    ) -> None:
        if debug:
            from forgather_lint.python.interpreter import guard

            guard.show_faults()
            body(**given)
            return
        with options.misuse_told():
            asked = {"time_limit": time_limit, "memory_limit": memory_limit}
            limits = limits_of(configuration.resolve(None, asked))
        where = str(given.get("path", "forgather-lint"))
        with Workers(1, limits) as workers:
            job = partial(_recorded, body.__module__, given)
            (came,) = workers.results([job])
        if isinstance(came, Lost):
            told = f", while {came.doing}" if came.doing else ""
            raise options.CannotRun(f"{where}: given up{told}: {came.reason}")
        assert isinstance(came, _Ended)
        for each in came.said:
            each.out()
        if came.error is not None:
            raise options.CannotRun(came.error)
        sys.exit(came.exit_code)

    return options.limits(command)


def in_one_line(body: Callable[..., None]) -> Callable[..., None]:
    """A decorator: a bug ends the command with one line, unless `--debug`; for no model is read."""

    @functools.wraps(body)
    def command(*, debug: bool, **given: object) -> None:
        try:
            body(**given)
        except (click.ClickException, click.exceptions.Exit, click.Abort, OSError, MemoryError):
            raise  # meant
        except Exception as error:
            if debug:
                raise
            raise options.CannotRun(f"internal error: {error!r} (see --debug)") from error

    return options.debug(command)


def _recorded(module: str, given: dict[str, object]) -> _Ended:
    """Run the body of the command in `module`, and keep what it prints."""
    body: Any = import_module(module).command.callback.__wrapped__
    with say.kept() as said:
        try:
            body(**given)
        except click.ClickException as error:
            return _Ended(tuple(said), error.exit_code, error.format_message())
        except SystemExit as end:
            return _Ended(tuple(said), end.code if isinstance(end.code, int) else 1)
    return _Ended(tuple(said), 0)
