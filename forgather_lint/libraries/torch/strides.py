"""How a tensor lies in memory: which views show it, and what ops make of it.

`TensorValue.strides` is None where the elements lie as they stand (contiguous), otherwise the
distance in memory of two neighbours along each dimension, None where that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.libraries.operands import is_in_place
from forgather_lint.libraries.torch.regrouping import with_symbols
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Size
from forgather_lint.python.values.value import (
    ListValue,
    NamedTupleValue,
    TensorValue,
    TupleValue,
    Value,
)

Shape = tuple[Size | None, ...]
Strides = tuple[Size | None, ...]


def strides_of(tensor: TensorValue) -> Strides:
    """The strides of a tensor with known number of dimensions."""
    assert tensor.shape is not None
    if tensor.strides is None:
        return dense(tensor.shape)
    return tensor.strides if len(tensor.strides) == len(tensor.shape) else unknown(tensor.shape)


def unknown(shape: Shape) -> Strides:
    """Strides of which nothing is known."""
    return (None,) * len(shape)


def dense(shape: Shape, order: Sequence[int] | None = None) -> Strides:
    """The strides of elements without gaps, their dimensions in `order`, outermost first."""
    sizes = [dims.local(size) for size in with_symbols(shape)]
    strides: list[Size | None] = [None] * len(sizes)
    step: Size = 1
    for dim in reversed(range(len(sizes)) if order is None else order):
        strides[dim], step = step, dims.multiply(step, sizes[dim])
    return tuple(strides)


def laid(made: TensorValue, strides: Strides, source: TensorValue) -> TensorValue:
    """`made` of `source`, which lies in memory with these strides."""
    if made.shape is None or len(made.shape) != len(strides):
        return made
    # Beside a source that is not contiguous the strides are always said: see `with_strides`.
    plain = source.strides is None and same(made.shape, strides, dense(made.shape))
    own = None if plain else strides
    return made if own == made.strides else replace(made, strides=own)


def same(shape: Shape, left: Strides, right: Strides) -> bool:
    """Whether both strides show the same elements: that of a dimension of size one is not used."""
    return all(
        size == 1 or (one is not None and one == other)
        for size, one, other in zip(shape, left, right, strict=True)
    )


def is_dense(shape: Shape, strides: Strides) -> bool | None:
    """Whether the elements lie in memory without gaps, in some order; None: not known."""
    order = _by_stride(shape, strides)
    return None if order is None else same(shape, strides, dense(shape, order))


def _by_stride(shape: Shape, strides: Strides) -> list[int] | None:
    """The dimensions from the widest stride to the narrowest; None where that is not known."""
    order: list[int] = []
    for dim, stride in enumerate(strides):
        if shape[dim] != 1 and stride is None:
            return None
        at = len(order)
        while at and shape[dim] != 1:
            before = order[at - 1]
            sign = 1 if shape[before] == 1 else _compare(stride, strides[before])
            if sign is None:
                return None
            if sign <= 0:
                break
            at -= 1
        order.insert(at, dim)
    return order


def _compare(left: Size | None, right: Size | None) -> int | None:
    return None if left is None or right is None else dims.compare(left, right)


def viewed(shape: Shape, strides: Strides, target: Shape) -> Strides | bool:
    """The strides by which a view of sizes `target` shows the elements.

    False where no strides do, True where that is not known. Source:
    aten/src/ATen/TensorUtils.cpp, `computeStride_impl`.
    """
    old = [dims.local(size) for size in with_symbols(shape)]
    new = [dims.local(size) for size in with_symbols(target)]
    if not old:
        return (1,) * len(new)
    shown_by: list[Size | None] = [None] * len(new)
    left = len(new) - 1
    elements: Size = 1
    base = strides[-1]
    for dim in reversed(range(len(old))):
        elements = dims.multiply(elements, old[dim])
        before = dim - 1
        if dim and old[before] != 1:
            wanted = None if base is None else dims.multiply(elements, base)
            goes_on = _compare(strides[before], wanted)
            if goes_on is None:
                return True
            if goes_on == 0:
                continue
        elif dim:
            continue
        shown: Size = 1
        while left >= 0 and (new[left] == 1 or shown != elements):
            shown_by[left] = None if base is None else dims.multiply(shown, base)
            shown = dims.multiply(shown, new[left])
            left -= 1
            sign = dims.compare(shown, elements)
            if sign is None:
                return True
            if sign > 0:
                return False
        if dim:
            base, elements = strides[before], 1
    return tuple(shown_by)


def of_elementwise(shape: Shape, operands: Sequence[TensorValue]) -> Strides | None:
    """The strides of the result of an elementwise op; None: it is contiguous.

    Source: aten/src/ATen/TensorIterator.cpp, `reorder_dimensions`.
    """
    if all(operand.strides is None for operand in operands):
        return None
    if None in shape:
        return unknown(shape)
    steps = [_stretched(operand, shape) for operand in operands if operand.shape]
    fastest_first = list(reversed(range(len(shape))))
    for place in range(1, len(shape)):
        at = place
        for other in reversed(range(place)):
            sign = _wider(shape, steps, fastest_first[other], fastest_first[at])
            if sign is None:
                return unknown(shape)
            if sign < 0:
                break
            if sign > 0:
                fastest_first[other], fastest_first[at] = fastest_first[at], fastest_first[other]
                at = other
    return dense(shape, fastest_first[::-1])


def _stretched(operand: TensorValue, shape: Shape) -> Strides:
    """The strides of `operand` along the dimensions of `shape`: 0 where it is repeated."""
    own = operand.shape or ()
    steps = zip(own, strides_of(operand), shape[len(shape) - len(own) :], strict=True)
    shown = [0 if size == 1 and full != 1 else stride for size, stride, full in steps]
    return (*[0] * (len(shape) - len(own)), *shown)


def _wider(shape: Shape, steps: Sequence[Strides], first: int, second: int) -> int | None:
    """1 where the dimension `first` lies wider apart than `second`, -1 where not, 0: as it is."""
    for strides in steps:
        left, right = strides[first], strides[second]
        if left == 0 or right == 0:
            continue
        sign = _compare(left, right)
        if sign is None:
            return None
        if sign:
            return sign
        sizes = dims.compare(dims.local(shape[first] or 0), dims.local(shape[second] or 0))
        if sizes is None:
            return None
        if sizes > 0:
            return 1
    return 0


CONTIGUOUS = frozenset(
    "linear matmul mm bmm mv dot addmm baddbmm imatmul outer ger cat concat concatenate stack "
    "vstack hstack contiguous embedding arange full zeros ones empty eye linspace new_zeros "
    "new_ones new_empty new_full one_hot bucketize softmax log_softmax cumsum cumprod layer_norm "
    "layernorm rms_norm rmsnorm roll masked_fill tril triu repeat tile repeat_interleave topk "
    "gather scatter index_select pad sum nansum mean prod amax amin argmax argmin max min norm "
    "vector_norm std var logsumexp all any count_nonzero".split()
)
"""Ops whose result is contiguous whatever their inputs are."""


_VIEWS = frozenset("diagonal unfold as_strided real imag view_as_real nonzero einsum".split())
"""Ops of whose result the strides are not known, whatever their inputs are."""


def with_strides(name: str, given: Sequence[Value], made: Value) -> Value:
    """What an op made, of strides that are not known where its inputs are not contiguous.

    Ops that know better have set the strides.
    """
    short = name.removesuffix(".forward").rpartition(".")[2].lower()
    if short in _VIEWS:
        return _left_open(made, given)
    if short in CONTIGUOUS or not any(map(_has_strides, given)):
        return made
    first = given[0]
    if is_in_place(name) and isinstance(first, TensorValue) and isinstance(made, TensorValue):
        return laid(made, strides_of(first), first) if first.shape == made.shape else made
    return _left_open(made, given)


def _has_strides(value: Value) -> bool:
    if isinstance(value, TensorValue):
        return value.strides is not None
    return isinstance(value, ListValue | TupleValue) and any(map(_has_strides, value.items))


def _left_open(made: Value, given: Sequence[Value]) -> Value:
    if isinstance(made, TensorValue):
        if made.strides is not None or not made.shape or any(made is each for each in given):
            return made
        return replace(made, strides=unknown(made.shape))
    if isinstance(made, NamedTupleValue):
        return NamedTupleValue(tuple(_left_open(each, given) for each in made.items), made.names)
    if isinstance(made, TupleValue):
        return TupleValue(tuple(_left_open(each, given) for each in made.items))
    return made
