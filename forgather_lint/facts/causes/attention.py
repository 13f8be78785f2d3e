"""How the attention of a model reaches that of the engine."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, SurelyOfEngine


@record
class NotDispatchedInForward(Cause):
    """The forward of the class `name` does not itself call the attention interface."""

    name: str

    @property
    def defect(self) -> str:
        return f"`{self.name}` does not call the attention interface in `forward`"

    @property
    def label(self) -> str:
        return "vLLM reads the text of this method"

    @property
    def way_out(self) -> str:
        return "bind `ALL_ATTENTION_FUNCTIONS[...]` to a local name here and call it once"


@record
class LayerCountedOn(NotDispatchedInForward):
    """The attention says that it is of layer `index`, of which there are `layers`."""

    index: int
    layers: int

    @property
    def defect(self) -> str:
        return f"`{self.name}` says that it is of layer {self.index}, and there are {self.layers}"

    @property
    def label(self) -> str:
        return "counted on, or counted otherwise"

    @property
    def way_out(self) -> str:
        return (
            "take `layer_idx` from the loop that builds the layers: from 0.19.1 vLLM builds the "
            "model twice in one process, and what counts them does not begin again"
        )


@record
class NoLayerIndex(Cause):
    """The class `name` of an attention has no `layer_idx`."""

    name: str


@record
class ScalingByPosition(Cause):
    """The class `name` passes so many arguments by position that the scaling is one of them."""

    name: str


@record
class ScalingNotResolved(Cause):
    """The `expression` that is passed as `scaling=` says no number without the model being run."""

    expression: str


@record
class SinksLost(Cause):
    """Attention sinks do not reach the engine: it drops them, or does not find them (`found`)."""

    expression: str
    looked_for: bool = False

    @property
    def what_happens(self) -> str:
        """What becomes of them."""
        return "not found" if self.looked_for else "dropped"

    @property
    def told(self) -> str:
        return f"{self.expression}: {self.what_happens}"


@record
class CacheShared(Cause):
    """Several runs of attention share one KV cache."""

    @property
    def shared_by(self) -> str:
        """What shares it, as the subject of a sentence."""
        return ""


@record
class LayersShareIndex(CacheShared):
    """Two layers say one index."""

    title: str
    one: str
    other: str

    @property
    def shared_by(self) -> str:
        return f"`{self.one}` and `{self.other}`"

    @property
    def told(self) -> str:
        return f"{self.title}: {self.shared_by}"


@record
class AttentionStandsTwice(CacheShared):
    """One module of attention stands in several layers."""

    title: str
    one: str

    @property
    def shared_by(self) -> str:
        return f"`{self.one}`, in several layers,"

    @property
    def told(self) -> str:
        return f"{self.title}: {self.shared_by}"


@record
class AttentionRunsTwice(CacheShared):
    """The module `one` runs its attention twice in one forward."""

    title: str
    one: str

    @property
    def shared_by(self) -> str:
        return f"two runs of `{self.one}` in one forward"

    @property
    def told(self) -> str:
        return f"{self.title}: {self.shared_by}"


@record
class KeywordLost(SurelyOfEngine):
    """What the engine hands to the forward for its attention does not get there."""


@record
class LatentHeadSize(SurelyOfEngine):
    """The engine has no latent attention for heads of that `size`."""

    size: int


@record
class BiasLeftOut(SurelyOfEngine):
    """The mask of an attention holds a bias by position, and the engine looks at no mask."""

    @property
    def told(self) -> str:
        return "attention_mask: left out"
