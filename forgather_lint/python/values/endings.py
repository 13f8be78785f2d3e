"""The exceptions that the interpreter raises on purpose; any other is a bug of this tool."""

from __future__ import annotations

from forgather_lint.core.source import Place


class Ending(Exception):
    """An evaluation has ended: the code raises, or its analysis is given up."""


class BudgetExceeded(Ending):
    """The analysis of a model was given up; `reason` is short and countable.

    `where` is the place that could not be followed, None where no single place is to blame.
    """

    def __init__(self, reason: str, where: Place | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.where = where
