"""The Python type name of a value."""

from __future__ import annotations

import builtins

from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    FunctionValue,
    LibraryMethod,
    PartialCall,
)
from forgather_lint.python.values.value import (
    Builtin,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    FrozenSetValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    SymbolicInt,
    TupleValue,
    Value,
)

_NAMES: tuple[tuple[type[Value], str], ...] = (
    (DequeValue, "collections.deque"),
    (ListValue, "list"),
    (TupleValue, "tuple"),
    (DefaultDictValue, "collections.defaultdict"),
    (CounterValue, "Counter"),
    (DictValue, "dict"),
    (FrozenSetValue, "frozenset"),
    (SetValue, "set"),
    (SliceValue, "slice"),
    (AttributeDict, "attribute_dict"),
    (SymbolicInt, "int"),
    (PartialCall, "partial"),
    (FunctionValue, "function"),
    (BoundMethod, "method"),
    (LibraryMethod, "builtin_function_or_method"),
)

_NO_ITERABLE = SliceValue | SymbolicInt | FunctionValue | BoundMethod | PartialCall | LibraryMethod


def is_iterable(value: Value) -> bool | None:
    """Whether a value can be iterated over; None for one that is no plain Python value."""
    if isinstance(value, Known):
        return isinstance(value.value, str | bytes)
    if isinstance(value, Builtin):
        return None if type_name(value) == "NoneType" else False
    if isinstance(value, TupleValue | ListValue | DictValue | SetValue):
        return True
    return False if isinstance(value, _NO_ITERABLE) else None


def is_plain(value: Value) -> bool:
    """Whether a value is of a builtin Python type whose items cannot be set or deleted."""
    return isinstance(value, Known | TupleValue | SetValue | _NO_ITERABLE | Builtin)


def type_name(value: Value) -> str:
    """`type(value).__name__`, under which the methods of a plain value are registered.

    `object` for a value that is no plain Python value.
    """
    if isinstance(value, Known):
        return type(value.value).__name__
    if isinstance(value, IterableValue):
        return value.kind
    if isinstance(value, Builtin):
        return type(getattr(builtins, value.name, None)).__name__
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "object")
