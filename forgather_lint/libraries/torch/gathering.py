"""Ops that read at positions given by a tensor: gather, take_along_dim, index_select."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from forgather_lint.libraries.operands import Shape, dimension, result, shape_of, tensor, tensor_op
from forgather_lint.libraries.propagation import Labels, Operand, absorb, needs_whole, propagate
from forgather_lint.libraries.shapes import broadcast, broadcast_labels, shape_text
from forgather_lint.libraries.tokens import after_reading_at
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import Placement
from forgather_lint.python.values.value import NONE, Value

Entry = TypeVar("Entry")
Other = TypeVar("Other")


@tensor_op("torch.gather", "Tensor.gather")
def gather(site: Site, input: Value, dim: Value, index: Value, sparse_grad: Value = NONE) -> Value:
    """For dimension 1, `out[i][j] = input[i][index[i][j]]`.

    The result has the shape of the index.
    """
    source, positions = tensor(site, input), tensor(site, index, "index", 3)
    if positions.dtype not in (None, "int64", "int32"):
        raise OpFailure("RuntimeError", "gather(): Expected dtype int32/int64 for index")
    own, shape = shape_of(source), shape_of(positions)
    axis = dimension(dim, len(own))
    check_ranks(shape, own)
    if exceeds(shape, own, axis):
        raise OpFailure(
            "RuntimeError",
            f"Size does not match at dimension {_first_excess(shape, own, axis)} expected index "
            f"{shape_text(shape)} to be no larger than self {shape_text(own)} apart from "
            f"dimension {axis}",
        )
    labels = tuple(range(len(shape)))
    operands = [
        Operand(source, instead(labels, axis, "read")),
        Operand(positions, labels, "argument"),
    ]
    placement = _read(site, operands, labels, axis)
    return result(site, shape, placement, source.dtype)


@tensor_op("torch.take_along_dim", "Tensor.take_along_dim")
def take_along_dim(site: Site, input: Value, indices: Value, dim: Value = NONE) -> Value:
    """Like `gather`, with the other dimensions broadcast."""
    source, positions = tensor(site, input), tensor(site, indices, "indices", 2)
    own, shape = shape_of(source), shape_of(positions)
    axis = dimension(dim, len(own))
    rest = broadcast(instead(own, axis, 1), instead(shape, axis, 1))
    labels = tuple(range(len(own)))
    operands = [
        Operand(source, instead(broadcast_labels(own, len(own)), axis, "read")),
        Operand(positions, broadcast_labels(shape, len(own)), "argument"),
    ]
    placement = _read(site, operands, labels, axis)
    return result(site, instead(rest, axis, shape[axis]), placement, source.dtype)


@tensor_op("torch.index_select", "Tensor.index_select")
def index_select(site: Site, input: Value, dim: Value, index: Value) -> Value:
    """The items at the given positions of one dimension."""
    source, positions = tensor(site, input), tensor(site, index, "index", 3)
    own, shape = shape_of(source), shape_of(positions)
    if len(shape) > 1:
        raise OpFailure("IndexError", "index_select(): Index is supposed to be a vector")
    axis = dimension(dim, len(own))
    labels = tuple(range(len(own)))
    operands = [
        Operand(source, instead(labels, axis, "read")),
        Operand(positions, (axis,) * len(shape), "argument"),
    ]
    count = shape[0] if shape else 1
    placement = _read(site, operands, labels, axis)
    return result(site, instead(own, axis, count), placement, source.dtype)


def _read(site: Site, operands: Sequence[Operand], labels: Labels, axis: int) -> Placement:
    """The placement of what the second operand selects from the first along `axis`."""
    source, positions = (each.tensor for each in operands)
    read = after_reading_at(site, source, [axis], positions)
    own = propagate(site, operands, labels, whole=["read"], wrong=needs_whole(site))
    return own if read is None else absorb([own, read]) or read


def instead(entries: Sequence[Entry], axis: int, entry: Entry | Other) -> tuple[Entry | Other, ...]:
    """`entries` with the one at index `axis` replaced by `entry`."""
    return (*entries[:axis], entry, *entries[axis + 1 :])


def check_ranks(index: Shape, own: Shape) -> None:
    """Raise what torch raises when the index has another number of dimensions than the tensor."""
    if len(index) != len(own):
        text = "Index tensor must have the same number of dimensions as input tensor"
        raise OpFailure("RuntimeError", text)


def exceeds(index: Shape, own: Shape, axis: int | None) -> bool:
    """Whether the index is surely larger than the tensor in a dimension other than `axis`."""
    return _first_excess(index, own, axis) is not None


def _first_excess(index: Shape, own: Shape, axis: int | None) -> int | None:
    """The first dimension other than `axis` in which the index is surely larger.

    None if there is none.
    """
    for dim, (size, limit) in enumerate(zip(index, own, strict=True)):
        if (
            dim != axis
            and size is not None
            and limit is not None
            and dims.compare(size, limit) == 1
        ):
            return dim
    return None
