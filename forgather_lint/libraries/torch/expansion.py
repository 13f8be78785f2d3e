"""Ops that repeat elements: expand, repeat, repeat_interleave, tile."""

from __future__ import annotations

from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.libraries.operands import (
    ZERO,
    Shape,
    dimension,
    integer,
    is_none,
    result,
    shape_of,
    sizes,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import (
    Operand,
    absorb,
    also_uniform,
    needs_whole,
    propagate,
)
from forgather_lint.libraries.shapes import (
    check_stretches,
    is_one,
    one_on_rank,
    with_leading_ones,
)
from forgather_lint.libraries.torch.strides import laid, strides_of
from forgather_lint.libraries.torch.views import reshaped
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Placement, Wrong
from forgather_lint.python.values.value import NONE, TensorValue, Value, size_of


@tensor_op("Tensor.expand", "torch.broadcast_to", "Tensor.broadcast_to")
def expand(site: Site, input: Value, *size: Value, **named: Value) -> Value:
    """Stretch dimensions of size one; -1 keeps a size."""
    source = tensor(site, input)
    return stretched(site, source, tuple(sizes(site, size or tuple(named.values()))))


@tensor_op("Tensor.expand_as")
def expand_as(site: Site, input: Value, other: Value) -> Value:
    return stretched(site, tensor(site, input), shape_of(tensor(site, other, "other", 2)))


def stretched(site: Site, source: TensorValue, target: Shape) -> TensorValue:
    """`source` expanded to `target`; raises torch's RuntimeError when that is impossible."""
    shape = shape_of(source)
    offset = len(target) - len(shape)
    full = tuple(
        shape[dim - offset] if size == -1 and dim >= offset else size
        for dim, size in enumerate(target)
    )
    if offset > 0 and -1 in full:
        raise OpFailure("RuntimeError", _no_size_to_keep(full.index(-1)))
    check_stretches(shape, full, target)
    reached = tuple(
        size if dim < offset or one_on_rank(shape[dim - offset]) else shape[dim - offset]
        for dim, size in enumerate(full)
    )
    made = result(site, reached, _of_stretched(site, source, reached), source.dtype)
    kept = zip(shape, strides_of(source), reached[offset:], strict=True)
    along = [0 if own != size and one_on_rank(own) else stride for own, stride, size in kept]
    return laid(made, (*[0] * offset, *along), source)


def _of_stretched(site: Site, source: TensorValue, target: Shape) -> Placement:
    """The placement; a dimension that has size one on a rank only is not one to expand."""
    shape = shape_of(source)
    offset = len(target) - len(shape)
    labels = tuple(None if is_one(size) else offset + dim for dim, size in enumerate(shape))
    placement = propagate(
        site,
        [Operand(source, labels)],
        tuple(range(len(target))),
        whole=[
            label
            for label, size in zip(labels, shape, strict=True)
            if label is not None and target[label] != size
        ],
        wrong=PartMisused("stretches a dimension of which a rank holds one"),
    )
    return also_uniform(site, placement, target)


def _no_size_to_keep(dim: int) -> str:
    return (
        "The expanded size of the tensor (-1) isn't allowed in a leading, non-existing "
        f"dimension {dim}"
    )


@tensor_op("Tensor.repeat", "torch.tile", "Tensor.tile")
def repeat(site: Site, input: Value, *repeats: Value, **named: Value) -> Value:
    """Whole copies one after another: `x.repeat(2, 1)`."""
    source = tensor(site, input)
    shape = shape_of(source)
    given = sizes(site, repeats or tuple(named.values()))
    if len(given) < len(shape) and site.name == "Tensor.repeat":
        raise OpFailure("RuntimeError", _TOO_FEW_REPEATS)
    rank = max(len(given), len(shape))
    counts = with_leading_ones(given, rank)
    target = tuple(map(_times, with_leading_ones(shape, rank), counts))
    labels = tuple(range(rank - len(shape), rank))
    placement = propagate(
        site,
        [Operand(source, labels)],
        tuple(range(rank)),
        whole=[dim for dim, count in enumerate(counts) if count != 1],
        wrong=needs_whole(site),
    )
    return result(site, target, also_uniform(site, placement, target), source.dtype)


_TOO_FEW_REPEATS = (
    "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
)


def _times(size: Size | None, count: Size | None) -> Size | None:
    return None if size is None or count is None else dims.multiply(size, count)


@tensor_op("torch.repeat_interleave", "Tensor.repeat_interleave")
def repeat_interleave(
    site: Site, input: Value, repeats: Value, dim: Value = NONE, output_size: Value = NONE
) -> Value:
    """Every element several times in a row, as key heads for groups of query heads."""
    source = tensor(site, input)
    if is_none(dim):
        source, dim = reshaped(site, source, (-1,)), ZERO
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    if isinstance(repeats, TensorValue):
        return _repeated_by_tensor(site, source, repeats, axis, size_of(output_size))
    count = integer(repeats)
    target = (*shape[:axis], _times(shape[axis], count), *shape[axis + 1 :])
    placement = source.placement
    if dims.depends_on_rank(count) and not is_one(shape[axis]):
        reason = "repeats elements by a count that differs from that in the whole model"
        placement = absorb([placement, Wrong(PartMisused(reason), site.where)]) or placement
    return result(site, target, also_uniform(site, placement, target), source.dtype)


def _repeated_by_tensor(
    site: Site, source: TensorValue, repeats: TensorValue, axis: int, size: Size | None
) -> TensorValue:
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    placement = propagate(
        site,
        [Operand(source, labels), Operand(repeats, (axis,) * len(shape_of(repeats)), "argument")],
        labels,
        whole=[axis],
        wrong=needs_whole(site),
    )
    return result(site, (*shape[:axis], size, *shape[axis + 1 :]), placement, source.dtype)
