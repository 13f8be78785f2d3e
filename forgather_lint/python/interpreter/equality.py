"""Whether two values are equal, as far as it can be decided."""

from __future__ import annotations

from forgather_lint.python.values import dims
from forgather_lint.python.values.value import (
    Choice,
    Known,
    ListValue,
    SymbolicInt,
    TupleValue,
    Unknown,
    Value,
    size_of,
)


def equals(left: Value, right: Value) -> bool | None:
    """`left == right`, None when it cannot be decided."""
    if left is right:
        return True
    if isinstance(left, Known) and isinstance(right, Known):
        return left.value == right.value
    if isinstance(left, Unknown | Choice) or isinstance(right, Unknown | Choice):
        return None
    if isinstance(left, TupleValue) and isinstance(right, TupleValue):
        return _equal_items(left.items, right.items)
    if isinstance(left, ListValue) and isinstance(right, ListValue):
        return _equal_items(tuple(left.items), tuple(right.items))
    sizes = size_of(left), size_of(right)
    if sizes[0] is not None and sizes[1] is not None:
        sign = dims.compare(sizes[0], sizes[1])
        return None if sign is None else sign == 0
    if isinstance(left, SymbolicInt) or isinstance(right, SymbolicInt):
        return None
    return left == right if type(left) is type(right) else False


def _equal_items(left: tuple[Value, ...], right: tuple[Value, ...]) -> bool | None:
    if len(left) != len(right):
        return False
    results = [equals(one, two) for one, two in zip(left, right, strict=True)]
    return None if None in results and False not in results else all(results)
