"""What the tool reports about itself."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.core.source import Place, Span


@record
class UnusedSuppression:
    """A comment at `span` suppresses `code`, of which there is no finding.

    Empty: it names no code.
    """

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
    """The rule `code` raised `error` on the model at `where`: a bug of this tool."""

    code: str
    error: str
    where: Place
