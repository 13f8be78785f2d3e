"""Why a model does not go through a pipeline of stages."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfSize


@record
class FewerLayersThanStages(OfSize):
    """There are fewer `layers` than `stages`."""

    layers: int
    stages: int

    @property
    def told(self) -> str:
        return f"{self.stages} stages for {self.layers} layers: a stage is left without one"


@record
class EmbedScaleNotSet(OfSize):
    """The release sets `embed_scale` only where the embedding is, and reads it on every stage."""


@record
class EntryNamesNoModule(Cause):
    """An entry of the pipeline plan names no module."""


@record
class NotOneList(Cause):
    """The pipeline plan does not name exactly one list of layers."""


@record
class NoList(NotOneList):
    """The pipeline plan names no list of layers."""


@record
class SeveralLists(NotOneList):
    """The pipeline plan names several lists of layers."""


@record
class StageRaises(Cause):
    """A stage raises, which has placeholders in the place of modules."""


@record
class NoHiddenStates(Cause):
    """A stage hands on a tensor of so many `dimensions`, which are not those of hidden states."""

    dimensions: int

    @property
    def told(self) -> str:
        return f"a stage hands on a tensor of {self.dimensions} dimensions instead of 3"


@record
class AppliedPerStage(Cause):
    """What stands outside the planned modules is applied on every stage.

    With `beside`, nothing of that kind is seen: a layer reads what another one has left it.
    """

    beside: bool = False

    @property
    def told(self) -> str:
        if self.beside:
            return "what layers leave to each other beside the hidden states stays on their stage"
        return "what stands outside the planned modules is applied once per stage instead of once"


@record
class EmbeddingUnreachable(Cause):
    """`get_input_embeddings` raises, or finds nothing, where a stage has no embedding."""
