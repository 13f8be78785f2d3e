"""Ops that put several tensors together: cat, stack."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeGuard

from forgather_lint.facts.causes.placement import PartMisused, SizesDiffer
from forgather_lint.libraries.dtypes import result_type
from forgather_lint.libraries.operands import (
    ZERO,
    Shape,
    dimension,
    items,
    plain_integer,
    result,
    shape_of,
    tensor,
    tensor_op,
    wrapped,
)
from forgather_lint.libraries.propagation import (
    Labels,
    Operand,
    absorb,
    op_text,
    propagate,
    since,
)
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.tokens import after_joining
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Placement, Shard, Wrong
from forgather_lint.python.values.value import (
    LENGTH_DIFFERS,
    DequeValue,
    IterableValue,
    ListValue,
    TensorValue,
    Value,
)


def total_of(addends: Iterable[Size]) -> Size:
    """The sum of sizes."""
    total: Size = 0
    for addend in addends:
        total = dims.add(total, addend)
    return total


@tensor_op("torch.cat", "torch.concat", "torch.concatenate")
def cat(site: Site, tensors: Value, dim: Value = ZERO, **named: Value) -> Value:
    """Tensors one after another along an existing dimension."""
    parts = _tensors(site, tensors)
    shapes = [shape_of(part) for part in parts]
    by_loop = _is_filled_by_loop(tensors)
    if len(parts) == 1 and not by_loop:
        return parts[0]
    rank = len(shapes[0])
    axis = dimension(named.get("axis", dim), rank)
    _check_joined(shapes, axis)
    along = [shape[axis] for shape in shapes]
    total = None if None in along else total_of(size for size in along if size is not None)
    total = dims.anything(f"sum at {site.where.span}") if by_loop else total
    shape = tuple(
        total if each == axis else _first_known(own[each] for own in shapes) for each in range(rank)
    )
    placement = after_joining(site, parts, axis, _of_joined(site, parts, axis))
    return result(site, shape, placement, _common_dtype(parts))


def _tensors(site: Site, tensors: Value) -> list[TensorValue]:
    if isinstance(tensors, TensorValue):
        wanted = "must be tuple of Tensors, not Tensor"
        raise OpFailure("TypeError", f"{op_text(site)}(): argument 'tensors' (position 1) {wanted}")
    parts = [tensor(site, part, "tensors") for part in _items(site, tensors)]
    if not parts:
        raise OpFailure("ValueError", f"{site.name}(): expected a non-empty list of Tensors")
    not_legacy = [part for part in parts if shape_of(part) != (0,)]
    return not_legacy or parts[:1]


def _items(site: Site, tensors: Value) -> list[Value]:
    """The items; of a list of unknown length the known ones, which stand for all."""
    if isinstance(tensors, IterableValue | DequeValue):
        kind = tensors.kind if isinstance(tensors, IterableValue) else "collections.deque"
        text = f"{op_text(site)}(): argument 'tensors' (position 1) must be tuple of Tensors"
        raise OpFailure("TypeError", f"{text}, not {kind}")
    return list(tensors.items) if _is_filled_by_loop(tensors) else items(site, tensors)


def _is_filled_by_loop(tensors: Value) -> TypeGuard[ListValue]:
    if not isinstance(tensors, ListValue) or tensors.rest is None or not tensors.items:
        return False
    return tensors.rest.reason == LENGTH_DIFFERS


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
                    SizesDiffer(size_text(expected), size_text(size)),
                )


def _of_joined(site: Site, parts: Sequence[TensorValue], axis: int) -> Placement:
    """The placement: the joined dimension is a block for each operand, if all are sharded by it."""
    sharded = [part.placement for part in parts if isinstance(part.placement, Shard)]
    along_axis = [placement for placement in sharded if placement.dim == axis]
    settled = absorb(part.placement for part in parts)
    if settled is not None or not along_axis:
        rank = len(shape_of(parts[0]))
        labels = tuple(None if dim == axis else dim for dim in range(rank))
        operands = [Operand(part, labels, "term") for part in parts]
        return propagate(site, operands, tuple(range(rank)), apart=True)
    sizes = {shape_of(part)[axis] for part in parts}
    if len(along_axis) == len(parts) and len(sizes) == 1 and len(set(along_axis)) == 1:
        first = along_axis[0]
        return Shard(axis, first.since, first.blocks * len(parts))
    reason = "joins along a sharded dimension: the parts of one value end up between the other's"
    return Wrong(PartMisused(reason), site.where, since(along_axis[0]))


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
    stacked: Labels = (*labels[:axis], "stacked", *labels[axis:])
    placement = propagate(site, operands, stacked, apart=True)
    common = tuple(_first_known(shape[each] for shape in shapes) for each in range(rank))
    by_loop = _is_filled_by_loop(tensors)
    count = dims.anything(f"count at {site.where.span}") if by_loop else len(parts)
    shape = (*common[:axis], count, *common[axis:])
    return result(site, shape, placement, _common_dtype(parts))


def _first_known(given: Iterable[Size | None]) -> Size | None:
    """The size that operands agree on, preferring one that depends on the ranks.

    None if unknown.
    """
    known = [size for size in given if size is not None]
    return next((size for size in known if dims.depends_on_rank(size)), known[0] if known else None)


def _common_dtype(parts: Iterable[TensorValue]) -> str | None:
    return result_type((part.dtype, 2) for part in parts)
