"""Why a model is not served as it is written: a cause, which one rule explains.

Whatever looks at a model (an operation, a layer that an engine puts in, a check) says what it found
as a record of its own type. Which code that has and how it is told is for the rule to say that
`explains` the type; nothing below the rules knows a code.
"""

from __future__ import annotations

from typing import Protocol

from forgather_lint.core.record import record


@record
class Cause:
    """What keeps a model from being served as it is written; the types are in `facts/causes/`."""

    @property
    def told(self) -> str:
        """What happens instead, for an engine that says nothing about it."""
        return ""


class Caused(Protocol):
    """A fact with a cause: rules are given those alone whose cause they explain."""

    @property
    def code(self) -> str:
        """The code, where whoever made the fact does not say a cause yet."""

    @property
    def cause(self) -> Cause | None:
        """Why; None where that is not known."""
