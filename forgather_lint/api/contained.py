"""Runs an analysis in a worker process, as `check` does, because what is at a path is untrusted."""

from __future__ import annotations

import functools
import io
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import partial
from importlib import import_module
from typing import Any, ParamSpec, TypeVar, cast

from forgather_lint.api.subject import is_path
from forgather_lint.core.record import record
from forgather_lint.core.settings import Settings, SettingsError
from forgather_lint.core.workers import CAN_FORK, JobLimits, Lost, Workers
from forgather_lint.shell.contained import limits_of

Given = ParamSpec("Given")
Result = TypeVar("Result")


class AnalysisEnded(ValueError):
    """The analysis of a model was ended from outside; the message says by what."""


@record
class _Came:
    """The outcome of a call in the worker: what it printed, and what it returned or raised."""

    printed: str
    value: object = None
    error: Exception | None = None


def contained(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """A decorator: `function` of a model or path runs in a worker where it is given a path.

    The call raises what `function` raises, and `AnalysisEnded`.
    """

    @functools.wraps(function)
    def call(*given: Given.args, **named: Given.kwargs) -> Result:
        model: Any = given[0] if given else named.get("model_or_path")
        if not is_path(model):
            return function(*given, **named)
        job = partial(
            _done, function.__module__, function.__name__, _plain(given), _plain_values(named)
        )
        # A process that has threads may hold locks for ever in its fork.
        forked = CAN_FORK and threading.active_count() == 1
        with Workers(1, _limits(), forked=forked, own=False) as workers:
            (came,) = workers.results([job])
        if isinstance(came, Lost):
            told = f", while {came.doing}" if came.doing else ""
            raise AnalysisEnded(f"{model}: given up{told}: {came.reason}")
        assert isinstance(came, _Came)
        print(came.printed, end="")
        if came.error is not None:
            raise came.error
        return cast("Result", came.value)

    return call


def _limits() -> JobLimits:
    return limits_of(Settings())


def _plain(given: tuple[object, ...]) -> tuple[object, ...]:
    """The arguments in a form that can be pickled: a plan, whatever mapping it is, as a dict."""
    return tuple(dict(each) if isinstance(each, Mapping) else each for each in given)


def _plain_values(named: Mapping[str, object]) -> dict[str, object]:
    return dict(zip(named, _plain(tuple(named.values())), strict=True))


def _done(module: str, name: str, given: tuple[object, ...], named: dict[str, object]) -> _Came:
    """Call the function `name` of `module`, and keep what it prints."""
    function: Any = getattr(import_module(module), name).__wrapped__
    with redirect_stdout(io.StringIO()) as printed:
        try:
            value = function(*given, **named)
        except (ValueError, SettingsError, OSError) as error:
            return _Came(printed.getvalue(), error=error)
    return _Came(printed.getvalue(), value)
