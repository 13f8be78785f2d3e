"""What goes wrong with a value that is split over ranks: an op raises, or computes something else.

For the second kind `told` says what is computed instead.
"""

from __future__ import annotations

from forgather_lint.core.record import record
from forgather_lint.facts.cause import Cause, OfEngine, OfSize


@record
class RaisesOnRank(Cause):
    """An op or the model's own code raises on a rank, for a reason without a type of its own."""


@record
class NoneUsed(RaisesOnRank):
    """The code takes an attribute or item of None, or calls it."""


@record
class ArgumentNotTaken(RaisesOnRank):
    """The `function` has no parameter called `name`."""

    function: str
    name: str


@record
class DoesNotFit(OfSize):
    """A request of `length` tokens needs more memory than `room`, what is left for the KV cache."""

    length: int
    room: int


@record
class CacheNotDivided(OfSize):
    """No `ranks` ranks have a copy of the same of the `heads` KV heads, to divide its tokens."""

    ranks: int
    heads: int


@record
class SizesDiffer(Cause):
    """Two operands have the sizes `left` and `right` in a dimension in which they must be equal."""

    left: str
    right: str

    def with_parameter(self) -> ParameterSizeDiffers:
        """The same, for an operand that is a parameter in no layer: each rank has all of it."""
        return ParameterSizeDiffers(self.left, self.right)


@record
class ParameterSizeDiffers(Cause):
    """`SizesDiffer` where one of the two operands is a parameter that every rank has whole."""

    left: str
    right: str


@record
class WidthsDiffer(Cause):
    """A matrix product sums over `left` elements of one operand and `right` of the other."""

    left: str
    right: str


@record
class ReshapeDoesNotFit(Cause):
    """A view with the sizes `target` of a tensor of `size` elements.

    Both in torch's own spelling.
    """

    target: tuple[str, ...]
    size: str

    @property
    def error(self) -> str:
        """The message of torch."""
        return f"shape '[{', '.join(self.target)}]' is invalid for input of size {self.size}"


@record
class NormShapeDiffers(Cause):
    """A norm over the shape `wanted` gets an input, or a parameter, of the shape `given`."""

    wanted: str
    given: str


@record
class HeadsMixed(Cause):
    """A view of a rank's part groups features of other heads together than in the whole model."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class HeadsNotByRank(Cause):
    """The attention of a rank gets heads that are not those of that rank."""


@record
class NotSplitByHeads(HeadsNotByRank):
    """`operand` is not split between the ranks by heads."""

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
    """A partial sum is used before the ranks have added theirs up."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class AnswerSharded(Cause):
    """The hidden states that the model returns are split over the ranks."""

    @property
    def told(self) -> str:
        return "the hidden states leave the model sharded: no layer joins the parts"


@record
class AnswerPartial(Cause):
    """The hidden states that the model returns are partial sums that are never added up."""

    @property
    def told(self) -> str:
        return "the hidden states leave the model as partial sums: nothing adds them up"


@record
class ReducesParts(Cause):
    """`operation` reduces over a dimension of which each rank has only a part."""

    operation: str

    @property
    def told(self) -> str:
        return f"{self.operation} over a sharded dimension"


@record
class PackedPartsMixed(Cause):
    """A rank's parts of several blocks packed side by side are split at the wrong places."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class PartMisused(Cause):
    """A rank's part of a value is used as if it were another part of it, or the whole."""

    how: str

    @property
    def told(self) -> str:
        return self.how


@record
class HeadSizeDiffers(OfEngine):
    """A layer makes heads of another size than the attention, which cuts its features otherwise."""

    own: str = ""
    wanted: int = 0

    @property
    def told(self) -> str:
        return f"the attention takes heads of {self.own} values for heads of {self.wanted}"


@record
class SizeDoesNotDivide(OfSize):
    """The ranks cannot share out `size` of what `things` says evenly, as in `3 KV heads`."""

    size: int
    things: str


@record
class KvHeadsDoNotDivide(Cause):
    """A rank's number of query `heads` is no multiple of its `kv_heads`."""

    heads: int
    kv_heads: int


@record
class PatternMalformed(Cause):
    """The `key` of a plan is no regular expression, and the release reads it as one."""

    key: str


@record
class NoTensorPlan(Cause):
    """The release needs a tensor-parallel plan, and the model has none."""
