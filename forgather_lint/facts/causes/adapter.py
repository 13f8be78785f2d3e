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
