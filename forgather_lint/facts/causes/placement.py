"""What ranks do to each other's parts of a value: an op raises, or computes something else.

Of the second kind `told` says what is computed.
"""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine, OfSize


@record
class RaisesOnRank(Cause):
    """An op or the code of the model raises, for no reason that has a type of its own."""


@record
class NoneUsed(RaisesOnRank):
    """The code takes an attribute or an item of None, or calls it."""


@record
class ArgumentNotTaken(RaisesOnRank):
    """The `function` takes no argument called `name`."""

    function: str
    name: str


@record
class DoesNotFit(OfSize):
    """A request of `length` tokens needs more than the `room` that is left for the cache."""

    length: int
    room: int


@record
class SizesDiffer(Cause):
    """Two operands have the sizes `left` and `right` in a dimension in which they must be alike."""

    left: str
    right: str

    def with_parameter(self) -> ParameterSizeDiffers:
        """The same where a parameter took part that is in no layer: each rank has all of it."""
        return ParameterSizeDiffers(self.left, self.right)


@record
class ParameterSizeDiffers(Cause):
    """`SizesDiffer`, and one of the two is a whole parameter."""

    left: str
    right: str


@record
class WidthsDiffer(Cause):
    """A product sums over `left` numbers of one operand and `right` of the other."""

    left: str
    right: str


@record
class ReshapeDoesNotFit(Cause):
    """A view of the sizes `target` does not hold `size` numbers, both as torch tells them."""

    target: tuple[str, ...]
    size: str

    @property
    def error(self) -> str:
        """What torch says."""
        return f"shape '[{', '.join(self.target)}]' is invalid for input of size {self.size}"


@record
class NormShapeDiffers(Cause):
    """A norm over the shape `wanted` is given the shape `given`, or a parameter of it."""

    wanted: str
    given: str


@record
class HeadsMixed(Cause):
    """A view of a rank's part puts features of other heads together than in the whole model."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class HeadsNotByRank(Cause):
    """The attention gets heads that are not those of its rank."""


@record
class NotSplitByHeads(HeadsNotByRank):
    """`operand` is not split by heads."""

    operand: str

    @property
    def told(self) -> str:
        return f"{self.operand} is not sharded by heads"


@record
class TooManyHeads(HeadsNotByRank):
    """The `operands` have more heads than the attention of a rank."""

    operands: tuple[str, ...]

    @property
    def told(self) -> str:
        return f"{', '.join(self.operands)} hold more heads than the attention has on a rank"


@record
class PartialUsed(Cause):
    """A sum over the ranks is used before they have added it up."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class AnswerSharded(Cause):
    """The hidden states leave the model in parts."""

    @property
    def told(self) -> str:
        return "the hidden states leave the model sharded: no layer joins the parts"


@record
class AnswerPartial(Cause):
    """The hidden states leave the model as sums that nobody adds up."""

    @property
    def told(self) -> str:
        return "the hidden states leave the model as partial sums: nothing adds them up"


@record
class ReducesParts(Cause):
    """The `operation` needs a whole dimension of which a rank has a part."""

    operation: str

    @property
    def told(self) -> str:
        return f"{self.operation} over a sharded dimension"


@record
class PackedPartsMixed(Cause):
    """A rank's parts of several blocks side by side are taken for another part of them."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class PartMisused(Cause):
    """What a rank has of a value is used as if it were another part, or the whole."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class HeadSizeDiffers(OfEngine):
    """A layer has heads of another size than the attention, which cuts its features otherwise."""

    own: str = ""
    wanted: int = 0

    @property
    def told(self) -> str:
        return f"the attention takes heads of {self.own} values for heads of {self.wanted}"


@record
class SizeDoesNotDivide(OfSize):
    """The ranks cannot share out `size`; 0 where the release says no number."""

    size: int
    ranks: int


@record
class KvHeadsDoNotDivide(Cause):
    """The `heads` for queries of a rank are no multiple of its `kv_heads`."""

    heads: int
    kv_heads: int


@record
class NoTensorPlan(Cause):
    """The release wants a tensor-parallel plan, and there is none."""
