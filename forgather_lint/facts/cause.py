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


@record
class OfSize(Cause):
    """A cause that lies in the number of ranks or stages, or in the release: not in the model."""


@record
class OfEngine(Cause):
    """What a layer or the attention of the engine brings about, which the model does not have.

    On one rank too it tells more than that the forward raises behind the engine.
    """


@record
class SurelyOfEngine(OfEngine):
    """A cause of the engine's making, also where its attention is not known."""


class Caused(Protocol):
    """A fact with a cause: rules are given those alone whose cause they explain."""

    @property
    def cause(self) -> Cause | None:
        """Why; None where there is nothing to explain."""
