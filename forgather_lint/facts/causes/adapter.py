"""What is wrong with a LoRA adapter beside a model."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause


@record
class AdapterStrangers(Cause):
    """The adapter was made for modules called `modules`.

    The layers of this model are called `layers`.
    """

    modules: tuple[str, ...]
    layers: tuple[str, ...]


@record
class AdapterRank(Cause):
    """The adapter has a `rank` above `most`, the largest that is allowed without an option."""

    rank: int
    most: int


@record
class AdapterRefused(Cause):
    """The adapter cannot be loaded: `what` says which part of its config or tensors is refused."""

    what: str


@record
class AdapterLayerAbsent(Cause):
    """The adapter changes `layer` (and maybe further ones), which the model does not have."""

    layer: str
    several: int

    @property
    def told(self) -> str:
        return "what the adapter has for it is left out"
