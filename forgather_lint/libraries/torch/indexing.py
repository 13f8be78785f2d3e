"""Reading and writing `x[...]`, and ops that take a region by number: narrow, select, unfold."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    Shape,
    Undetermined,
    dimension,
    integer,
    is_number,
    number_operand,
    plain_integer,
    result,
    shape_of,
    tensor,
    tensor_op,
    wrapped,
)
from forgather_lint.libraries.propagation import (
    Operand,
    propagate,
)
from forgather_lint.libraries.shapes import (
    broadcast_labels,
    check_stretches,
    one_on_rank,
    shape_text,
)
from forgather_lint.libraries.tokens import (
    CHOSEN,
    holds_states,
    keeps_all_tokens,
    written_by_position,
)
from forgather_lint.libraries.torch.selection import FULL_SLICE, Selection, is_mask
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.placement import (
    ZEROS,
    Partial,
    Placement,
    Replicate,
    Undecided,
    Wrong,
)
from forgather_lint.python.values.value import (
    NONE,
    SliceValue,
    TensorValue,
    TupleValue,
    Value,
)
from forgather_lint.python.values.value import integer as integer_value

_PUT = (
    "Index put requires the source and destination dtypes match, got {left} for the destination "
    "and {right} for the source."
)


@tensor_op("operator.getitem", "Tensor.__getitem__")
def getitem(site: Site, input: Value, key: Value) -> Value:
    """`input[key]`"""
    source = tensor(site, input)
    selection = Selection(site, source, key)
    return selection.region()


@tensor_op("torch.select", "Tensor.select")
def select(site: Site, input: Value, dim: Value, index: Value) -> Value:
    """The items at one position of a dimension, which is dropped."""
    source = tensor(site, input)
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    try:
        return _at(site, source, axis, index)
    except OpFailure as failure:
        text = (
            f"select(): index {dims.local(integer(index))} out of range for tensor of size "
            f"{shape_text(shape)} at dimension {axis}"
        )
        raise OpFailure("IndexError", text) from failure


@tensor_op("torch.narrow", "Tensor.narrow")
def narrow(site: Site, input: Value, dim: Value, start: Value, length: Value) -> Value:
    """`length` positions of a dimension from `start` on."""
    source = tensor(site, input)
    shape = shape_of(source)
    axis = dimension(dim, len(shape))
    first, count, size = integer(start), integer(length), shape[axis]
    if dims.compare(first, 0) == -1 and size is not None:
        first = dims.add(first, size)
    end = dims.add(first, count)
    if size is not None and dims.compare(end, size) == 1:
        text = (
            f"start ({dims.local(first)}) + length ({dims.local(count)}) exceeds dimension size "
            f"({dims.local(size)})."
        )
        raise OpFailure("RuntimeError", text)
    return _at(site, source, axis, SliceValue(integer_value(first), integer_value(end), NONE))


@tensor_op("Tensor.unfold")
def unfold(site: Site, input: Value, dimension: Value, size: Value, step: Value) -> Value:
    """Windows of `size` positions at a distance of `step`; the positions in a window come last."""
    source = tensor(site, input)
    shape = shape_of(source)
    axis = wrapped(plain_integer(dimension), len(shape))
    window, stride, length = plain_integer(size), plain_integer(step), shape[axis]
    if length is None:
        raise Undetermined("unknown-size")
    if dims.compare(window, length) == 1:
        text = (
            f"maximum size for tensor at dimension {axis} is {dims.local(length)} but size is "
            f"{window}"
        )
        raise OpFailure("RuntimeError", text)
    windows = dims.add(dims.floor_divide(dims.subtract(length, window), stride), 1)
    labels = tuple(range(len(shape)))
    placement = propagate(
        site,
        [Operand(source, labels)],
        (*labels[:axis], "window", *labels[axis + 1 :], "within"),
        whole=[axis],
        wrong=PartMisused("takes windows of a sharded dimension on a rank"),
    )
    return result(
        site, (*shape[:axis], windows, *shape[axis + 1 :], window), placement, source.dtype
    )


def _at(site: Site, source: TensorValue, axis: int, index: Value) -> TensorValue:
    selection = Selection(site, source, TupleValue((FULL_SLICE,) * axis + (index,)))
    return selection.region()


@tensor_op("operator.setitem", "Tensor.__setitem__")
def setitem(site: Site, input: Value, key: Value, value: Value) -> Value:
    """The tensor after `input[key] = value`."""
    target = tensor(site, input)
    assigned = number_operand(site, value)
    selection = Selection(site, target, key)
    if isinstance(key, TensorValue) and is_mask(key) and is_number(value):
        placement = _of_filled(site, target, key, assigned)
    else:
        _check_assigned(shape_of(assigned), selection)
        if selection.tensors and isinstance(value, TensorValue) and not _fills(selection, value):
            require_type(site, value, target, _PUT)
        placement = _of_assigned(site, target, assigned, selection)
        if not isinstance(placement, Wrong) and _is_by_position(target, selection):
            placement = written_by_position(site.where)
    tags = target.tags if ZEROS in assigned.tags else frozenset()
    return replace(target, placement=placement, tags=tags)


def _fills(selection: Selection, value: TensorValue) -> bool:
    """Whether one number is written where a mask is true, which torch does as `masked_fill`."""
    return not shape_of(value) and all(is_mask(each.tensor) for each in selection.tensors)


def _is_by_position(target: TensorValue, selection: Selection) -> bool:
    """Whether the region may leave out tokens, other than by what they hold."""
    chosen = any(is_mask(each.tensor) or CHOSEN in each.tensor.tags for each in selection.tensors)
    return holds_states(target) and not chosen and not keeps_all_tokens(target, selection.shape)


def _check_assigned(shape: Shape, selection: Selection) -> None:
    """Raise torch's RuntimeError unless a value of `shape` broadcasts to the region."""
    region = selection.shape
    while shape and one_on_rank(shape[0]):
        shape = shape[1:]
    try:
        check_stretches(shape, region)
    except OpFailure as failure:
        if not selection.tensors:
            raise
        text = (
            f"shape mismatch: value tensor of shape {shape_text(shape)} cannot be broadcast to "
            f"indexing result of shape {shape_text(region)}"
        )
        raise OpFailure("RuntimeError", text) from failure


