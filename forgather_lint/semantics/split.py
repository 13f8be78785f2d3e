"""Ops that take a tensor apart or put several together: chunk, split, unbind, cat, stack.

The pieces of a rank's part are no parts of the pieces: half of (gate of rank 0, gate of rank 1 | up
of rank 0, ...) is not gate. So a sharded dimension can be neither cut nor joined.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forgather_lint.interp.library import OpFailure, Site
from forgather_lint.semantics.dtypes import result_type
from forgather_lint.semantics.operands import (
    ZERO,
    Shape,
    Undetermined,
    dimension,
    integer,
    is_none,
    is_sequence,
    items,
    plain_integer,
    result,
    shape_of,
    sizes,
    tensor,
    tensor_op,
    value_op,
    wrapped,
)
from forgather_lint.semantics.propagation import (
    OTHER_WRONG,
    PACKED_SPLIT,
    Complaint,
    Operand,
    absorb,
    propagate,
    since,
)
from forgather_lint.semantics.shapes import differ, shape_text, size_text
from forgather_lint.semantics.slices import at_most
from forgather_lint.values import dims
from forgather_lint.values.dims import Size
from forgather_lint.values.placement import Placement, Shard, Undecided, Wrong
from forgather_lint.values.value import NONE, TensorValue, TupleValue, Value


@value_op("torch.chunk", "Tensor.chunk", "torch.tensor_split", "Tensor.tensor_split")
def chunk(site: Site, input: Value, chunks: Value, dim: Value = ZERO) -> Value:
    """Pieces of equal size; `tensor_split` also takes the places of the cuts."""
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
    return _pieces(site, source, axis, _equal_pieces(whole, count, spread_evenly))


def _equal_pieces(size: Size | None, count: int, spread_evenly: bool) -> list[Size | None]:
    even = None if size is None else dims.divide_exactly(size, count)
    on_rank = None if size is None else dims.local(size)
    if even is not None or not isinstance(on_rank, int):
        return [even] * count
    if spread_evenly:
        return [on_rank // count + (piece < on_rank % count) for piece in range(count)]
    return _pieces_of(on_rank, -(-on_rank // count))


def _pieces_of(size: int, piece: int) -> list[Size | None]:
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
    """Pieces of one size, or of given sizes that must add up to the size on a rank."""
    source = tensor(site, input)
    if is_none(split_size_or_sections):
        split_size_or_sections = split_size
    axis = dimension(dim, len(shape_of(source)))
    size = shape_of(source)[axis]
    if not is_sequence(split_size_or_sections):
        return _pieces(site, source, axis, _pieces_by_size(size, integer(split_size_or_sections)))
    sections = sizes(site, [split_size_or_sections])
    if None not in sections:
        total = _sum(section for section in sections if section is not None)
        if differ(total, size):
            raise OpFailure("RuntimeError", _sections_text(size, plain_integer(dim), sections))
    return _pieces(site, source, axis, sections)


def _pieces_by_size(size: Size | None, piece: Size) -> list[Size | None]:
    count = None if size is None else dims.divide_exactly(size, piece)
    if isinstance(count, int):
        return [piece] * count
    if size is None:
        raise Undetermined("unknown-size")
    on_rank, piece_on_rank = dims.local(size), dims.local(piece)
    if not isinstance(on_rank, int) or not isinstance(piece_on_rank, int) or piece_on_rank < 1:
        raise Undetermined("symbolic-size")
    return _pieces_of(on_rank, piece_on_rank)


def _sections_text(size: Size | None, dim: int, sections: Sequence[Size | None]) -> str:
    return (
        f"split_with_sizes expects split_sizes to sum exactly to {size_text(size)} (input tensor's "
        f"size at dimension {dim}), but got split_sizes={shape_text(sections)}"
    )


def _sum(addends: Iterable[Size]) -> Size:
    total: Size = 0
    for addend in addends:
        total = dims.add(total, addend)
    return total


def _pieces(site: Site, source: TensorValue, axis: int, along: Sequence[Size | None]) -> TupleValue:
    shape = shape_of(source)
    placement = source.placement
    if isinstance(placement, Shard) and placement.dim == axis and [*along] != [shape[axis]]:
        placement = _of_pieces(site, placement, len(along))
    return TupleValue(
        tuple(
            result(site, (*shape[:axis], size, *shape[axis + 1 :]), placement, source.dtype)
            for size in along
        )
    )


def _of_pieces(site: Site, placement: Shard, count: int) -> Placement:
    if count == 1:
        return Undecided("size-of-a-part-in-the-code", site.where)
    reason = "cuts a rank's part of a packed dimension where the whole model cuts the whole"
    return Wrong(PACKED_SPLIT, reason, site.where, placement.since)


@value_op("torch.unbind", "Tensor.unbind", "Tensor.__iter__")
def unbind(site: Site, input: Value, dim: Value = ZERO) -> Value:
    """The positions of a dimension one by one; what iteration over a tensor gives."""
    source = tensor(site, input)
    shape = shape_of(source)
    if not shape:
        raise OpFailure("TypeError", "iteration over a 0-d tensor")
    axis = dimension(dim, len(shape))
    size = shape[axis]
    count = None if size is None else dims.local(size)
    if not isinstance(count, int):
        raise Undetermined("symbolic-size")
    labels = tuple(range(len(shape)))
    kept = (*labels[:axis], *labels[axis + 1 :])
    reason = "takes positions of a sharded dimension by their numbers on a rank"
    placement = propagate(
        site,
        [Operand(source, labels)],
        kept,
        whole=[axis],
        complaint=Complaint(OTHER_WRONG, reason),
    )
    piece = result(site, tuple(shape[each] for each in kept), placement, source.dtype)
    return TupleValue((piece,) * count)


@tensor_op("torch.cat", "torch.concat", "torch.concatenate")
def cat(site: Site, tensors: Value, dim: Value = ZERO, **named: Value) -> Value:
    """Tensors one after another along a dimension they already have."""
    parts = _tensors(site, tensors)
    shapes = [shape_of(part) for part in parts]
    if len(parts) == 1:
        return parts[0]
    rank = len(shapes[0])
    axis = dimension(named.get("axis", dim), rank)
    _check_joined(shapes, axis)
    along = [shape[axis] for shape in shapes]
    total = None if None in along else _sum(size for size in along if size is not None)
    shape = tuple(
        total if each == axis else _first_known(own[each] for own in shapes) for each in range(rank)
    )
    return result(site, shape, _of_joined(site, parts, axis), _common_dtype(parts))


def _tensors(site: Site, tensors: Value) -> list[TensorValue]:
    parts = [tensor(site, part, "tensors") for part in items(site, tensors)]
    if not parts:
        raise OpFailure("ValueError", f"{site.name}(): expected a non-empty list of Tensors")
    not_legacy = [part for part in parts if shape_of(part) != (0,)]
    return not_legacy or parts[:1]


def _check_joined(shapes: Sequence[Shape], axis: int) -> None:
    first = shapes[0]
    for number, shape in enumerate(shapes):
        if len(shape) != len(first):
            text = f"Tensors must have same number of dimensions: got {len(first)} and {len(shape)}"
            raise OpFailure("RuntimeError", text)
        for dim, (expected, size) in enumerate(zip(first, shape, strict=True)):
            if dim != axis and differ(expected, size):
                raise OpFailure(
                    "RuntimeError",
                    f"Sizes of tensors must match except in dimension {axis}. Expected size "
                    f"{size_text(expected)} but got size {size_text(size)} for tensor number "
                    f"{number} in the list.",
                )


def _of_joined(site: Site, parts: Sequence[TensorValue], axis: int) -> Placement:
    """No operand may be sharded along the dimension that grows."""
    along_axis = [part.placement for part in parts if part.placement == Shard(axis)]
    settled = absorb(part.placement for part in parts)
    if settled is not None or not along_axis:
        rank = len(shape_of(parts[0]))
        labels = tuple(None if dim == axis else dim for dim in range(rank))
        operands = [Operand(part, labels, "term") for part in parts]
        return propagate(site, operands, tuple(range(rank)))
    reason = "joins along a sharded dimension: the parts of one value end up between the other's"
    return Wrong(OTHER_WRONG, reason, site.where, since(along_axis[0]))


@tensor_op("torch.stack")
def stack(site: Site, tensors: Value, dim: Value = ZERO) -> Value:
    """Tensors of one shape along a new dimension."""
    parts = _tensors(site, tensors)
    shapes = [shape_of(part) for part in parts]
    for number, shape in enumerate(shapes):
        if len(shape) != len(shapes[0]) or any(map(differ, shapes[0], shape)):
            raise OpFailure(
                "RuntimeError",
                f"stack expects each tensor to be equal size, but got {shape_text(shapes[0])} at "
                f"entry 0 and {shape_text(shape)} at entry {number}",
            )
    rank = len(shapes[0])
    axis = wrapped(plain_integer(dim), rank + 1)
    labels = tuple(range(rank))
    operands = [Operand(part, labels, "term") for part in parts]
    placement = propagate(site, operands, (*labels[:axis], "stacked", *labels[axis:]))
    common = tuple(_first_known(shape[each] for shape in shapes) for each in range(rank))
    shape = (*common[:axis], len(parts), *common[axis:])
    return result(site, shape, placement, _common_dtype(parts))


def _first_known(given: Iterable[Size | None]) -> Size | None:
    """The size of operands that agree; one that carries the symbol for ranks goes first."""
    known = [size for size in given if size is not None]
    return next((size for size in known if dims.depends_on_rank(size)), known[0] if known else None)


def _common_dtype(parts: Iterable[TensorValue]) -> str | None:
    return result_type((part.dtype, 2) for part in parts)
