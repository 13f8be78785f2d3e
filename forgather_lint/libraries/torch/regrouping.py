"""Which dimensions of a view correspond to which dimensions of the tensor."""

from __future__ import annotations

from typing import NamedTuple

from forgather_lint.facts.causes.placement import ReshapeDoesNotFit
from forgather_lint.libraries.operands import Shape
from forgather_lint.libraries.shapes import size_text
from forgather_lint.python.interpreter.library import OpFailure
from forgather_lint.python.values import dims
from forgather_lint.python.values.dims import Poly, Size

Sizes = tuple[Size, ...]


class DimensionGroup(NamedTuple):
    """Dimensions of a tensor, and the dimensions of its view with the same elements."""

    source: tuple[int, ...]
    target: tuple[int, ...]


_UNKNOWN = "?"


def with_symbols(shape: Shape) -> Sizes:
    """`shape` with a new symbol for every unknown size."""
    return tuple(
        dims.symbol(f"{_UNKNOWN}{dim}") if size is None else size for dim, size in enumerate(shape)
    )


def without_symbols(shape: Sizes) -> Shape:
    """The inverse of `with_symbols`: a size that contains a new symbol becomes unknown."""
    return tuple(None if _is_unknown(size) else size for size in shape)


def _is_unknown(size: Size) -> bool:
    return isinstance(size, Poly) and any(
        name.startswith(_UNKNOWN) for names, _ in size.terms for name in names
    )


def fill_inferred(shape: Sizes, target: Sizes) -> Sizes:
    """`target` with its -1 replaced, for a view of a tensor with sizes `shape`.

    Raises torch's RuntimeError when the view surely does not fit on a rank.
    """
    total = dims.product(shape)
    others = dims.product(tuple(size for size in target if size != -1))
    inferred = [dim for dim, size in enumerate(target) if size == -1]
    if len(inferred) > 1:
        raise OpFailure("RuntimeError", "only one dimension can be inferred")
    if not inferred:
        if dims.compare(total, others) not in (0, None):
            raise _misfit(target, total)
        return target
    size = _quotient(total, others)
    if size is None:
        if _never_divides(dims.local(total), dims.local(others)):
            raise _misfit(target, total)
        size = dims.symbol(f"{_UNKNOWN}inferred")
    return (*target[: inferred[0]], size, *target[inferred[0] + 1 :])


def _misfit(target: Sizes, total: Size) -> OpFailure:
    cause = ReshapeDoesNotFit(tuple(map(size_text, target)), size_text(total))
    return OpFailure("RuntimeError", cause.error, cause)


def _quotient(total: Size, others: Size) -> Size | None:
    """The size that remains on a rank; rank-dependent if that is a size in the whole model too."""
    if dims.local(others) == 0:
        return None
    exact = dims.divide_exactly(total, others)
    if exact is not None:
        return exact
    return dims.divide_exactly(dims.local(total), dims.local(others))


def _never_divides(total: Size, divisor: Size) -> bool:
    """Whether the quotient is a fraction whatever the values of the symbols."""
    if isinstance(total, int) or isinstance(divisor, int):
        return isinstance(total, int) and isinstance(divisor, int) and divisor != 0
    return [names for names, _ in total.terms] == [names for names, _ in divisor.terms]


def regroup(shape: Sizes, target: Sizes) -> list[DimensionGroup] | None:
    """The smallest groups of dimensions with the same elements, from left to right.

    None when it cannot be decided whether sizes are equal.
    """
    groups: list[DimensionGroup] = []
    source_dim = target_dim = 0
    while source_dim < len(shape) and target_dim < len(target):
        group = _next_group(shape, target, source_dim, target_dim)
        if group is None:
            return None
        groups.append(group)
        source_dim, target_dim = group.source[-1] + 1, group.target[-1] + 1
    rest = DimensionGroup(
        tuple(range(source_dim, len(shape))), tuple(range(target_dim, len(target)))
    )
    return [*groups, rest] if rest.source or rest.target else groups


def _next_group(
    shape: Sizes, target: Sizes, source_dim: int, target_dim: int
) -> DimensionGroup | None:
    source_end, target_end = source_dim + 1, target_dim + 1
    source, held = shape[source_dim], target[target_dim]
    while source != held:
        grow_source = _is_smaller(source, held)
        if grow_source and source_end < len(shape):
            source = dims.multiply(source, shape[source_end])
            source_end += 1
        elif grow_source is False and target_end < len(target):
            held = dims.multiply(held, target[target_end])
            target_end += 1
        else:
            return None
    return DimensionGroup(
        tuple(range(source_dim, source_end)), tuple(range(target_dim, target_end))
    )


def _is_smaller(left: Size, right: Size) -> bool | None:
    if dims.divide_exactly(right, left) is not None:
        return True
    if dims.divide_exactly(left, right) is not None:
        return False
    order = dims.compare(left, right)
    return None if not order else order < 0
