"""What a forward runs into on one rank already, in the hands of an engine."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine


@record
class ForwardRaises(Cause):
    """The forward raises, and perhaps without the engine too."""


@record
class BehindAttention(Cause):
    """The forward raises behind the engine's attention, and not behind that of transformers."""


@record
class MaskNotMade(OfEngine):
    """The forward needs a mask, which is not made for the engine's attention."""


@record
class ReplacementLacks(OfEngine):
    """The `layer` that the engine puts in has no `attribute`, which the model reads."""

    layer: str
    attribute: str


@record
class ConstructorRaises(Cause):
    """The constructor of the model raises."""


@record
class ModelClassMissing(Cause):
    """The class that is named for the model is not there."""


@record
class ModelUndecided(Cause):
    """Whether the model can be built is not known."""
