"""Numbers for values: equal numbers mean that the same ops were applied to the same inputs.

The stages of a pipeline compute the model's function if the number of their last output is that of
an undivided run. A number is a digest, carried as a tag of the tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from forgather_lint.python.values.value import (
    Arguments,
    DictValue,
    Known,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
)

MARK = "#"


def number_of(value: Value) -> str:
    """The number of `value`, as a short text."""
    if isinstance(value, TensorValue):
        own = next((tag for tag in value.tags if tag.startswith(MARK)), None)
        # The module holds its parameter for as long as numbers are compared.
        return own or f"tensor{id(value) if value.is_parameter else value.shape}"
    if isinstance(value, Known):
        return repr(value.value)
    if isinstance(value, TupleValue | ListValue):
        return f"({','.join(map(number_of, value.items))})"
    if isinstance(value, DictValue):
        named = (f"{number_of(key)}:{number_of(each)}" for key, each in _pairs(value))
        return f"{{{','.join(named)}}}"
    return type(value).__name__


def _pairs(value: DictValue) -> Iterator[tuple[Value, Value]]:
    return zip(value.key_values(), value.items.values(), strict=True)


def digest(name: str, arguments: Arguments) -> str:
    """The number of the result of the op `name` on `arguments`."""
    positional = ",".join(map(number_of, arguments.positional))
    keywords = ",".join(f"{k}={number_of(v)}" for k, v in sorted(arguments.keywords.items()))
    text = f"{name}({positional};{keywords})"
    # Numbers are compared within one process, and to load OpenSSL takes longer than a stage.
    return f"{hash(text):x}.{hash(text[::-1]):x}"


def is_numbered(value: Value) -> bool:
    """Whether the value carries a number of its own: it came from outside the module that runs."""
    if isinstance(value, TupleValue):
        return any(map(is_numbered, value.items))
    return isinstance(value, TensorValue) and any(tag.startswith(MARK) for tag in value.tags)


def first_tensor(value: Value) -> Value:
    """The value, or the first item of a tuple: what a layer passes to the next."""
    return value.items[0] if isinstance(value, TupleValue) and value.items else value


def numbered(value: Value, number: str) -> Value:
    """`value` with the number `number`; the items of a tuple get numbers derived from it."""
    if isinstance(value, TensorValue):
        return replace(value, tags=_others(value) | {f"{MARK}{number}"})
    if isinstance(value, TupleValue):
        items = (numbered(item, f"{number}.{i}") for i, item in enumerate(value.items))
        return replace(value, items=tuple(items))
    return value


def without_number(value: Value) -> Value:
    """`value` without a number."""
    if isinstance(value, TensorValue):
        plain = _others(value)
        return value if plain == value.tags else replace(value, tags=plain)
    if isinstance(value, TupleValue):
        return replace(value, items=tuple(map(without_number, value.items)))
    return value


def _others(tensor: TensorValue) -> frozenset[str]:
    return frozenset(tag for tag in tensor.tags if not tag.startswith(MARK))


def plain_arguments(arguments: Arguments) -> Arguments:
    """Arguments without numbers, so that layers that are alike get the same ones and run once."""
    return Arguments(
        [without_number(value) for value in arguments.positional],
        {name: without_number(value) for name, value in arguments.keywords.items()},
        arguments.rest,
    )
