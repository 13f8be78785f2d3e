"""Ops that choose, as in routers of experts: topk, sort, one_hot, bincount, histc."""

from __future__ import annotations

from forgather_lint.libraries.operands import (
    LAST,
    Shape,
    Undetermined,
    dimension,
    integer,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
    value_op,
)
from forgather_lint.libraries.propagation import Operand, propagate
from forgather_lint.libraries.tokens import after_meeting, after_ranking
from forgather_lint.libraries.torch.reduce import named
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Placement, Replicate
from forgather_lint.python.values.value import FALSE, NONE, TRUE, Known, TensorValue, Value

_ZERO, _HUNDRED = Known(0), Known(100)


@value_op("torch.topk", "Tensor.topk")
def topk(
    site: Site,
    input: Value,
    k: Value,
    dim: Value = LAST,
    largest: Value = TRUE,
    sorted: Value = TRUE,
) -> Value:
    """The k largest along a dimension, and their indices."""
    source = tensor(site, input)
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    if is_none(k):
        raise OpFailure("TypeError", "topk(): argument 'k' must be int, not NoneType")
    count, size = integer(k), shape[axis]
    if size is not None and dims.compare(count, size) == 1:
        raise OpFailure("RuntimeError", "selected index k out of range")
    placement = _choosing(site, source, axis)
    chosen = (*shape[:axis], count, *shape[axis + 1 :])
    return named(site, ("values", "indices"), chosen, placement, (source.dtype, "int64"))


@value_op("torch.sort", "Tensor.sort")
def sort(
    site: Site,
    input: Value,
    dim: Value = LAST,
    descending: Value = FALSE,
    stable: Value = FALSE,
) -> Value:
    source, shape, placement = _ranked(site, input, dim)
    return named(site, ("values", "indices"), shape, placement, (source.dtype, "int64"))


@tensor_op("torch.argsort", "Tensor.argsort")
def argsort(
    site: Site,
    input: Value,
    dim: Value = LAST,
    descending: Value = FALSE,
    stable: Value = FALSE,
) -> Value:
    _, shape, placement = _ranked(site, input, dim)
    return result(site, shape, placement, "int64")


def _ranked(site: Site, input: Value, dim: Value) -> tuple[TensorValue, Shape, Placement]:
    """The tensor that is sorted along `dim`, its shape, and the placement of the result."""
    source = tensor(site, input)
    shape = shape_of(source)
    return source, shape, _choosing(site, source, dimension(dim, len(shape)))


def _choosing(site: Site, source: TensorValue, axis: int) -> Placement:
    labels = tuple(range(len(shape_of(source))))
    placement = propagate(site, [Operand(source, labels, "argument")], labels, whole=[axis])
    return after_ranking(site, source, axis, placement)


@tensor_op("torch.nn.functional.one_hot")
def one_hot(site: Site, tensor_: Value, num_classes: Value = LAST) -> Value:
    """A new last dimension with a one at the index that is each number."""
    source = tensor(site, tensor_)
    shape = shape_of(source)
    count: Size | None = integer(num_classes)
    labels = tuple(range(len(shape)))
    placement = propagate(site, [Operand(source, labels, "argument")], (*labels, "class"))
    return result(site, (*shape, None if count == -1 else count), placement, "int64")


@tensor_op("torch.bincount", "Tensor.bincount")
def bincount(site: Site, input: Value, weights: Value = NONE, minlength: Value = NONE) -> Value:
    """How often each number occurs; as many counts as the largest number requires."""
    source = tensor(site, input)
    if not isinstance(source.placement, Replicate):
        raise Undetermined("data-dependent")
    labels = tuple(range(len(shape_of(source))))
    placement = after_meeting(site, [Operand(source, labels)], labels, source.placement)
    return result(site, (None,), placement, "int64")


@tensor_op("torch.histc", "Tensor.histc")
def histc(
    site: Site,
    input: Value,
    bins: Value = _HUNDRED,
    min: Value = _ZERO,
    max: Value = _ZERO,
) -> Value:
    """How many elements fall into each bin; without bounds the elements determine them."""
    source = tensor(site, input)
    labels = tuple(range(len(shape_of(source))))
    bounded = not (min == _ZERO and max == _ZERO)
    whole = [] if bounded else labels
    operand = Operand(source, labels, "argument")
    placement = propagate(site, [operand], ("bin",), whole=whole)
    placement = after_meeting(site, [operand], labels, placement)
    return result(site, (integer(bins),), placement, source.dtype)
