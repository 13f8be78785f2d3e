"""The cause of an error of an abstract run, and whether the engine is to blame for it."""

from __future__ import annotations

from forgather_lint.execution.engine import ATTENTION_INSTANCES
from forgather_lint.execution.engine_library import EngineLibrary
from forgather_lint.execution.outcome import Outcome
from forgather_lint.facts.cause import Cause, OfEngine, SurelyOfEngine
from forgather_lint.facts.causes.modules import LinearForwardDropped
from forgather_lint.facts.causes.placement import ArgumentNotTaken, NoneUsed, RaisesOnRank
from forgather_lint.facts.causes.running import MaskNotMade
from forgather_lint.python.interpreter.frame import Raised


def cause_of(error: Raised, library: EngineLibrary, *, dropped: bool) -> Cause:
    """The cause of an error on a rank; `dropped`: the forward of some layer had been left out."""
    cause = error.cause or RaisesOnRank()
    if isinstance(cause, OfEngine):
        return cause
    if dropped:
        return LinearForwardDropped()
    if library.mask_left_out and isinstance(cause, NoneUsed):
        return MaskNotMade()
    return library.regrouped or cause


def is_engines(outcome: Outcome) -> bool:
    """Whether an error on a single rank is the engine's doing, whatever its attention computes."""
    met = outcome.met
    of_keyword = isinstance(met, ArgumentNotTaken) and met.name == ATTENTION_INSTANCES
    return isinstance(outcome.cause, SurelyOfEngine) or of_keyword
