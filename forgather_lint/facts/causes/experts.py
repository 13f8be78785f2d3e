"""What the engine makes of a mixture of experts."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, SurelyOfEngine


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


@record
class ExpertsUsedAsList(SurelyOfEngine):
    """The code goes through its experts, in the place of which there is one layer."""


@record
class RouterReplaced(SurelyOfEngine):
    """The layer weighs the experts otherwise, or adds something else to them."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertsCallMisread(SurelyOfEngine):
    """The layer takes the arguments of the experts for others; `how`, if it says nothing."""

    how: str = ""

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertsComputeOtherwise(SurelyOfEngine):
    """The layer computes something else than the experts."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertWeightsLost(SurelyOfEngine):
    """The layer does not take the weights `name`."""

    name: str

    @property
    def told(self) -> str:
        return f"the weights of `{self.name}` are not loaded, since vLLM knows no such name"


@record
class SummedByRanks(Cause):
    """What every rank has whole is in the sum over the ranks."""

    what: str

    @property
    def told(self) -> str:
        return f"the sum over the ranks holds {self.what} once for each of them"
