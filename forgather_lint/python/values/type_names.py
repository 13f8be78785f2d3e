"""What Python calls the type of a value."""

from __future__ import annotations

from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    FunctionValue,
    PartialCall,
)
from forgather_lint.python.values.value import (
    DictValue,
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
    (ListValue, "list"),
    (TupleValue, "tuple"),
    (DictValue, "dict"),
    (SetValue, "set"),
    (SliceValue, "slice"),
    (AttributeDict, "attribute_dict"),
    (SymbolicInt, "int"),
    (PartialCall, "partial"),
    (FunctionValue, "function"),
    (BoundMethod, "method"),
)


def type_name(value: Value) -> str:
    """`type(value).__name__`, under which the methods of a plain value are registered.

    `object` for a value that is not plain.
    """
    if isinstance(value, Known):
        return type(value.value).__name__
    if isinstance(value, IterableValue):
        return value.kind
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "object")
