"""Modules that the engine replaces by its own, and weights that it assigns to them."""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine


@record
class LinearForwardDropped(OfEngine):
    """The class `name`, a subclass of nn.Linear, is replaced, so that its own forward never runs.

    `parameter` is a parameter of its own that the replacement lacks. With `runs` its forward
    computes what that of a Linear does, so that the lost parameter is all that is wrong.
    """

    name: str = ""
    parameter: str = ""
    runs: bool = False

    @property
    def told(self) -> str:
        return f"{self.name} is replaced by a plain linear layer"


@record
class EmbeddingForwardDropped(Cause):
    """The class `name` of the embedding is replaced, so that its own forward never runs."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name} is replaced by a plain embedding"


@record
class EmbeddingNotFound(Cause):
    """The inherited `method` (such as `get_input_embeddings`) does not find the embedding."""

    method: str


@record
class HeadForwardLost(Cause):
    """The class `name` computes more than its head, but the engine never runs its forward.

    `instead` is the field of the config by which the engine does the like, if there is one.
    """

    name: str
    instead: str = ""

    @property
    def told(self) -> str:
        return f"{self.name} computes more than its head, and its forward is never run"


@record
class LogitsChanged(Cause):
    """The engine changes the logits by the config field `name`, which the model does not do."""

    name: str
    number: float

    @property
    def told(self) -> str:
        return f"{self.name}: {self.number:g}"


@record
class HeadMisplaced(Cause):
    """The head is not in the class in which the engine expects it."""

    @property
    def defect(self) -> str:
        """What is wrong, as a sentence."""
        return ""

    @property
    def told(self) -> str:
        return f"lm_head: {self.defect}"


@record
class HeadMissing(HeadMisplaced):
    """The class that the entry `entry` of `auto_map` names has no head."""

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
    """The base model has a head of its own, for which the engine loads no weights."""

    @property
    def defect(self) -> str:
        return "the class of AutoModel has a `lm_head` of its own"


@record
class LogitsOfBase(HeadMisplaced):
    """The base model returns the logits of a head for which the engine loads no weights."""

    @property
    def defect(self) -> str:
        return "AutoModel returns the logits of its own `lm_head`, which gets no weights"


@record
class AnswerTooWide(HeadMisplaced):
    """The base model returns `width` features, where the head takes `wanted`."""

    width: int
    wanted: int

    @property
    def defect(self) -> str:
        return f"AutoModel returns {self.width} features, of which vLLM's head takes {self.wanted}"


@record
class FusedNameInSibling(Cause):
    """The projection `name` has a name beginning with that of `fused`, and is renamed with it."""

    name: str
    fused: str


@record
class WeightNotPlaced(Cause):
    """No module is found for the tensor `weight` of a checkpoint.

    It is a weight of the head, or one whose name is looked for behind `prefix`.
    """

    weight: str
    prefix: str = ""


@record
class BufferNotLoaded(Cause):
    """The checkpoint has the buffer `name`, but the engine loads no buffers."""

    name: str


@record
class NormReplaced(Cause):
    """The class `name`, a norm by its name, is replaced by one that computes something else."""

    name: str

    @property
    def defect(self) -> str:
        """What the replacement does or lacks, to stand behind the words *the replacement*."""
        return ""

    @property
    def told(self) -> str:
        return f"{self.name}: {self.defect}"


@record
class NamedNormLosesParameter(NormReplaced):
    """The replacement does not have the `parameter` of the norm."""

    parameter: str

    @property
    def defect(self) -> str:
        return f"has no place for `self.{self.parameter}`"


@record
class NormLosesCentre(NormReplaced):
    """The class adds 1 to its weight, and the replacement does not."""

    @property
    def defect(self) -> str:
        return "does not add 1 to the weight, since the class cannot be built of a number"


@record
class NormTakesTwo(NormReplaced):
    """The class takes two inputs; the replacement has another meaning for the second."""

    @property
    def defect(self) -> str:
        return "takes the second input for a residual and returns two tensors"


@record
class NormLosesParameter(Cause):
    """The class `name`, a norm by what it computes, is replaced by one without its `parameter`."""

    name: str
    parameter: str


@record
class NormEpsilonNotFound(Cause):
    """The norm `name` keeps its epsilon as `attribute`, where the engine does not look for it."""

    name: str
    attribute: str
    epsilon: float

    @property
    def kept_as(self) -> str:
        """The assignment that keeps the epsilon, as source text."""
        return f"self.{self.attribute} = {self.epsilon}"

    @property
    def told(self) -> str:
        return f"{self.name}: {self.kept_as}"


@record
class NormFactorLost(Cause):
    """The norm `name` multiplies by more than its weight, which the engine's norm does not."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name}: a factor is lost"


@record
class NormCentreOverlooked(Cause):
    """The class `name` adds 1 to its weight, and the engine takes it for a norm that does not."""

    name: str

    @property
    def told(self) -> str:
        return f"{self.name} is replaced by a norm that does not add 1"
