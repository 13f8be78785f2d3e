"""Ops that reorder dimensions or elements: transpose, permute, movedim, flip, roll."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.libraries.operands import (
    dimension,
    integers,
    is_none,
    result,
    shape_of,
    tensor,
    tensor_op,
    wrapped,
)
from forgather_lint.libraries.propagation import Operand, needs_whole, propagate
from forgather_lint.libraries.tokens import after_meeting
from forgather_lint.libraries.torch.rows_apart import reordered
from forgather_lint.libraries.torch.strides import laid, of_elementwise, strides_of
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.value import NONE, TensorValue, Value


def permuted(site: Site, source: TensorValue, order: Sequence[int]) -> TensorValue:
    """`source` with its dimensions in the given order."""
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    placement = propagate(site, [Operand(source, labels)], tuple(order))
    made = result(site, tuple(shape[dim] for dim in order), placement, source.dtype)
    moved = reordered(source, made, list(order))
    return laid(moved, tuple(strides_of(source)[dim] for dim in order), source)


@tensor_op(
    "torch.transpose",
    "torch.swapaxes",
    "torch.swapdims",
    "Tensor.transpose",
    "Tensor.transpose_",
    "Tensor.swapaxes",
    "Tensor.swapdims",
)
def transpose(site: Site, input: Value, dim0: Value, dim1: Value) -> Value:
    source = tensor(site, input)
    order = list(range(len(shape_of(source))))
    first, second = (dimension(dim, len(order)) for dim in (dim0, dim1))
    if order:
        order[first], order[second] = order[second], order[first]
    return permuted(site, source, order)


@tensor_op("torch.permute", "Tensor.permute")
def permute(site: Site, input: Value, *dims: Value, **named: Value) -> Value:
    """`x.permute(0, 2, 1)`, or with the dimensions in one tuple."""
    source = tensor(site, input)
    rank = len(shape_of(source))
    given = integers(site, dims or tuple(named.values()))
    if len(given) != rank:
        raise OpFailure(
            "RuntimeError",
            "permute(sparse_coo): number of dimensions in the tensor input does not match the "
            f"length of the desired ordering of dimensions i.e. input.dim() = {rank} is not equal "
            f"to len(dims) = {len(given)}",
        )
    order = [wrapped(dim, rank) for dim in given]
    if len(set(order)) < rank:
        raise OpFailure("RuntimeError", "permute(): duplicate dims are not allowed.")
    return permuted(site, source, order)


@tensor_op("torch.t", "Tensor.t", "Tensor.t_")
def t(site: Site, input: Value) -> Value:
    """The transpose of a matrix; a vector unchanged."""
    source = tensor(site, input)
    rank = len(shape_of(source))
    if rank > 2:
        text = f"t() expects a tensor with <= 2 dimensions, but self is {rank}D"
        raise OpFailure("RuntimeError", text)
    return permuted(site, source, range(rank)[::-1])


@tensor_op("torch.adjoint", "Tensor.adjoint")
def matrix_transpose(site: Site, input: Value) -> Value:
    """The last two dimensions exchanged, as `Tensor.mT`."""
    source = tensor(site, input)
    rank = len(shape_of(source))
    if rank < 2:
        raise OpFailure(
            "RuntimeError",
            f"tensor.mT is only supported on matrices or batches of matrices. Got {rank}-D tensor.",
        )
    return permuted(site, source, [*range(rank - 2), rank - 1, rank - 2])


@tensor_op("torch.movedim", "torch.moveaxis", "Tensor.movedim", "Tensor.moveaxis")
def movedim(site: Site, input: Value, source: Value, destination: Value) -> Value:
    """Moves the dimensions `source` to the places `destination`; the others keep their order."""
    operand = tensor(site, input)
    rank = len(shape_of(operand))
    moved = [wrapped(dim, rank) for dim in integers(site, [source])]
    places = [wrapped(dim, rank) for dim in integers(site, [destination])]
    by_place = dict(zip(places, moved, strict=True))
    others = iter([dim for dim in range(rank) if dim not in moved])
    order = [by_place[dim] if dim in by_place else next(others) for dim in range(rank)]
    return permuted(site, operand, order)


@tensor_op("torch.flip", "Tensor.flip", "torch.fliplr", "torch.flipud")
def flip(site: Site, input: Value, *dims: Value, **named: Value) -> Value:
    source = tensor(site, input)
    made = _reordered(site, source, integers(site, dims or tuple(named.values())))
    return replace(made, strides=of_elementwise(shape_of(source), [source]))


@tensor_op("torch.roll", "Tensor.roll")
def roll(site: Site, input: Value, shifts: Value, dims: Value = NONE) -> Value:
    source = tensor(site, input)
    rank = len(shape_of(source))
    return _reordered(site, source, range(rank) if is_none(dims) else integers(site, [dims]))


def _reordered(site: Site, source: TensorValue, along: Sequence[int]) -> TensorValue:
    """The elements in another order along some dimensions, of which a rank needs all elements."""
    shape = shape_of(source)
    labels = tuple(range(len(shape)))
    whole = [wrapped(dim, len(shape)) for dim in along]
    operands = [Operand(source, labels)]
    placement = propagate(site, operands, labels, whole=whole, wrong=needs_whole(site))
    return result(site, shape, after_meeting(site, operands, whole, placement), source.dtype)
