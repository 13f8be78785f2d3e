"""The common part of elementwise ops: broadcast the operands and combine them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from forgather_lint.libraries.dtypes import kind, result_type, type_name_of
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import Shape, is_in_place, number_operand, result, shape_of
from forgather_lint.libraries.propagation import Operand, Role, propagate
from forgather_lint.libraries.shapes import (
    broadcast,
    broadcast_labels,
    differ,
    may_differ,
    shape_text,
)
from forgather_lint.libraries.torch.strides import laid, of_elementwise, strides_of
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.placement import Undecided, Wrong
from forgather_lint.python.values.value import TensorValue, Value

DtypeRule = Callable[[str | None, str], str | None]
"""The dtype of a result, by the dtype of the operands and torch's default dtype."""


def elementwise(
    site: Site, operands: Sequence[tuple[Value, Role]], rule: DtypeRule | None = None
) -> TensorValue:
    """The result of an elementwise op on tensors and Python numbers.

    `rule` maps the dtype that the operands promote to, to the dtype of the result.
    """
    tensors = [number_operand(site, value) for value, _ in operands]
    shapes = [shape_of(each) for each in tensors]
    shape = broadcast(*shapes)
    placement = propagate(
        site,
        [
            Operand(each, broadcast_labels(own, len(shape)), role)
            for each, own, (_, role) in zip(tensors, shapes, operands, strict=True)
        ],
        tuple(range(len(shape))),
    )
    if may_differ(shapes) and not isinstance(placement, Wrong | Undecided):
        placement = Undecided("sizes-may-differ", site.where)
    given = [value for value, _ in operands]
    dtype = result_type(map(_dtype_and_weight, given, tensors))
    dtype = rule(dtype, default_dtype(site)) if rule else dtype
    if is_in_place(site.name):
        check_written(shapes[0], shape)
        check_cast(tensors[0].dtype, dtype)
        check_apart(tensors[0])
        made = result(site, shapes[0], placement, tensors[0].dtype)
        return laid(made, strides_of(tensors[0]), tensors[0])
    made = result(site, shape, placement, dtype)
    strides = of_elementwise(shape, tensors)
    return made if strides is None else replace(made, strides=strides)


def _dtype_and_weight(given: Value, operand: TensorValue) -> tuple[str | None, int]:
    if not isinstance(given, TensorValue):
        return operand.dtype, 0
    return operand.dtype, 2 if operand.shape else 1


def check_apart(target: TensorValue) -> None:
    """Raise torch's RuntimeError for a tensor that shows one place of the memory several times."""
    pairs = zip(target.shape or (), target.strides or (), strict=False)
    if any(stride == 0 and size not in (None, 1) for size, stride in pairs):
        raise OpFailure("RuntimeError", _OVERLAPPING)


_OVERLAPPING = (
    "unsupported operation: more than one element of the written-to tensor refers to a single "
    "memory location. Please clone() the tensor before performing the operation."
)


def check_cast(own: str | None, dtype: str | None) -> None:
    """Raise torch's RuntimeError unless a result of `dtype` can be written to a tensor of `own`."""
    if own is not None and dtype is not None and kind(dtype) > kind(own):
        given, wanted = type_name_of(dtype), type_name_of(own)
        text = f"result type {given} can't be cast to the desired output type {wanted}"
        raise OpFailure("RuntimeError", text)


def check_written(own: Shape, shape: Shape) -> None:
    """Raise torch's RuntimeError unless a result of `shape` can be written to a tensor of `own`."""
    if len(own) != len(shape) or any(map(differ, own, shape)):
        raise OpFailure(
            "RuntimeError",
            f"output with shape {shape_text(own)} doesn't match the broadcast shape "
            f"{shape_text(shape)}",
        )
