"""What becomes of a model at one size: serves, fails, wrong, or unknown, and why."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.placement import AnswerPartial, AnswerSharded
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.placement import (
    Partial,
    Placement,
    Replicate,
    Shard,
    Undecided,
    Wrong,
)


class Verdict(StrEnum):
    """What becomes of a model. `wrong` loads and answers, but not what the model would.

    `own model`: the engine has a model of that name and reads neither the code nor the plans that
    are judged here; nothing is claimed of it.
    """

    SERVES = "serves"
    FAILS = "fails"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    OWN_MODEL = "own model"


@record
class Outcome:
    """A verdict with its reason: the cause, which a rule explains, and both places.

    `where` is the place at which the value went wrong, `since` the one at which it became sharded.
    `module` is the dotted name of the module whose forward was running. `met` is the cause of the
    error that the forward ran into, even where the verdict was changed afterwards.
    """

    verdict: Verdict
    cause: Cause | None = None
    reason: str = ""
    where: Place | None = None
    since: Place | None = None
    module: str = ""
    met: Cause | None = None


SERVES = Outcome(Verdict.SERVES)


def undecided(
    reason: str, where: Place | None, module: str = "", *, met: Cause | None = None
) -> Outcome:
    """The verdict *unknown*, because of `reason`."""
    return Outcome(Verdict.UNKNOWN, None, reason, where, None, module, met)


_ORDER = (Verdict.FAILS, Verdict.WRONG, Verdict.UNKNOWN, Verdict.SERVES)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome that decides the verdict of all: the worst, and of equals the first."""
    return min(outcomes, key=lambda outcome: _ORDER.index(outcome.verdict))


def surely_failing(outcome: Outcome) -> Outcome:
    """`outcome` if it is a proof of failure, else *serves*, which claims nothing in `worst`.

    For a run at a size beside one that is undecided at one rank: what it ends with rests on what
    was not decided there, but for an error.
    """
    return outcome if outcome.verdict is Verdict.FAILS else SERVES


def of_result(placement: Placement, where: Place | None) -> Outcome:
    """The verdict on hidden states that the model returns with this placement."""
    match placement:
        case Replicate():
            return SERVES
        case Wrong(cause, broken, since):
            return Outcome(Verdict.WRONG, cause, cause.told, broken or where, since)
        case Undecided(reason, at):
            return undecided(reason, at or where)
        case Shard(_, since):
            sharded = AnswerSharded()
            return Outcome(Verdict.FAILS, sharded, sharded.told, where, since)
        case Partial(since):
            partial = AnswerPartial()
            return Outcome(Verdict.WRONG, partial, partial.told, where, since)


def undecided_error(error: Raised) -> Outcome:
    """The verdict on an error that rests on something unknown, which it points at."""
    where = error.doubt.where if error.doubt else None
    return undecided(error.perhaps, where or error.where, met=error.cause)


def with_branches(
    outcome: Outcome, given_up: Sequence[Outcome], before: Sequence[Outcome]
) -> Outcome:
    """`outcome`, unless a given-up branch raises that did not on a single rank (`before`)."""
    if outcome.verdict is Verdict.FAILS:
        return outcome
    new = (each for each in given_up if not any(_same_place(each, other) for other in before))
    return next(new, outcome)


def _same_place(one: Outcome, other: Outcome) -> bool:
    if one.where is other.where:
        return True
    return bool(one.where and other.where and one.where.span == other.where.span)
