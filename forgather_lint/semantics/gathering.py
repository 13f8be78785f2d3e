"""Ops that read and write by tensors of positions: gather, index_select, scatter, index_add."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from forgather_lint.interp.library import OpFailure, Site
from forgather_lint.semantics.operands import (
    Shape,
    dimension,
    is_none,
    number_operand,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.semantics.propagation import Label, Operand, Role, needs_whole, propagate
from forgather_lint.semantics.shapes import (
    broadcast,
    broadcast_labels,
    differ,
    shape_text,
    size_text,
)
from forgather_lint.values import dims
from forgather_lint.values.placement import ZEROS
from forgather_lint.values.value import NONE, Value

Entry = TypeVar("Entry")
Other = TypeVar("Other")


@tensor_op("torch.gather", "Tensor.gather")
def gather(site: Site, input: Value, dim: Value, index: Value, sparse_grad: Value = NONE) -> Value:
    """`out[i][j] = input[i][index[i][j]]` for dimension 1; the result is as large as the index."""
    source, positions = tensor(site, input), tensor(site, index, "index", 3)
    own, shape = shape_of(source), shape_of(positions)
    axis = dimension(dim, len(own))
    _check_ranks(shape, own)
    if _exceeds(shape, own, axis):
        raise OpFailure(
            "RuntimeError",
            f"Size does not match at dimension {_first_excess(shape, own, axis)} expected index "
            f"{shape_text(shape)} to be no larger than self {shape_text(own)} apart from "
            f"dimension {axis}",
        )
    labels = tuple(range(len(shape)))
    operands = [
        Operand(source, _instead(labels, axis, "read")),
        Operand(positions, labels, "argument"),
    ]
    return result(
        site,
        shape,
        propagate(site, operands, labels, whole=["read"], complaint=needs_whole(site)),
        source.dtype,
    )


@tensor_op("torch.take_along_dim", "Tensor.take_along_dim")
def take_along_dim(site: Site, input: Value, indices: Value, dim: Value = NONE) -> Value:
    """As `gather`, with the other dimensions stretched to fit."""
    source, positions = tensor(site, input), tensor(site, indices, "indices", 2)
    own, shape = shape_of(source), shape_of(positions)
    axis = dimension(dim, len(own))
    rest = broadcast(_instead(own, axis, 1), _instead(shape, axis, 1))
    labels = tuple(range(len(own)))
    operands = [
        Operand(source, _instead(broadcast_labels(own, len(own)), axis, "read")),
        Operand(positions, broadcast_labels(shape, len(own)), "argument"),
    ]
    placement = propagate(site, operands, labels, whole=["read"], complaint=needs_whole(site))
    return result(site, _instead(rest, axis, shape[axis]), placement, source.dtype)


@tensor_op("torch.index_select", "Tensor.index_select")
def index_select(site: Site, input: Value, dim: Value, index: Value) -> Value:
    """The given positions of one dimension."""
    source, positions = tensor(site, input), tensor(site, index, "index", 3)
    own, shape = shape_of(source), shape_of(positions)
    if len(shape) > 1:
        raise OpFailure("IndexError", "index_select(): Index is supposed to be a vector")
    axis = dimension(dim, len(own))
    labels = tuple(range(len(own)))
    operands = [
        Operand(source, _instead(labels, axis, "read")),
        Operand(positions, (axis,) * len(shape), "argument"),
    ]
    count = shape[0] if shape else 1
    placement = propagate(site, operands, labels, whole=["read"], complaint=needs_whole(site))
    return result(site, _instead(own, axis, count), placement, source.dtype)


@tensor_op(
    "torch.scatter",
    "torch.scatter_add",
    "torch.scatter_reduce",
    "Tensor.scatter",
    "Tensor.scatter_",
    "Tensor.scatter_add",
    "Tensor.scatter_add_",
    "Tensor.scatter_reduce",
    "Tensor.scatter_reduce_",
)
def scatter(
    site: Site,
    input: Value,
    dim: Value,
    index: Value,
    src: Value = NONE,
    reduce: Value = NONE,
    value: Value = NONE,
    include_self: Value = NONE,
) -> Value:
    """`out[i][index[i][j]] = src[i][j]` for dimension 1, or added to what is there."""
    target, positions = tensor(site, input), tensor(site, index, "index", 3)
    written = number_operand(site, value if is_none(src) else src)
    own, shape, given = shape_of(target), shape_of(positions), shape_of(written)
    axis = dimension(dim, len(own))
    _check_ranks(shape, own)
    if _exceeds(shape, own, axis) or (given and _exceeds(shape, given, None)):
        than = f" and to be no larger size than src {shape_text(given)}" if given else ""
        raise OpFailure(
            "RuntimeError",
            f"Expected index {shape_text(shape)} to be no larger than self {shape_text(own)} apart "
            f"from dimension {axis}{than}",
        )
    labels = tuple(range(len(own)))
    read: tuple[Label, ...] = _instead(labels, axis, "written")
    term: Role = "term" if is_none(reduce) else "argument"
    operands = [
        Operand(target, labels, term),
        Operand(positions, read, "argument"),
        Operand(written, read[: len(given)], term),
    ]
    placement = propagate(
        site, operands, labels, whole=[axis, "written"], complaint=needs_whole(site)
    )
    return result(site, own, placement, target.dtype)


@tensor_op("torch.index_add", "Tensor.index_add", "Tensor.index_add_")
def index_add(
    site: Site, input: Value, dim: Value, index: Value, source: Value, alpha: Value = NONE
) -> Value:
    """The input with `source` added at the given positions of one dimension."""
    target, positions = tensor(site, input), tensor(site, index, "index", 3)
    added = tensor(site, source, "source", 4)
    own, shape = shape_of(target), shape_of(positions)
    axis = dimension(dim, len(own))
    _check_added(own, shape, shape_of(added), axis)
    labels = tuple(range(len(own)))
    operands = [
        Operand(positions, ("added",) * len(shape), "argument"),
        Operand(added, _instead(labels, axis, "added")),
    ]
    if ZEROS in target.tags:
        return result(site, own, propagate(site, operands, labels), target.dtype)
    whole: list[Label] = [axis, "added"]
    terms = [Operand(target, labels, "term"), operands[0], operands[1]._replace(role="term")]
    return result(
        site,
        own,
        propagate(site, terms, labels, whole=whole, complaint=needs_whole(site)),
        target.dtype,
    )


def _check_added(own: Shape, positions: Shape, given: Shape, axis: int) -> None:
    count = positions[0] if positions else 1
    if differ(count, given[axis]):
        raise OpFailure(
            "RuntimeError",
            f"index_add_(): Number of indices ({size_text(count)}) should be equal to "
            f"source.size(dim): ({size_text(given[axis])}), for dim: {axis}",
        )
    if _differ_besides(axis, own, given):
        raise OpFailure(
            "RuntimeError",
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {shape_text(own)} source.shape = {shape_text(given)}",
        )


@tensor_op("torch.index_copy", "Tensor.index_copy", "Tensor.index_copy_")
def index_copy(site: Site, input: Value, dim: Value, index: Value, source: Value) -> Value:
    """The input with `source` written at the given positions of one dimension."""
    target, positions = tensor(site, input), tensor(site, index, "index", 3)
    written = tensor(site, source, "source", 4)
    own, shape = shape_of(target), shape_of(positions)
    axis = dimension(dim, len(own))
    _check_copied(own, shape, shape_of(written), axis)
    labels = tuple(range(len(own)))
    operands = [
        Operand(target, labels, "term"),
        Operand(positions, ("written",) * len(shape), "argument"),
        Operand(written, _instead(labels, axis, "written"), "term"),
    ]
    whole: list[Label] = [axis, "written"]
    return result(
        site,
        own,
        propagate(site, operands, labels, whole=whole, complaint=needs_whole(site)),
        target.dtype,
    )


def _check_copied(own: Shape, positions: Shape, given: Shape, axis: int) -> None:
    if _differ_besides(axis, own, given):
        raise OpFailure(
            "RuntimeError",
            "index_copy_(): Source/destination tensor must have same slice shapes. Destination "
            f"slice shape: {_slice_text(own, axis)} at dimension {axis} and source slice shape: "
            f"{_slice_text(given, axis)} at dimension 0.",
        )
    count = positions[0] if positions else 1
    if differ(count, given[axis]):
        raise OpFailure(
            "IndexError",
            f"index_copy_(): Number of indices ({size_text(count)}) should be equal to "
            f"source.size(dim) ({size_text(given[axis])})",
        )


def _slice_text(shape: Shape, axis: int) -> str:
    return " ".join(map(size_text, (*shape[:axis], *shape[axis + 1 :])))


def _differ_besides(axis: int, own: Shape, given: Shape) -> bool:
    if len(own) != len(given):
        return True
    pairs = enumerate(zip(own, given, strict=True))
    return any(differ(size, other) for dim, (size, other) in pairs if dim != axis)


@tensor_op("torch.index_fill", "Tensor.index_fill", "Tensor.index_fill_")
def index_fill(site: Site, input: Value, dim: Value, index: Value, value: Value) -> Value:
    target, positions = tensor(site, input), tensor(site, index, "index", 3)
    labels = tuple(range(len(shape_of(target))))
    operands = [
        Operand(target, labels, "term"),
        Operand(positions, ("written",) * len(shape_of(positions)), "argument"),
        Operand(number_operand(site, value), (), "term"),
    ]
    whole: list[Label] = [dimension(dim, len(labels)), "written"]
    return result(
        site,
        shape_of(target),
        propagate(site, operands, labels, whole=whole, complaint=needs_whole(site)),
        target.dtype,
    )


def _instead(
    entries: Sequence[Entry], axis: int, entry: Entry | Other
) -> tuple[Entry | Other, ...]:
    return (*entries[:axis], entry, *entries[axis + 1 :])


def _check_ranks(index: Shape, own: Shape) -> None:
    if len(index) != len(own):
        text = "Index tensor must have the same number of dimensions as input tensor"
        raise OpFailure("RuntimeError", text)


def _exceeds(index: Shape, own: Shape, axis: int | None) -> bool:
    return _first_excess(index, own, axis) is not None


def _first_excess(index: Shape, own: Shape, axis: int | None) -> int | None:
    """The first dimension besides `axis` in which the index is surely larger."""
    for dim, (size, limit) in enumerate(zip(index, own, strict=True)):
        if (
            dim != axis
            and size is not None
            and limit is not None
            and dims.compare(size, limit) == 1
        ):
            return dim
    return None
