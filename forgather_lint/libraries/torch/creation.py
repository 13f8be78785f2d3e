"""Ops that make tensors with different elements: arange, linspace, tensor, meshgrid, polar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.facts.causes.placement import PartMisused
from forgather_lint.libraries.dtypes import complex_of, result_type
from forgather_lint.libraries.element_types import default_dtype
from forgather_lint.libraries.operands import (
    NO_SIZES,
    ONE,
    ZERO,
    Shape,
    Undetermined,
    integer,
    is_none,
    is_sequence,
    items,
    number_operand,
    result,
    shape_of,
    sizes,
    tensor,
    tensor_op,
    value_op,
)
from forgather_lint.libraries.propagation import (
    Operand,
    also_uniform,
    placement_of_uniform,
    propagate,
)
from forgather_lint.libraries.tokens import counted_from_first
from forgather_lint.libraries.torch.elementwise import elementwise
from forgather_lint.libraries.torch.filling import EMPTY, dtype_or, uniform
from forgather_lint.python.interpreter.library import OpFailure, Site
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.placement import Placement, Wrong
from forgather_lint.python.values.value import (
    NONE,
    IterableValue,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    size_of,
)


@tensor_op("torch.eye")
def eye(site: Site, n: Value, m: Value = NONE, *, dtype: Value = NONE, **_: Value) -> Value:
    shape = (integer(n), integer(n if is_none(m) else m))
    return TensorValue(
        shape, _of_counted(site, shape), dtype_or(dtype, default_dtype(site)), site.where
    )


@tensor_op("torch.arange")
def arange(
    site: Site,
    start: Value,
    end: Value = NONE,
    step: Value = ONE,
    *,
    dtype: Value = NONE,
    **_: Value,
) -> Value:
    """Numbers from `start` up to `end`; a single number is the end."""
    if is_none(end):
        start, end = ZERO, start
    bounds = (start, end, step)
    natural = (
        "int64" if all(size_of(bound) is not None for bound in bounds) else default_dtype(site)
    )
    size = _count(*bounds)
    placement = _of_counted(site, [size_of(bound) for bound in bounds])
    return TensorValue((size,), placement, dtype_or(dtype, natural), site.where)


def _count(start: Value, end: Value, step: Value) -> Size | None:
    first, last, by = size_of(start), size_of(end), size_of(step)
    if isinstance(by, int) and by > 0 and first is not None and last is not None:
        length = dims.subtract(last, first)
        if dims.compare(length, 0) == -1:
            text = "upper bound and lower bound inconsistent with step sign"
            raise OpFailure("RuntimeError", text)
        return dims.floor_divide(dims.add(length, by - 1), by)
    numbers = [each.value if isinstance(each, Known) else None for each in (start, end, step)]
    if not all(isinstance(number, int | float) for number in numbers):
        return None
    try:
        low, high, stride = (float(number) for number in numbers if isinstance(number, int | float))
        return math.ceil((high - low) / stride)
    except (ArithmeticError, ValueError):  # no step, no number, or one that no float holds
        return None


def _of_counted(site: Site, counts: Sequence[Size | None]) -> Placement:
    """The placement of elements that differ by position: on every rank they start again."""
    if any(count is not None and dims.depends_on_rank(count) for count in counts):
        reason = "numbers the positions of a part from its own start"
        return Wrong(PartMisused(reason), site.where)
    if any(count is not None and dims.counts_tokens(count) for count in counts):
        # An engine hands over other tokens at a time, which are elsewhere in their sequences.
        return counted_from_first(site)
    return placement_of_uniform(site, ())


@tensor_op("torch.linspace", "torch.logspace")
def linspace(
    site: Site, start: Value, end: Value, steps: Value, base: Value = ONE, **factory: Value
) -> Value:
    size = integer(steps)
    dtype = dtype_or(factory.get("dtype", NONE), default_dtype(site))
    return TensorValue((size,), _of_counted(site, [size]), dtype, site.where)


@tensor_op("torch.tensor", "torch.as_tensor", "torch.scalar_tensor", "Tensor.new_tensor")
def tensor_of(site: Site, data: Value, *given: Value, dtype: Value = NONE, **_: Value) -> Value:
    """A tensor of the numbers in nested lists; `x.new_tensor(data)` has the dtype of `x`."""
    own = None
    if site.name == "Tensor.new_tensor":
        own, data = tensor(site, data).dtype, given[0]
    if isinstance(data, TensorValue):
        return result(site, data.shape, data.placement, dtype_or(dtype, own or data.dtype))
    shape, numbers = _nested(site, data)
    natural = (
        result_type((number.dtype, 0) for number in numbers) if numbers else default_dtype(site)
    )
    if site.name == "torch.scalar_tensor":
        natural = default_dtype(site)
    placement = propagate(site, [Operand(number, (), "term") for number in numbers], ())
    return TensorValue(shape, placement, dtype_or(dtype, own or natural), site.where)


def _nested(site: Site, data: Value) -> tuple[Shape, list[TensorValue]]:
    if not is_sequence(data):
        number = number_operand(site, data)
        if shape_of(number):
            raise Undetermined("tensor-of-tensors")
        return (), [number]
    # Of what is no list, only a range is read as one.
    if isinstance(data, IterableValue) and data.kind == "range":
        data = ListValue(data.items, data.rest)
    parts = [_nested(site, item) for item in items(site, data)]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise Undetermined("ragged-data")
    numbers = [number for _, own in parts for number in own]
    return (len(parts), *(shapes.pop() if shapes else ())), numbers


@value_op("torch.meshgrid")
def meshgrid(site: Site, *tensors: Value, indexing: Value = NONE) -> Value:
    """Each vector along a dimension of its own; with "xy" the first two are exchanged."""
    given = items(site, tensors[0]) if len(tensors) == 1 and is_sequence(tensors[0]) else tensors
    vectors = [tensor(site, each, "tensors") for each in given]
    order = list(range(len(vectors)))
    if indexing == Known("xy"):
        order[:2] = order[1::-1]
    flat = [shape_of(each)[0] if shape_of(each) else 1 for each in vectors]
    shape = tuple(flat[each] for each in order)
    grids = [
        result(site, shape, _of_grid(site, each, own, order, shape), each.dtype)
        for own, each in enumerate(vectors)
    ]
    return TupleValue(tuple(grids))


def _of_grid(
    site: Site, vector: TensorValue, own: int, order: Sequence[int], shape: Shape
) -> Placement:
    placement = propagate(site, [Operand(vector, (own,))], tuple(order))
    return also_uniform(site, placement, shape)


@tensor_op("torch.polar")
def polar(site: Site, abs: Value, angle: Value) -> Value:
    """Complex numbers from absolute value and angle."""
    made = elementwise(site, [(abs, "factor"), (angle, "argument")])
    return result(site, made.shape, made.placement, complex_of(made.dtype))


@tensor_op("torch.complex")
def complex_tensor(site: Site, real: Value, imag: Value) -> Value:
    """Complex numbers from real and imaginary part."""
    made = elementwise(site, [(real, "term"), (imag, "term")])
    return result(site, made.shape, made.placement, complex_of(made.dtype))


@tensor_op("torch.Tensor")
def uninitialised(site: Site, *given: Value, **_: Value) -> Value:
    """`torch.Tensor(2, 3)` has those sizes, `torch.Tensor([2, 3])` those elements."""
    if len(given) == 1 and (is_sequence(given[0]) or isinstance(given[0], TensorValue)):
        made = tensor_of(site, given[0])
        return replace(made, dtype=default_dtype(site)) if isinstance(made, TensorValue) else made
    return uniform(
        site, tuple(sizes(site, given or (NO_SIZES,))), default_dtype(site), undecided=EMPTY
    )
