"""Modules that the engine puts its own in the place of, and weights that it gives to them."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine


@record
class LinearForwardDropped(OfEngine):
    """The class `name` derives from nn.Linear, and its own forward is never run.

    With a `parameter` of its own, which the layer that stands there does not have either; that
    alone is said of a class whose forward `runs` like that of a Linear.
    """

    name: str = ""
    parameter: str = ""
    runs: bool = False

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"


@record
class EmbeddingForwardDropped(Cause):
    """The class `name` of the embedding has a forward that is never run."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"


@record
class EmbeddingNotFound(Cause):
    """The inherited `method` does not find the embedding."""

    method: str


@record
class HeadForwardLost(Cause):
    """The class `name` computes something around its head, and its forward is never run."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"


@record
class HeadMisplaced(Cause):
    """The head is not in the class that has to have it."""

    @property
    def defect(self) -> str:
        """What is wrong, in a sentence."""
        return ""

    @property
    def told(self) -> str:
        return f"lm_head: {self.defect}"


@record
class HeadMissing(HeadMisplaced):
    """The class that `entry` of auto_map names has no head."""

    entry: str

    @property
    def defect(self) -> str:
        return f"the class of {self.entry} has no `lm_head`"


@record
class HeadOfOtherWidth(Cause):
    """The head of the model gives `width` scores, the one that the engine builds `wanted`."""

    width: int
    wanted: int


@record
class HeadInBase(HeadMisplaced):
    """The base model has a head of its own, to which no weights go."""

    @property
    def defect(self) -> str:
        return "the class of AutoModel has a `lm_head` of its own"


@record
class LogitsOfBase(HeadMisplaced):
    """The base model answers with the logits of a head that gets no weights."""

    @property
    def defect(self) -> str:
        return "AutoModel returns the logits of its own `lm_head`, which gets no weights"


@record
class AnswerTooWide(HeadMisplaced):
    """The base model answers with `width` features, of which the head takes `wanted`."""

    width: int
    wanted: int

    @property
    def defect(self) -> str:
        return f"AutoModel returns {self.width} features, of which vLLM's head takes {self.wanted}"


@record
class FusedNameInSibling(Cause):
    """The name of the projection `name` begins with that of `fused`, which is fused and renamed."""

    name: str
    fused: str


@record
class WeightNotPlaced(Cause):
    """No module is found for the `weight` of a checkpoint; of the head, or behind the `prefix`."""

    weight: str
    prefix: str = ""


@record
class BufferNotLoaded(Cause):
    """The buffer `name` is saved with the model, and buffers are not loaded."""

    name: str


@record
class NormReplaced(Cause):
    """The class `name`, a norm by its name, is replaced by one that computes something else."""

    name: str

    @property
    def defect(self) -> str:
        """What the replacement does or lacks, behind *the replacement*."""
        return ""

    @property
    def told(self) -> str:
        return f"{self.name}: {self.defect}"


@record
class NamedNormLosesParameter(NormReplaced):
    """The replacement does not have the `parameter`."""

    parameter: str

    @property
    def defect(self) -> str:
        return f"has no place for `self.{self.parameter}`"


@record
class NormLosesCentre(NormReplaced):
    """The 1 that the class adds to its weight is not learned of."""

    @property
    def defect(self) -> str:
        return "does not add 1 to the weight, since the class cannot be built of a number"


@record
class NormTakesTwo(NormReplaced):
    """The class takes two inputs, of which the replacement takes the second for another thing."""

    @property
    def defect(self) -> str:
        return "takes the second input for a residual and returns two tensors"


@record
class NormLosesParameter(Cause):
    """The class `name`, a norm by what it computes, is replaced by one without the `parameter`."""

    name: str
    parameter: str


@record
class NormEpsilonNotFound(Cause):
    """The class `name` of a norm keeps its epsilon as `attribute`, where it is not looked for."""

    name: str
    attribute: str
    epsilon: float

    @property
    def kept_as(self) -> str:
        """The assignment."""
        return f"self.{self.attribute} = {self.epsilon}"

    @property
    def told(self) -> str:
        return f"{self.name}: {self.kept_as}"


@record
class NormCentreOverlooked(Cause):
    """The class `name` is taken for a norm that adds nothing to its weight."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name}: replaced"
