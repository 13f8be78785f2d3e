"""What the engine makes of a mixture of experts."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class ExpertsNotServed(Cause):
    """The field `name` makes a mixture of experts, of which the release serves none."""

    name: str


@record
class ExpertsFieldMissing(Cause):
    """The config has none of the fields `names`, one of which the layer of experts reads."""

    names: tuple[str, ...]


@record
class ExpertsActivationReplaced(Cause):
    """The layer computes another `activation` than that which the experts hold as `name`."""

    name: str
    activation: str

    @property
    def told(self) -> str:
        return f"{self.name}: {self.activation}"