def _of_assigned(
    site: Site, target: TensorValue, assigned: TensorValue, selection: Selection
) -> Placement:
    """The placement after the assignment; the region has to keep its placement."""
    places = [each.tensor.placement for each in selection.tensors]
    settled = next((each for each in places if isinstance(each, Wrong | Undecided)), None)
    if settled is not None:
        return settled
    if any(not isinstance(each, Replicate) for each in places):
        return Wrong(PartMisused("writes at positions that differ between ranks"), site.where)
    before = selection.placement()
    if isinstance(before, Wrong | Undecided):
        return before
    region = TensorValue(selection.shape, before, tags=target.tags)
    rank = len(selection.shape)
    after = propagate(
        site,
        [
            Operand(region, tuple(range(rank)), "term"),
            Operand(assigned, broadcast_labels(shape_of(assigned), rank), "term"),
        ],
        tuple(range(rank)),
    )
    if after == before:
        return target.placement
    known = isinstance(after, Wrong | Undecided | Partial)
    return after if known else Undecided("unknown-size", site.where)


def _of_filled(site: Site, target: TensorValue, mask: TensorValue, value: TensorValue) -> Placement:
    labels = tuple(range(len(shape_of(target))))
    return propagate(
        site,
        [
            Operand(target, labels, "term"),
            Operand(mask, labels[: len(shape_of(mask))], "argument"),
            Operand(value, (), "term"),
        ],
        labels,
    )
