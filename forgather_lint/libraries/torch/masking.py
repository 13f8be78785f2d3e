"""Ops with masks: where, masked_fill, tril, nonzero."""

from __future__ import annotations

from dataclasses import replace

from forgather_lint.libraries.dtypes import type_name_of
from forgather_lint.libraries.element_types import require_type
from forgather_lint.libraries.operands import (
    ONE,
    ZERO,
    Undetermined,
    flag,
    is_in_place,
    is_none,
    is_number,
    number_operand,
    result,
    shape_of,
    tensor,
    tensor_op,
    value_op,
)
from forgather_lint.libraries.propagation import Operand, needs_whole, op_text, propagate
from forgather_lint.libraries.shapes import broadcast, broadcast_labels
from forgather_lint.libraries.torch.elementwise import check_written, elementwise
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.placement import Shard
from forgather_lint.python.values.value import NONE, TensorValue, TupleValue, Value


@value_op("torch.where", "Tensor.where")
def where(site: Site, condition: Value, input: Value = NONE, other: Value = NONE) -> Value:
    """One of two values by a mask; with the mask alone, the positions at which it is true.

    As a method, the receiver is the first of the two values.
    """
    if is_none(input):
        return positions(site, tensor(site, condition, "condition"))
    if site.name == "Tensor.where":
        condition, input = input, condition
    mask = tensor(site, condition, "condition")
    if mask.dtype not in (None, "bool", "uint8"):
        text = "where expected condition to be a boolean tensor, but got a tensor with dtype"
        raise OpFailure("RuntimeError", f"{text} {type_name_of(mask.dtype)}")
    chosen = elementwise(site, [(mask, "argument"), (input, "term"), (other, "term")])
    dtype = elementwise(site, [(input, "term"), (other, "term")]).dtype
    return replace(chosen, dtype=dtype)


def positions(site: Site, mask: TensorValue) -> TupleValue:
    """The positions at which the mask is true: for each dimension a tensor of numbers."""
    labels = tuple(range(len(shape_of(mask))))
    placement = propagate(site, [Operand(mask, labels, "argument")], ("found",), whole=labels)
    found = result(site, (None,), placement, "int64")
    return TupleValue((found,) * len(labels))


@value_op("torch.nonzero", "Tensor.nonzero", "torch.argwhere", "Tensor.argwhere")
def nonzero(site: Site, input: Value, as_tuple: Value = NONE) -> Value:
    mask = tensor(site, input)
    found = positions(site, mask)
    if not is_none(as_tuple) and flag(as_tuple):
        return found
    labels = tuple(range(len(shape_of(mask))))
    placement = propagate(site, [Operand(mask, labels, "argument")], ("found", ""), whole=labels)
    return result(site, (None, len(labels)), placement, "int64")


@tensor_op("torch.isin")
def isin(site: Site, elements: Value, test_elements: Value, **_: Value) -> Value:
    """Which elements are among others, all of which must be known."""
    source, others = tensor(site, elements), number_operand(site, test_elements)
    labels = tuple(range(len(shape_of(source))))
    among = tuple(f"other {dim}" for dim in range(len(shape_of(others))))
    operands = [Operand(source, labels, "argument"), Operand(others, among, "argument")]
    placement = propagate(site, operands, labels, whole=among)
    return result(site, shape_of(source), placement, "bool")


@tensor_op("torch.masked_select", "Tensor.masked_select")
def masked_select(site: Site, input: Value, mask: Value) -> Value:
    """The elements where the mask is true, in one dimension."""
    chosen = elementwise(site, [(mask, "argument"), (input, "factor")])
    if isinstance(chosen.placement, Shard):
        raise Undetermined("data-dependent")
    return result(site, (None,), chosen.placement, tensor(site, input).dtype)


@tensor_op("torch.masked_fill", "Tensor.masked_fill", "Tensor.masked_fill_")
def masked_fill(site: Site, input: Value, mask: Value, value: Value) -> Value:
    """The input with one number, which need not be known, where the mask is true."""
    source = tensor(site, input)
    filling = value if is_number(value) or isinstance(value, TensorValue) else ONE
    if isinstance(value, TensorValue) and value.shape:
        text = "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with"
        raise OpFailure("RuntimeError", f"{text} {len(value.shape)} dimension(s).")
    covered = tensor(site, mask, "mask", 2)
    if covered.dtype not in (None, "bool"):
        text = "masked_fill_ only supports boolean masks, but got mask with dtype"
        raise OpFailure("RuntimeError", f"{text} {type_name_of(covered.dtype).lower()}")
    shape = broadcast(shape_of(covered), shape_of(source))
    if is_in_place(site.name):
        check_written(shape_of(source), shape)
    filled = elementwise(
        Site(site.evaluator, site.where, "masked_fill"),
        [(source, "term"), (mask, "argument"), (filling, "term")],
    )
    return result(site, filled.shape, filled.placement, source.dtype)


_TAKEN = "masked_scatter: expected self and source to have same dtypes but got {left} and {right}"


@tensor_op("torch.masked_scatter", "Tensor.masked_scatter", "Tensor.masked_scatter_")
def masked_scatter(site: Site, input: Value, mask: Value, source: Value) -> Value:
    """The input with the elements of `source`, in order, where the mask is true."""
    target, values = tensor(site, input), tensor(site, source, "source", 3)
    covered = tensor(site, mask, "mask", 2)
    shape = broadcast(shape_of(target), shape_of(covered))
    require_type(site, values, target, _TAKEN)
    labels = tuple(range(len(shape)))
    taken = tuple(f"taken {dim}" for dim in range(len(shape_of(values))))
    placement = propagate(
        site,
        [
            Operand(target, broadcast_labels(shape_of(target), len(shape)), "term"),
            Operand(covered, broadcast_labels(shape_of(covered), len(shape)), "argument"),
            Operand(values, taken, "term"),
        ],
        labels,
        whole=(*labels, *taken),
    )
    return result(site, shape, placement, target.dtype)


@tensor_op("torch.tril", "torch.triu", "Tensor.tril", "Tensor.triu", "Tensor.tril_", "Tensor.triu_")
def triangle(site: Site, input: Value, diagonal: Value = ZERO) -> Value:
    """The matrices with zeros above or below the diagonal."""
    source = tensor(site, input)
    shape = shape_of(source)
    if len(shape) < 2:
        name = op_text(site)
        text = f"{name}: input tensor must have at least 2 dimensions"
        raise OpFailure("RuntimeError", text)
    labels = tuple(range(len(shape)))
    placement = propagate(
        site, [Operand(source, labels)], labels, whole=labels[-2:], wrong=needs_whole(site)
    )
    return result(site, shape, placement, source.dtype)
