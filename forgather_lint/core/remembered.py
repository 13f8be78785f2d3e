"""What is kept in memory between models: found once, and held against the disk once in each run.

A run is what is asked at one time: all models of a `check`, what an editor wants to know after a
change. Within one nothing is looked at twice. A process that lives longer, as that of an editor
does, may not say what it knew in an earlier run when the disk tells otherwise by now.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import field
from functools import wraps
from itertools import count
from typing import Generic, ParamSpec, TypeVar

from forgather_lint.core.files import stands
from forgather_lint.core.looks import States, note, noted, unnoted
from forgather_lint.core.record import record

Given = ParamSpec("Given")
Result = TypeVar("Result")

_NUMBERS = count(1)
_run = 0


def new_run() -> int:
    """Begin a run here; its number, by which other processes take part in it (`in_run`)."""
    begin(next(_NUMBERS))
    return _run


def begin(number: int) -> None:
    """What comes belongs to the run of that number."""
    global _run
    _run = number


def in_run(number: int, job: Callable[[], Result]) -> Result:
    """`job()` as a part of the run of that number."""
    begin(number)
    return job()


@record(frozen=False)
class _Kept(Generic[Result]):
    """What was found, what that rests on, and the run in which it was last seen to stand."""

    result: Result
    states: States
    run: int = field(default_factory=lambda: _run)

    def holds(self) -> bool:
        if self.run == _run or not self.states or stands(self.states):
            self.run = _run
            return True
        return False


def remembered(
    most: int = 1024,
) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """`lru_cache` for what asks the disk: an answer from memory rests on what it rested on."""

    def decorate(function: Callable[Given, Result]) -> Callable[Given, Result]:
        known: dict[Hashable, _Kept[Result]] = {}

        @wraps(function)
        def answer(*given: Given.args, **named: Given.kwargs) -> Result:
            key = (given, tuple(named.items()))
            kept = known.pop(key, None)
            if kept is None or not kept.holds():
                with unnoted(), noted() as seen:
                    result = function(*given, **named)
                kept = _Kept(result, seen)
            known[key] = kept  # the latest stand last
            if len(known) > most:
                known.pop(next(iter(known)), None)
            for look, state in kept.states.items():
                note(look, state)
            return kept.result

        answer.cache_clear = known.clear  # type: ignore[attr-defined]
        return answer

    return decorate
