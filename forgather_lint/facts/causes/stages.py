"""Why a model cannot be split into pipeline stages."""

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
    """The release sets `embed_scale` only on the stage with the embedding, but reads it on all."""


@record
class EntryNamesNoModule(Cause):
    """An entry of the pipeline plan names no module."""


@record
class NoPipelinePlan(Cause):
    """The model has no pipeline plan, and the release infers none that it could be cut by."""


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
    """The forward raises on a stage, where modules of other stages are replaced by placeholders."""


@record
class NoHiddenStates(Cause):
    """A stage passes on a tensor with `dimensions` dimensions, which cannot be hidden states."""

    dimensions: int

    @property
    def told(self) -> str:
        return f"a stage hands on a tensor of {self.dimensions} dimensions instead of 3"


@record
class AppliedPerStage(Cause):
    """An operation outside the planned modules is applied once on every stage.

    With `beside` it is another defect: a layer reads a value that an earlier layer left for it, and
    that does not get from one stage to the next.
    """

    beside: bool = False

    @property
    def told(self) -> str:
        if self.beside:
            return "what layers leave to each other beside the hidden states stays on their stage"
        return "what stands outside the planned modules is applied once per stage instead of once"


@record
class EmbeddingUnreachable(Cause):
    """`get_input_embeddings` raises or finds nothing on a stage that has no embedding."""
