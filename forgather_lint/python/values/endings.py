"""What the interpreter raises on purpose; whatever else an operation of it raises is a fault."""

from __future__ import annotations

from forgather_lint.core.source import Place


class Ending(Exception):
    """Says how an evaluation ended: the code raises, or the analysis of it is given up."""


class BudgetExceeded(Ending):
    """The analysis of a model was given up; `reason` is short and countable.

    `where` is what could not be followed, None where nothing single is to blame.
    """

    def __init__(self, reason: str, where: Place | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where
