"""How the placement of a result follows from the placements of the operands.

Each operand names its dimensions by labels; dimensions that are combined have the same label. An op
is then described in three parts: the labels of its result, the labels that it must see whole (as a
softmax or a maximum; any other label that the result lacks is summed over), and the role of each
operand: a `factor` in which it is linear, a `term` of a sum, or a plain `argument`. This is the
einsum-like rule of DTensor (`torch/distributed/tensor/_ops/_einsum_strategy.py`), with wrong values
as a possible outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from forgather_lint.core.source import Place
from forgather_lint.facts.cause import Cause
from forgather_lint.facts.causes.placement import (
    PackedPartsMixed,
    PartialUsed,
    PartMisused,
    ReducesParts,
)
from forgather_lint.facts.causes.tokens import TokensMeet
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.dims import Size, depends_on_rank
from forgather_lint.python.values.placement import (
    REPLICATE,
    ZEROS,
    Partial,
    Placement,
    Replicate,
    Shard,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import TensorValue

Role = Literal["factor", "term", "argument"]
Label = int | str | None
Labels = tuple[Label, ...]

PART_SIZE = "part-size"
"""The tag of a number that is the size of a rank's part: such sizes add up to that of the whole."""


class Operand(NamedTuple):
    """A tensor operand with a label for each dimension.

    None for a dimension of size one that stretches.
    """

    tensor: TensorValue
    labels: Labels
    role: Role = "factor"


def needs_whole(site: Site) -> Cause:
    """The cause for an op that moves elements along a sharded dimension."""
    return PartMisused(f"{op_text(site)} along a sharded dimension")


def propagate(
    site: Site,
    operands: Sequence[Operand],
    result: Labels,
    *,
    whole: Collection[Label] = (),
    wrong: Cause | None = None,
    apart: bool = False,
) -> Placement:
    """The placement of the result, whose dimensions are called `result`.

    `wrong` is the cause if a dimension is sharded that the op must see `whole`. With `apart` the op
    puts its operands side by side instead of combining them.
    """
    settled = absorb(operand.tensor.placement for operand in operands)
    if settled is not None:
        met = not apart and not isinstance(settled, Wrong) and _is_of_several_tokens(operands)
        return Wrong(TokensMeet(op_text(site)), site.where) if met else settled
    sharded = [label for operand in operands for label in _sharded_labels(operand)]
    if any(isinstance(operand.tensor.placement, Partial) for operand in operands):
        return _of_partial(site, operands, bool(sharded))
    if not sharded:
        return REPLICATE
    if len(set(sharded)) > 1:
        reason = "operands are sharded along different dimensions"
        return _wrong(site, PartMisused(reason), operands)
    return _of_shard(site, operands, sharded[0], result, whole, wrong)


def _is_of_several_tokens(operands: Sequence[Operand]) -> bool:
    """Whether single tokens from different positions are combined."""
    placements = [operand.tensor.placement for operand in operands]
    tokens = {each.token for each in placements if isinstance(each, Undecided)} - {None}
    return len(tokens) > 1


def absorb(placements: Iterable[Placement]) -> Placement | None:
    """The first wrong, else the first undecided of `placements`; None when there is neither."""
    undecided: Undecided | None = None
    for placement in placements:
        if isinstance(placement, Wrong):
            return placement
        if undecided is None and isinstance(placement, Undecided):
            undecided = placement
    return undecided


def placement_of_uniform(site: Site, shape: Sequence[Size | None]) -> Placement:
    """The placement of a tensor whose elements do not differ along its rank-dependent sizes."""
    sharded = [dim for dim, size in enumerate(shape) if size is not None and depends_on_rank(size)]
    if len(sharded) > 1:
        return Undecided("two-sharded-dimensions", site.where)
    return Shard(sharded[0], site.where) if sharded else REPLICATE


def also_uniform(site: Site, placement: Placement, shape: Sequence[Size | None]) -> Placement:
    """`placement`, also sharded along rank-dependent sizes made by repeating elements."""
    if isinstance(placement, Wrong | Undecided):
        return placement
    uniform = placement_of_uniform(site, shape)
    if isinstance(placement, Replicate):
        return uniform
    same_dim = Shard(placement.dim) if isinstance(placement, Shard) else REPLICATE
    return placement if uniform == same_dim else Undecided("two-sharded-dimensions", site.where)


