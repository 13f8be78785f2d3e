"""Ops that make tensors: zeros, ones, full, arange, tensor, and their `_like` forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.interp.library import Op, OpFailure, Site
from forgather_lint.semantics.dtypes import complex_of, dtype_of, dtype_of_number, result_type
from forgather_lint.semantics.elementwise import elementwise
from forgather_lint.semantics.operands import (
    NO_SIZES,
    ONE,
    ZERO,
    Shape,
    Undetermined,
    integer,
    is_none,
    is_number,
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
from forgather_lint.semantics.propagation import (
    OTHER_WRONG,
    Operand,
    absorb,
    also_uniform,
    placement_of_uniform,
    propagate,
)
from forgather_lint.values import dims
from forgather_lint.values.dims import Size
from forgather_lint.values.placement import ZEROS, Placement, Undecided, Wrong
from forgather_lint.values.value import (
    NONE,
    Known,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Value,
    size_of,
)

DEFAULT_DTYPE = "float32"


def _chosen(dtype: Value, otherwise: str | None) -> str | None:
    return otherwise if is_none(dtype) else dtype_of(dtype)


def uniform(
    site: Site, shape: Shape, dtype: str | None, *, zeros: bool = False, random: bool = False
) -> TensorValue:
    """A tensor of equal elements; a part of it is a smaller one. Random ones are not decided."""
    for size in shape:
        if size is not None and dims.compare(size, 0) == -1:
            text = f"{op_name(site)}: Dimension size must be non-negative."
            raise OpFailure("RuntimeError", text)
    placement = placement_of_uniform(site, shape)
    if random:
        placement = absorb([placement, Undecided("random-values", site.where)]) or placement
    tags = frozenset([ZEROS] if zeros else [])
    return TensorValue(shape, placement, dtype, site.where, tags=tags)


def op_name(site: Site) -> str:
    return site.name.rpartition(".")[2]


def _filling(zeros: bool, random: bool) -> tuple[Op, Op, Op]:
    def by_sizes(site: Site, *size: Value, dtype: Value = NONE, **options: Value) -> Value:
        given = size or (options.get("size", NO_SIZES),)
        shape = tuple(sizes(site, given))
        return uniform(site, shape, _chosen(dtype, DEFAULT_DTYPE), zeros=zeros, random=random)

    def like(site: Site, input: Value, dtype: Value = NONE, **_: Value) -> Value:
        source = tensor(site, input)
        target = _chosen(dtype, source.dtype)
        return uniform(site, shape_of(source), target, zeros=zeros, random=random)

    def method(
        site: Site, input: Value, *size: Value, dtype: Value = NONE, **options: Value
    ) -> Value:
        given = size or (options.get("size", NO_SIZES),)
        target = _chosen(dtype, tensor(site, input).dtype)
        shape = tuple(sizes(site, given))
        return uniform(site, shape, target, zeros=zeros, random=random)

    return by_sizes, like, method


for _name, _zeros, _random in (
    ("zeros", True, False),
    ("ones", False, False),
    ("empty", False, False),
    ("rand", False, True),
    ("randn", False, True),
):
    _by_sizes, _like, _method = _filling(_zeros, _random)
    tensor_op(f"torch.{_name}")(_by_sizes)
    tensor_op(f"torch.{_name}_like")(_like)
    if not _random:
        tensor_op(f"Tensor.new_{_name}")(_method)


@tensor_op("torch.full", "torch.full_like", "Tensor.new_full")
def full(site: Site, *given: Value, dtype: Value = NONE, **options: Value) -> Value:
    """`torch.full((2, 3), 0.5)`, `torch.full_like(x, 0.5)`, `x.new_full((2, 3), 0.5)`"""
    named = [options[name] for name in ("input", "size") if name in options]
    arguments = [*named, *given]
    first = arguments[0] if arguments else NONE
    source = tensor(site, arguments.pop(0)) if isinstance(first, TensorValue) else None
    if source is not None and site.name.endswith("_like"):
        shape = shape_of(source)
    else:
        shape = tuple(sizes(site, [arguments.pop(0) if arguments else NONE]))
    value = arguments[0] if arguments else options.get("fill_value", ZERO)
    known = dtype_of_number(value) if is_number(value) else None
    made = uniform(site, shape, _chosen(dtype, source.dtype if source else known))
    if not isinstance(value, SymbolicInt | TensorValue):
        return made
    filled = propagate(site, [Operand(number_operand(site, value), (), "argument")], ())
    placement = absorb([filled]) or made.placement
    return TensorValue(made.shape, placement, made.dtype, site.where)


@tensor_op("torch.eye")
def eye(site: Site, n: Value, m: Value = NONE, *, dtype: Value = NONE, **_: Value) -> Value:
    shape = (integer(n), integer(n if is_none(m) else m))
    return TensorValue(shape, _of_counted(site, shape), _chosen(dtype, DEFAULT_DTYPE), site.where)


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
    """Numbers from `start` up to `end`; one number is the end."""
    if is_none(end):
        start, end = ZERO, start
    bounds = (start, end, step)
    natural = "int64" if all(size_of(bound) is not None for bound in bounds) else DEFAULT_DTYPE
    size = _count(*bounds)
    placement = _of_counted(site, [size_of(bound) for bound in bounds])
    return TensorValue((size,), placement, _chosen(dtype, natural), site.where)


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
    low, high, stride = (float(number) for number in numbers if isinstance(number, int | float))
    return math.ceil((high - low) / stride) if stride else None


def _of_counted(site: Site, counts: Sequence[Size | None]) -> Placement:
    """Elements that differ by position: on every rank they start again."""
    if any(count is not None and dims.depends_on_rank(count) for count in counts):
        reason = "numbers the positions of a part from its own start"
        return Wrong(OTHER_WRONG, reason, site.where)
    return placement_of_uniform(site, ())


@tensor_op("torch.linspace", "torch.logspace")
def linspace(
    site: Site, start: Value, end: Value, steps: Value, base: Value = ONE, **options: Value
) -> Value:
    size = integer(steps)
    dtype = _chosen(options.get("dtype", NONE), DEFAULT_DTYPE)
    return TensorValue((size,), _of_counted(site, [size]), dtype, site.where)


@tensor_op("torch.tensor", "torch.as_tensor", "torch.scalar_tensor", "Tensor.new_tensor")
def tensor_of(site: Site, data: Value, *given: Value, dtype: Value = NONE, **_: Value) -> Value:
    """A tensor of numbers in nested lists; `x.new_tensor(data)` has the type of `x`."""
    own = None
    if site.name == "Tensor.new_tensor":
        own, data = tensor(site, data).dtype, given[0]
    if isinstance(data, TensorValue):
        return result(site, data.shape, data.placement, _chosen(dtype, own or data.dtype))
    shape, numbers = _nested(site, data)
    natural = result_type((number.dtype, 0) for number in numbers) if numbers else DEFAULT_DTYPE
    if site.name == "torch.scalar_tensor":
        natural = DEFAULT_DTYPE
    placement = propagate(site, [Operand(number, (), "term") for number in numbers], ())
    return TensorValue(shape, placement, _chosen(dtype, own or natural), site.where)


def _nested(site: Site, data: Value) -> tuple[Shape, list[TensorValue]]:
    if not is_sequence(data):
        number = number_operand(site, data)
        if shape_of(number):
            raise Undetermined("tensor-of-tensors")
        return (), [number]
    parts = [_nested(site, item) for item in items(site, data)]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise Undetermined("ragged-data")
    numbers = [number for _, own in parts for number in own]
    return (len(parts), *(shapes.pop() if shapes else ())), numbers


@value_op("torch.meshgrid")
def meshgrid(site: Site, *tensors: Value, indexing: Value = NONE) -> Value:
    """Every vector along a dimension of its own; with "xy" the first two are exchanged."""
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
    """Complex numbers from length and angle."""
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
        return replace(made, dtype=DEFAULT_DTYPE) if isinstance(made, TensorValue) else made
    return uniform(site, tuple(sizes(site, given or (NO_SIZES,))), DEFAULT_DTYPE, random=True)


@tensor_op("torch.normal")
def normal(site: Site, mean: Value, std: Value = NONE, size: Value = NONE, **_: Value) -> Value:
    """`torch.normal(0.0, 1.0, size=(2, 3))`"""
    if is_none(size):
        raise Undetermined("random-values")
    return uniform(site, tuple(sizes(site, [size])), DEFAULT_DTYPE, random=True)


@tensor_op("torch.randint", "torch.randperm", "torch.multinomial", "torch.bernoulli")
def random_numbers(site: Site, *arguments: Value, **options: Value) -> Value:
    raise Undetermined("random-values")
