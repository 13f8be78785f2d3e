"""The one wrapper around every operation: a fault of ours leaves undecided what it was to find out.

Operations are written for the values that code is known to compute with, and input is hostile. What
one raises on purpose is an `Ending`. Anything else would end the analysis of the model, or of all
that is checked with it, where no more is lost than the value of one expression. Faults stay in the
open under `--debug` and in the tests.
"""

from __future__ import annotations

from forgather_lint.core.source import Place
from forgather_lint.python.values.endings import BudgetExceeded, Ending
from forgather_lint.python.values.value import Unknown

FAULT = "internal-error"
"""The reason of what a fault of ours leaves undecided."""
_LONGEST_DETAIL = 200
_shown = False


def show_faults(shown: bool = True) -> None:
    """Let faults end the run from now on, with their traceback."""
    global _shown
    _shown = shown


def fault(error: Exception, where: Place) -> Unknown:
    """What `error` leaves undecided at `where`; an ending on purpose goes on its way."""
    if isinstance(error, RecursionError):
        raise BudgetExceeded("recursion", where) from None
    if _shown or isinstance(error, Ending | MemoryError):
        raise error
    return Unknown(FAULT, where, repr(error)[:_LONGEST_DETAIL])


def faulty_statement(error: Exception, where: Place) -> BudgetExceeded:
    """The end of a run at a statement whose writes are not known for a fault of ours."""
    unknown = fault(error, where)
    return BudgetExceeded(f"{unknown.reason} {unknown.detail}", where)
