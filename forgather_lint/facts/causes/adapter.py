"""What is wrong with a LoRA adapter beside a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class AdapterStrangers(Cause):
    """The adapter is for modules called `modules`; the layers of the model are called `layers`."""

    modules: tuple[str, ...]
    layers: tuple[str, ...]


@record
class AdapterRank(Cause):
    """The adapter has a `rank` above the `most` that is allowed without being asked for."""

    rank: int
    most: int


@record
class AdapterRefused(Cause):
    """The adapter is loaded by nobody who reads its config or tensors as `what` says."""

    what: str


@record
class AdapterLayerAbsent(Cause):
    """The adapter changes `layer`, and more such ones, which the model does not have."""

    layer: str
    several: int

    @property
    def told(self) -> str:
        return "what the adapter has for it is left out"
