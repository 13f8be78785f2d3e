"""The one wrapper around every operation: a bug of this tool makes its result undecided, no more.

Operations are written for the values that code is known to compute with, but input is hostile. What
an operation raises on purpose is an `Ending`. Any other exception would end the analysis of the
model, or of everything checked with it; instead the value of one expression is lost. Under
`--debug`, and in the tests, such bugs stay visible.
"""

from __future__ import annotations

from forgather_lint.core.source import Place
from forgather_lint.python.values.endings import BudgetExceeded, Ending
from forgather_lint.python.values.value import Unknown

FAULT = "internal-error"
"""The reason of a value that is undecided because of a bug of this tool."""
_LONGEST_DETAIL = 200
_shown = False


def show_faults(shown: bool = True) -> None:
    """From now on, let a bug end the run with its traceback."""
    global _shown
    _shown = shown


def fault(error: Exception, where: Place) -> Unknown:
    """The undecided value for the exception `error` at `where`; an `Ending` is raised again."""
    if isinstance(error, RecursionError):
        raise BudgetExceeded("recursion", where) from None
    if _shown or isinstance(error, Ending | MemoryError):
        raise error
    return Unknown(FAULT, where, repr(error)[:_LONGEST_DETAIL])


def faulty_statement(error: Exception, where: Place) -> BudgetExceeded:
    """The end of the analysis at a statement whose writes are unknown for a bug of this tool."""
    unknown = fault(error, where)
    return BudgetExceeded(f"{unknown.reason} {unknown.detail}", where)