def consistent(site: Site, shape: Sequence[Size | None] | None, placement: Placement) -> Placement:
    """`placement`, if the dimension it shards is the only one whose size depends on the ranks.

    Otherwise wrong: an argument of the op was the size of a part of some other dimension.
    """
    if shape is None or isinstance(placement, Wrong | Undecided):
        return placement
    dependent = [
        dim for dim, size in enumerate(shape) if size is not None and depends_on_rank(size)
    ]
    if dependent == ([placement.dim] if isinstance(placement, Shard) else []):
        return placement
    if isinstance(placement, Shard) and not dependent:
        return Undecided("unknown-size", site.where)
    reason = "takes the size of a part of a dimension for a size of the whole model"
    return Wrong(PartMisused(reason), site.where, since(placement))


def since(placement: Placement) -> Place | None:
    """The place at which the value became sharded or partial; None where it did not."""
    return None if isinstance(placement, Replicate | Undecided) else placement.since


def _of_partial(site: Site, operands: Sequence[Operand], any_sharded: bool) -> Placement:
    factors = 0
    for operand in operands:
        if isinstance(operand.tensor.placement, Partial) and operand.role != "term":
            factors += 2 if operand.role == "argument" else 1
    terms = [operand for operand in operands if operand.role == "term"]
    reason = "a partial sum is used as if it were whole"
    if factors <= 1 and not any_sharded:
        if factors or all(map(_counts_as_partial, terms)):
            return Partial(_first_since(operands))
        reason = "a partial sum meets a whole value, which every rank then adds"
    if any(PART_SIZE in operand.tensor.tags for operand in operands):
        reason = "computes with the size of a rank's part as if it were that of the whole"
        return _wrong(site, PartMisused(reason), operands)
    return _wrong(site, PartialUsed(reason), operands)


def _counts_as_partial(term: Operand) -> bool:
    return isinstance(term.tensor.placement, Partial) or ZEROS in term.tensor.tags


def _of_shard(
    site: Site,
    operands: Sequence[Operand],
    label: Label,
    result: Labels,
    whole: Collection[Label],
    wrong: Cause | None,
) -> Placement:
    sizes = [size for operand in operands for size in _sizes_at(operand, label)]
    if None in sizes:
        return Undecided("unknown-size", site.where)
    if len(set(sizes)) > 1:
        reason = "a sharded operand meets a whole one whose size fits on a rank only"
        return _wrong(site, PartMisused(reason), operands)
    blocks = _blocks(operands)
    if len(blocks) > 1 and label in result:
        return Undecided("packed-and-plain-parts", site.where)
    if len(blocks) > 1:
        reason = "a packed value meets one that is not packed: ranks hold other parts of them"
        return _wrong(site, PackedPartsMixed(reason), operands)
    if label in whole:
        return _wrong(site, wrong or ReducesParts(op_text(site)), operands)
    if label in result:
        return Shard(result.index(label), _first_since(operands), blocks.pop())
    return Partial(site.where)


def _blocks(operands: Sequence[Operand]) -> set[int | tuple[int, ...]]:
    placements = (operand.tensor.placement for operand in operands)
    return {each.blocks for each in placements if isinstance(each, Shard)}


def _sharded_labels(operand: Operand) -> list[Label]:
    placement = operand.tensor.placement
    return [operand.labels[placement.dim]] if isinstance(placement, Shard) else []


def _sizes_at(operand: Operand, label: Label) -> list[Size | None]:
    shape = operand.tensor.shape or ()
    return [size for size, own in zip(shape, operand.labels, strict=True) if own == label]


def _first_since(operands: Sequence[Operand]) -> Place | None:
    places = (since(operand.tensor.placement) for operand in operands)
    return next((place for place in places if place is not None), None)


def _wrong(site: Site, cause: Cause, operands: Sequence[Operand]) -> Wrong:
    return Wrong(cause, site.where, _first_since(operands))


def op_text(site: Site) -> str:
    """The op as it is written in the model's code: `softmax`; for `Tensor.view`, `view`."""
    return site.name.removesuffix(".forward").rpartition(".")[2].rstrip("_")
