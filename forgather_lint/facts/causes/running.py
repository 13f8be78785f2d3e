"""What stops a forward in the hands of an engine, already on one rank."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine


@record
class ForwardRaises(Cause):
    """The forward raises, and may raise without the engine too."""


@record
class BehindAttention(Cause):
    """The forward raises after the engine's attention, and not after that of transformers."""


@record
class ElementTypesDiffer(Cause):
    """An op that converts nothing gets real numbers of two element types.

    `served_in` is the one in which the model is loaded.
    """

    served_in: str


@record
class MaskNotMade(OfEngine):
    """The forward needs an attention mask, which the engine does not make."""


@record
class ReplacementLacks(OfEngine):
    """The model reads `attribute`, which the engine's `layer` in place of a module lacks."""

    layer: str
    attribute: str


@record
class ConstructorRaises(Cause):
    """The constructor of the model raises."""


@record
class ModelClassMissing(Cause):
    """The class that is named as the model's does not exist."""


@record
class ModelUnreadable(Cause):
    """The file with the class that is named as the model's, or its config's, cannot be read."""


@record
class ModelUndecided(Cause):
    """It is not known whether the model can be built."""
