"""Ops that write at positions given by a tensor: scatter, index_add, index_copy, index_fill."""

from __future__ import annotations

from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    Shape,
    Undetermined,
    dimension,
    is_none,
    number_operand,
    result,
    shape_of,
    tensor,
    tensor_op,
)
from forgather_lint.libraries.propagation import Label, Operand, Role, needs_whole, propagate
from forgather_lint.libraries.shapes import differ, shape_text, size_text
from forgather_lint.libraries.tokens import after_reading_at
from forgather_lint.libraries.torch.gathering import check_ranks, exceeds, instead
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.placement import ZEROS, Wrong
from forgather_lint.python.values.value import NONE, TensorValue, Value

_SCATTERED = "scatter(): Expected self.dtype to be equal to src.dtype"
_ADDED = "index_add_(): self ({left}) and source ({right}) must have the same scalar type"
_COPIED = (
    "index_copy_(): self and source expected to have the same dtype, but got (self) {left} and "
    "(source) {right}"
)


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
    """For dimension 1, `out[i][index[i][j]] = src[i][j]`, or added to what is there."""
    target, positions = tensor(site, input), tensor(site, index, "index", 3)
    written = number_operand(site, value if is_none(src) else src)
    own, shape, given = shape_of(target), shape_of(positions), shape_of(written)
    axis = dimension(dim, len(own))
    check_ranks(shape, own)
    if exceeds(shape, own, axis) or (given and exceeds(shape, given, None)):
        than = f" and to be no larger size than src {shape_text(given)}" if given else ""
        raise OpFailure(
            "RuntimeError",
            f"Expected index {shape_text(shape)} to be no larger than self {shape_text(own)} apart "
            f"from dimension {axis}{than}",
        )
    if positions.dtype not in (None, "int64", "int32"):
        raise OpFailure("RuntimeError", "scatter(): Expected dtype int32/int64 for index")
    if isinstance(src, TensorValue):
        require_type(site, written, target, _SCATTERED)
    labels = tuple(range(len(own)))
    read: tuple[Label, ...] = instead(labels, axis, "written")
    term: Role = "term" if is_none(reduce) else "argument"
    operands = [
        Operand(target, labels, term),
        Operand(positions, read, "argument"),
        Operand(written, read[: len(given)], term),
    ]
    placement = propagate(site, operands, labels, whole=[axis, "written"], wrong=needs_whole(site))
    moved = after_reading_at(site, written, [axis], positions) if given else None
    placement = placement if moved is None or isinstance(placement, Wrong) else moved
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
    require_type(site, added, target, _ADDED)
    labels = tuple(range(len(own)))
    at = Operand(positions, (_GIVEN,) * len(shape), "argument")
    slices = Operand(added, instead(labels, axis, _GIVEN))
    if ZEROS in target.tags:
        return result(site, own, propagate(site, [at, slices], labels), target.dtype)
    return _onto(site, target, axis, [at, slices._replace(role="term")])


def _check_added(own: Shape, positions: Shape, given: Shape, axis: int) -> None:
    count = positions[0] if positions else 1
    if len(given) != len(own):
        raise Undetermined("source-of-another-rank")
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
    require_type(site, written, target, _COPIED)
    operands = [
        Operand(positions, (_GIVEN,) * len(shape), "argument"),
        Operand(written, instead(tuple(range(len(own))), axis, _GIVEN), "term"),
    ]
    return _onto(site, target, axis, operands)


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
    operands = [
        Operand(positions, (_GIVEN,) * len(shape_of(positions)), "argument"),
        Operand(number_operand(site, value), (), "term"),
    ]
    return _onto(site, target, dimension(dim, len(shape_of(target))), operands)


_GIVEN: Label = "given"
"""The dimension of the positions, which is that of the slices written at them."""


def _onto(site: Site, target: TensorValue, axis: int, operands: list[Operand]) -> Value:
    """`target` with the operands written along `axis`, of which each rank needs the whole."""
    shape = shape_of(target)
    labels = tuple(range(len(shape)))
    placement = propagate(
        site,
        [Operand(target, labels, "term"), *operands],
        labels,
        whole=[axis, _GIVEN],
        wrong=needs_whole(site),
    )
    return result(site, shape, placement, target.dtype)
