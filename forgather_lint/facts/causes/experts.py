"""What goes wrong where the engine replaces a mixture of experts by its own layer."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, SurelyOfEngine


@record
class ExpertsNotServed(Cause):
    """The config field `name` makes this a mixture of experts, which the release cannot serve."""

    name: str


@record
class ExpertsFieldMissing(Cause):
    """The config has none of the fields `names`, of which the engine's experts layer needs one."""

    names: tuple[str, ...]


@record
class ExpertsActivationReplaced(Cause):
    """The engine's layer computes `activation`, another one than the experts have as `name`."""

    name: str
    activation: str

    @property
    def told(self) -> str:
        return f"{self.name}: {self.activation}"


@record
class ExpertsUsedAsList(SurelyOfEngine):
    """The code iterates over its experts, which the engine has replaced by a single layer."""


@record
class RouterReplaced(SurelyOfEngine):
    """The engine's layer weighs the experts unlike the router, or adds something else."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertsCallMisread(SurelyOfEngine):
    """The engine's layer takes the arguments of the call for others.

    `how` says what comes of it, where the engine itself says nothing.
    """

    how: str = ""

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertsComputeOtherwise(SurelyOfEngine):
    """The engine's layer does not compute what the experts compute."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class ExpertWeightsLost(SurelyOfEngine):
    """The engine's layer does not load the weights `name`."""

    name: str

    @property
    def told(self) -> str:
        return f"the weights of `{self.name}` are not loaded, since vLLM knows no such name"


@record
class SummedByRanks(Cause):
    """A value that every rank has whole is added up over the ranks: it counts several times."""

    what: str

    @property
    def told(self) -> str:
        return f"the sum over the ranks holds {self.what} once for each of them"
