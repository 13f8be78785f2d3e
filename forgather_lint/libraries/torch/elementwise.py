"""The common part of elementwise ops: broadcast the operands and combine them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from forgather_lint.libraries.dtypes import result_type
from forgather_lint.libraries.operands import Shape, is_in_place, number_operand, result, shape_of
from forgather_lint.libraries.propagation import Operand, Role, propagate
from forgather_lint.libraries.shapes import (
    broadcast,
    broadcast_labels,
    differ,
    may_differ,
    shape_text,
)
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values.placement import Undecided, Wrong
from forgather_lint.python.values.value import TensorValue, Value

DtypeRule = Callable[[str | None], str | None]


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
    if is_in_place(site.name):
        check_written(shapes[0], shape)
        return result(site, shapes[0], placement, tensors[0].dtype)
    given = [value for value, _ in operands]
    dtype = result_type(map(_dtype_and_weight, given, tensors))
    return result(site, shape, placement, rule(dtype) if rule else dtype)


def _dtype_and_weight(given: Value, operand: TensorValue) -> tuple[str | None, int]:
    if not isinstance(given, TensorValue):
        return operand.dtype, 0
    return operand.dtype, 2 if operand.shape else 1


def check_written(own: Shape, shape: Shape) -> None:
    """Raise torch's RuntimeError unless a result of `shape` can be written to a tensor of `own`."""
    if len(own) != len(shape) or any(map(differ, own, shape)):
        raise OpFailure(
            "RuntimeError",
            f"output with shape {shape_text(own)} doesn't match the broadcast shape "
            f"{shape_text(shape)}",
        )
