"""Why a model is not served as it is written: a cause, which exactly one rule explains.

Whatever looks at a model (an operation, a layer that an engine puts in, a check) says what it found
as a record of its own type. The rule that `explains` the type gives it a code and a text; nothing
below the rules knows a code.
"""

from __future__ import annotations

from typing import Protocol

from forgather_lint.core.record import record


@record
class Cause:
    """What keeps a model from being served as it is written; the types are in `facts/causes/`."""

    @property
    def told(self) -> str:
        """What happens instead of an error, in words, where the engine itself says nothing."""
        return ""


@record
class OfSize(Cause):
    """A cause in the number of ranks or stages, or in the release: not in the model."""


@record
class OfEngine(Cause):
    """A cause that a layer or the attention of the engine brings about: the model alone has it not.

    Where a forward raises on one rank already, such a cause is reported itself; any other is told
    as `BehindAttention`, since transformers alone might raise there too.
    """


@record
class SurelyOfEngine(OfEngine):
    """A cause of the engine's making even where it is not known which attention the engine uses."""


class Caused(Protocol):
    """A fact that has a cause: a rule is given only those facts whose cause it explains."""

    @property
    def cause(self) -> Cause | None:
        """The cause; None where there is nothing to explain."""
