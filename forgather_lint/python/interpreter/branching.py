"""Runs all branches (arms) of an undecided condition, and joins their results and writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.frame import Completion, EarlyReturn, Frame, Raised, Returned
from forgather_lint.python.interpreter.trail import BranchOutcome
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.value import Unknown, Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def join_values(machine: Machine, arms: Sequence[Callable[[], Value]], where: Place) -> Value:
    """The join of all arms, each evaluated from the present state; an arm that raises is ignored.

    Raises `Raised` when all of them do.
    """
    outcomes = _attempt_all(machine, arms, where)
    machine.trail.merge([outcome.changes for outcome in outcomes])
    return _joined(machine, [outcome.result for outcome in outcomes])


def _joined(machine: Machine, values: Sequence[Value]) -> Value:
    result = join(values)
    machine.trail.tell(result, values)
    return result


def join_bodies(
    machine: Machine, arms: Sequence[Callable[[], Completion]], frame: Frame, where: Place
) -> Completion:
    """Run every arm from the present state, and go on with the join of those that came to an end.

    An arm that raises (as input validation does) is ignored. An arm that returns leaves its value
    in the frame, where it is joined with what the rest of the body returns.
    """
    outcomes = _attempt_all(machine, arms, where)
    ended = [outcome for outcome in outcomes if outcome.result is not None]
    going = [outcome for outcome in outcomes if outcome.result is None]
    if not going:
        machine.trail.merge([outcome.changes for outcome in ended])
        return _joined_completion(machine, [outcome.result for outcome in ended])
    for outcome in ended:
        if isinstance(outcome.result, Returned):
            _leave_early(machine, frame, EarlyReturn(outcome.result.value, outcome.changes))
        else:
            # A loop is left, or its round: what follows here may not run.
            machine.assume(Unknown("number-of-rounds", where))
            going.append(outcome)
    machine.trail.merge([outcome.changes for outcome in going])
    return None


def settle_returns(machine: Machine, frame: Frame, value: Value) -> Value:
    """The join of the early returns of `frame` with `value`, which its body returned at its end."""
    while frame.early_returns:
        early = frame.early_returns.pop()
        if machine.trail.depth > frame.trail_depth:
            rest = machine.trail.roll_back()
            machine.trail.merge([early.changes, rest])
        value = _joined(machine, [early.value, value])
    return value


def abandon_returns(machine: Machine, frame: Frame) -> None:
    """Close the branches that `frame` left open, keeping their writes: the body has raised."""
    while machine.trail.depth > frame.trail_depth:
        machine.trail.apply(machine.trail.roll_back())


def _leave_early(machine: Machine, frame: Frame, early: EarlyReturn) -> None:
    opened_here = machine.trail.depth - frame.trail_depth == len(frame.early_returns)
    if not opened_here:
        machine.trail.merge([early.changes])
        frame.early_returns.insert(0, early)
        return
    frame.early_returns.append(early)
    machine.trail.begin()


def _attempt_all(
    machine: Machine, arms: Sequence[Callable[[], object]], where: Place
) -> list[BranchOutcome]:  # type: ignore[type-arg]
    outcomes = []
    failures: list[Raised] = []
    machine.observer.undecided(where)
    try:
        for arm in arms:
            try:
                outcomes.append(machine.trail.attempt(partial(_with_doubts, machine, arm)))
            except Raised as error:
                failures.append(error)
                machine.observer.gave_up(error)
    finally:
        machine.observer.decided()
    if failures and not outcomes:
        raise _of_all(failures)
    for failure in failures:
        machine.pass_over(failure)
    return outcomes


def _with_doubts(machine: Machine, arm: Callable[[], object]) -> object:
    """The result of `arm`.

    Its assumptions are undone with its writes, but an error records them.
    """
    try:
        return arm()
    except Raised as error:
        raise machine.doubted(error) from None


def _of_all(failures: Sequence[Raised]) -> Raised:
    """The error where every arm raises: the last one, doubtful if one of them is."""
    last = failures[-1]
    last.doubt = next((each.doubt for each in failures if each.doubt is not None), None)
    return last


def perhaps(machine: Machine, act: Callable[[], object], where: Place) -> None:
    """Do `act()`, which may or may not happen: if it raises, that is no error."""
    machine.observer.undecided(where)
    try:
        act()
    except Raised as error:
        machine.observer.gave_up(machine.doubted(error))
        machine.pass_over(error)
    finally:
        machine.observer.decided()


def _joined_completion(machine: Machine, completions: list[Completion]) -> Completion:
    values = [completion.value for completion in completions if isinstance(completion, Returned)]
    if len(values) == len(completions):
        return Returned(_joined(machine, values))
    return next(c for c in completions if not isinstance(c, Returned))
