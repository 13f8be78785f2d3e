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
    """The attention has the layer index `index`, though there are only `layers` layers.

    So it is where the constructor counts its layers in a variable that outlives one model.
    """

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
    """The class `name` passes so many positional arguments that the scaling is one of them."""

    name: str


@record
class ScalingNotResolved(Cause):
    """The engine cannot evaluate `expression`, passed as `scaling=`, without running the model."""

    expression: str


@record
class SinksLost(Cause):
    """Attention sinks do not reach the engine: dropped, or sought and not found (`looked_for`)."""

    expression: str
    looked_for: bool = False

    @property
    def what_happens(self) -> str:
        """What becomes of the sinks, in two words."""
        return "not found" if self.looked_for else "dropped"

    @property
    def told(self) -> str:
        return f"{self.expression}: {self.what_happens}"


@record
class CacheShared(Cause):
    """Two runs of attention that should each have a KV cache share one."""

    @property
    def shared_by(self) -> str:
        """What shares the cache, as the subject of a sentence."""
        return ""


@record
class LayersShareIndex(CacheShared):
    """The layers `one` and `other` have the same layer index."""

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
    """The attention module `one` is part of several layers."""

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
    """The keyword with which the engine reaches its attention is not passed on by the forward."""


@record
class NoAttentionForLayer(SurelyOfEngine):
    """An attention says that it is of layer `index`, but the config has only `layers` layers.

    The engine makes its attention for each layer that the config counts, and none for this one.
    """

    name: str
    index: int
    layers: int


@record
class LatentHeadSize(SurelyOfEngine):
    """The engine has no latent attention for heads of that `size`."""

    size: int


@record
class BiasLeftOut(SurelyOfEngine):
    """The attention mask holds a bias by position, and the engine's attention ignores masks."""

    @property
    def told(self) -> str:
        return "attention_mask: left out"
