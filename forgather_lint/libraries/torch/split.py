"""Ops that cut a tensor: chunk, split, unbind, and iteration.

The pieces of a rank's part are not the rank's parts of the pieces: the first half of (gate of rank
0, gate of rank 1 | up of rank 0, ...) is not gate. So a sharded dimension can only be cut between
packed blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.facts.causes.placement import PackedPartsMixed, PartMisused
from forgather_lint.libraries.operands import (
    ZERO,
    Undetermined,
    dimension,
    integer,
    is_none,
    is_sequence,
    pay_for,
    plain_integer,
    result,
    shape_of,
    sizes,
    tensor,
    value_op,
)
from forgather_lint.libraries.propagation import (
    Operand,
    propagate,
)
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.tokens import holds_states
from forgather_lint.libraries.torch.joins import total_of
from forgather_lint.libraries.torch.rows_apart import WITHIN_HEADS, apart
from forgather_lint.libraries.torch.slices import at_most
from forgather_lint.libraries.torch.strides import laid, strides_of
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Placement, Shard, Undecided, Wrong
from forgather_lint.python.values.value import (
    NONE,
    ListValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
)


@value_op("torch.chunk", "Tensor.chunk", "torch.tensor_split", "Tensor.tensor_split")
def chunk(site: Site, input: Value, chunks: Value, dim: Value = ZERO) -> Value:
    """Pieces of equal size; `tensor_split` also accepts the positions of the cuts."""
    source = tensor(site, input)
    axis = dimension(dim, len(shape_of(source)))
    if is_sequence(chunks):
        return _cut_at(site, source, axis, sizes(site, [chunks]))
    count = plain_integer(chunks)
    if count < 1:
        raise OpFailure(
            "RuntimeError", f"chunk expects `chunks` to be greater than 0, got: {count}"
        )
    whole = shape_of(source)[axis]
    spread_evenly = site.name.endswith("tensor_split")
    return _pieces(site, source, axis, _equal_pieces(site, whole, count, spread_evenly))


def _equal_pieces(
    site: Site, size: Size | None, count: int, spread_evenly: bool
) -> list[Size | None]:
    pay_for(site, count)
    even = None if size is None else dims.divide_exactly(size, count)
    on_rank = None if size is None else dims.local(size)
    if even is not None or not isinstance(on_rank, int):
        return [even] * count
    if spread_evenly:
        return [on_rank // count + (piece < on_rank % count) for piece in range(count)]
    return _pieces_of(site, on_rank, -(-on_rank // count))


def _pieces_of(site: Site, size: int, piece: int) -> list[Size | None]:
    pay_for(site, -(-size // piece))
    return [min(piece, size - start) for start in range(0, size, piece)]


def _cut_at(site: Site, source: TensorValue, axis: int, cuts: Sequence[Size | None]) -> Value:
    size = shape_of(source)[axis]
    reached = [None if cut is None or size is None else at_most(cut, size) for cut in cuts]
    return _pieces(site, source, axis, list(map(_difference, (*reached, size), (0, *reached))))


def _difference(left: Size | None, right: Size | None) -> Size | None:
    return None if left is None or right is None else dims.subtract(left, right)


@value_op("torch.split", "Tensor.split", "torch.split_with_sizes", "Tensor.split_with_sizes")
def split(
    site: Site,
    input: Value,
    split_size_or_sections: Value = NONE,
    dim: Value = ZERO,
    split_size: Value = NONE,
) -> Value:
    """Pieces of one size, or of given sizes, which must add up to the size on a rank."""
    source = tensor(site, input)
    if is_none(split_size_or_sections):
        split_size_or_sections = split_size
    axis = dimension(dim, len(shape_of(source)))
    size = shape_of(source)[axis]
    if not is_sequence(split_size_or_sections):
        return _pieces(
            site, source, axis, _pieces_by_size(site, size, integer(split_size_or_sections))
        )
    sections = sizes(site, [split_size_or_sections])
    parts = _parts_on_rank(source, axis)
    if parts is not None and len(parts) == len(sections):
        # The engine that packed them writes their widths on a rank into this call.
        return _pieces(site, source, axis, [dims.sharded(part) for part in parts])
    if None not in sections:
        total = total_of(section for section in sections if section is not None)
        if differ(total, size):
            raise OpFailure("RuntimeError", _sections_text(size, plain_integer(dim), sections))
    return _pieces(site, source, axis, sections)


def _parts_on_rank(source: TensorValue, axis: int) -> tuple[int, ...] | None:
    placement = source.placement
    if isinstance(placement, Wrong | Undecided) and axis == len(shape_of(source)) - 1:
        return packed_parts(source)
    if not isinstance(placement, Shard) or placement.dim != axis:
        return None
    return placement.blocks if isinstance(placement.blocks, tuple) else None


_PARTS = "parts of a packed projection: "


def with_packed_parts(made: TensorValue, weight: TensorValue) -> TensorValue:
    """`made`, the output of the packed projection `weight`, marked with the widths of its parts."""
    placement = weight.placement
    if not isinstance(placement, Shard) or not isinstance(placement.blocks, tuple):
        return made
    return replace(made, tags=made.tags | {_PARTS + " ".join(map(str, placement.blocks))})


def packed_parts(made: TensorValue) -> tuple[int, ...] | None:
    """The widths on a rank of queries, keys and values that are packed in `made`.

    None if not packed.
    """
    said = next((tag for tag in made.tags if tag.startswith(_PARTS)), None)
    return tuple(map(int, said.removeprefix(_PARTS).split())) if said else None


def _pieces_by_size(site: Site, size: Size | None, piece: Size) -> list[Size | None]:
    count = None if size is None else dims.divide_exactly(size, piece)
    if isinstance(count, int):
        return [piece] * pay_for(site, count)
    if size is None:
        raise Undetermined("unknown-size")
    on_rank, piece_on_rank = dims.local(size), dims.local(piece)
    if not isinstance(on_rank, int) or not isinstance(piece_on_rank, int) or piece_on_rank < 1:
        raise Undetermined("symbolic-size")
    return _pieces_of(site, on_rank, piece_on_rank)


def _sections_text(size: Size | None, dim: int, sections: Sequence[Size | None]) -> str:
    return (
        f"split_with_sizes expects split_sizes to sum exactly to {size_text(size)} (input tensor's "
        f"size at dimension {dim}), but got split_sizes={shape_text(sections)}"
    )


def _pieces(site: Site, source: TensorValue, axis: int, along: Sequence[Size | None]) -> TupleValue:
    shape = shape_of(source)
    placement = source.placement
    if isinstance(placement, Shard) and placement.dim == axis and [*along] != [shape[axis]]:
        placement = _of_pieces(site, placement, along)
    whole, decided = shape[axis], not isinstance(placement, Undecided | Wrong)
    by_token = whole is not None and dims.counts_tokens(whole) and not dims.is_counted(whole)
    if decided and by_token and holds_states(source) and [*along] != [whole]:
        placement = Undecided("token-picked", site.where)
    made = [
        laid(
            result(site, (*shape[:axis], size, *shape[axis + 1 :]), placement, source.dtype),
            strides_of(source),
            source,
        )
        for size in along
    ]
    if len(made) > 1 and axis == len(shape) - 1 == 3:
        made = [replace(each, tags=each.tags | {WITHIN_HEADS}) for each in made]
    of_features = len(made) > 1 and axis == len(shape) - 1 == 2
    return TupleValue(tuple(map(apart, made) if of_features else made))


def _of_pieces(site: Site, placement: Shard, along: Sequence[Size | None]) -> Placement:
    """The placement of the pieces: a dimension packed in blocks can be cut between them."""
    count, blocks = len(along), placement.blocks
    if isinstance(blocks, tuple):
        if [*along] == [dims.sharded(part) for part in blocks]:
            return Shard(placement.dim, placement.since)
    elif count > 1 and blocks % count == 0 and None not in along and len(set(along)) == 1:
        return Shard(placement.dim, placement.since, blocks // count)
    if count == 1:
        return Undecided("size-of-a-part-in-the-code", site.where)
    reason = "a rank cuts its share of a packed dimension, the whole model cuts all of it"
    return Wrong(PackedPartsMixed(reason), site.where, placement.since)


@value_op("torch.unbind", "Tensor.unbind")
def unbind(site: Site, input: Value, dim: Value = ZERO) -> Value:
    """The items of a dimension one by one."""
    source = tensor(site, input)
    shape = shape_of(source)
    if not shape:
        raise OpFailure("TypeError", "iteration over a 0-d tensor")
    axis = dimension(dim, len(shape))
    count = _count(shape[axis])
    if count is None:
        raise Undetermined("symbolic-size")
    return TupleValue((_position(site, source, axis),) * pay_for(site, count))


@value_op("Tensor.__iter__")
def iterated(site: Site, input: Value) -> Value:
    """The rows of a tensor; where their number is not known, a value that stands for each."""
    source = tensor(site, input)
    shape = shape_of(source)
    if not shape:
        raise OpFailure("TypeError", "iteration over a 0-d tensor")
    count, row = _count(shape[0]), _position(site, source, 0)
    if count is None:
        return ListValue([], Unknown("symbolic-size", source.origin, item=row))
    return TupleValue((row,) * pay_for(site, count))


def _count(size: Size | None) -> int | None:
    here = None if size is None else dims.local(size)
    return here if isinstance(here, int) else None


def _position(site: Site, source: TensorValue, axis: int) -> TensorValue:
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    kept = (*labels[:axis], *labels[axis + 1 :])
    reason = "takes positions of a sharded dimension by their numbers on a rank"
    placement = propagate(
        site,
        [Operand(source, labels)],
        kept,
        whole=[axis],
        wrong=PartMisused(reason),
    )
    made = result(site, tuple(shape[each] for each in kept), placement, source.dtype)
    strides = strides_of(source)
    return laid(made, tuple(strides[each] for each in kept), source)
