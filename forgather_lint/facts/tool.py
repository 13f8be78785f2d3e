"""What the tool has to say of itself."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, Span


@record
class UnusedSuppression:
    """A comment at `span` names `code` where no finding of that code is; empty: it names none."""

    span: Span
    code: str


@record
class GivenUp:
    """The analysis of the model at `where` was ended while it was `doing` something."""

    reason: str
    doing: str
    where: Place


@record
class RuleFailed:
    """The rule `code` ended in `error`, an error of ours, on the model at `where`."""

    code: str
    error: str
    where: Place
