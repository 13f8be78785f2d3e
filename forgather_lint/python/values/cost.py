"""The cost of looking at a value, in steps of the budget."""

from __future__ import annotations

from collections.abc import Callable

from forgather_lint.python.values.value import (
    DictValue,
    FrozenSetValue,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Value,
)

ITEMS_PER_STEP = 20
LETTERS_PER_STEP = 1000
_BITS_PER_STEP = 100


def cost(value: Value) -> int:
    """The steps that an operation on `value` costs because of its size; 0 for small values."""
    count = _COSTS.get(type(value))
    return 0 if count is None else count(value)


def _of_known(value: Known) -> int:
    constant = value.value
    if isinstance(constant, int):
        return constant.bit_length() // _BITS_PER_STEP
    return len(constant) // LETTERS_PER_STEP if isinstance(constant, str | bytes) else 0


def _of_items(value: TupleValue | ListValue | DictValue | SetValue) -> int:
    return len(value.items) // ITEMS_PER_STEP


_COSTS: dict[type[Value], Callable[..., int]] = {
    Known: _of_known,
    TupleValue: _of_items,
    ListValue: _of_items,
    DictValue: _of_items,
    SetValue: _of_items,
    FrozenSetValue: _of_items,
}
