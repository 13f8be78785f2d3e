"""Numbers that grow along the tokens: positions, distances, and biases made of them (as in ALiBi).

Such a bias on attention scores differs from key to key, whatever mask is added to it. An engine
that ignores masks leaves it out, and gives another answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from forgather_lint.libraries.dtypes import kind
from forgather_lint.python.values.placement import ZEROS
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    Known,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Value,
)

COUNTED = "counted"
"""The tag of a tensor whose elements differ along its last dimension as positions do."""

_KEEPING = frozenset(
    "to float half bfloat16 double type type_as contiguous clone detach unsqueeze view reshape "
    "expand expand_as broadcast_to repeat squeeze abs neg negative getitem __getitem__".split()
)
_SCALING = frozenset("mul multiply div divide truediv true_divide".split())
_MOVING = frozenset("add sub subtract".split())
_FILLING = frozenset(("masked_fill", "where"))
_FLOATING = 2
_HIDES = -1000.0
"""A score so low that softmax gives it no weight beside those of a model."""


def with_counting(name: str, arguments: Arguments, made: Value) -> Value:
    """`made`, the result of the op `name`, tagged if it grows along its last dimension."""
    if not isinstance(made, TensorValue) or not made.shape or made.shape[-1] == 1:
        return made
    short = name.rpartition(".")[2].rstrip("_") or name.rpartition(".")[2]
    counts = short == "arange" or (
        _is_counted_in(arguments.all()) and _stays_counted(short, arguments, made)
    )
    return replace(made, tags=made.tags | {COUNTED}) if counts else made


def is_bias(mask: Value) -> bool:
    """Whether the mask surely adds different numbers to the scores of different keys."""
    return is_counted(mask) and _is_floating(mask)


def is_counted(value: Value) -> bool:
    """Whether the tensor differs along its last dimension as positions do."""
    return isinstance(value, TensorValue) and COUNTED in value.tags


def _is_counted_in(given: Sequence[Value]) -> bool:
    return any(map(is_counted, given))


def _stays_counted(short: str, arguments: Arguments, made: TensorValue) -> bool:
    given = arguments.all()
    source, others = given[0], given[1:]
    if short in _KEEPING:
        return is_counted(source) and _keeps(short, source, others, made)
    if short in _FILLING:
        return _is_hidden_in_part(short, given)
    if short in _MOVING and len(given) == 2:
        return any(is_counted(one) and _is_flat(other) for one, other in _both(given))
    if short in _SCALING and len(given) == 2:
        pairs = _both(given) if short.startswith("mul") else [(source, others[0])]
        return any(is_counted(one) and _is_factor(other) for one, other in pairs)
    return False


def _both(given: Sequence[Value]) -> list[tuple[Value, Value]]:
    return [(given[0], given[1]), (given[1], given[0])]


def _keeps(short: str, source: Value, others: Sequence[Value], made: TensorValue) -> bool:
    """Whether the result of a view, copy or cast differs along the same dimension as `source`."""
    last = source.shape[-1] if isinstance(source, TensorValue) and source.shape else None
    if short.endswith("getitem") or short == "__getitem__":
        keys = others[0].items if isinstance(others[0], TupleValue) else others[:1]
        return all(each == NONE or _is_region(each) for each in keys)
    rounded = _is_floating(source) and not _is_floating(made)
    return last is not None and made.shape is not None and made.shape[-1] == last and not rounded


def _is_region(key: Value) -> bool:
    return isinstance(key, SliceValue) or (isinstance(key, Known) and key.value is ...)


def _is_hidden_in_part(short: str, given: Sequence[Value]) -> bool:
    """Whether a mask replaces some elements by a number that hides them, and leaves the others."""
    if len(given) != 3:
        return False
    shown = [each for each in given if is_counted(each)]
    fills = [each for each in (given[2:] if short == "masked_fill" else given) if _hides(each)]
    return len(shown) == len(fills) == 1


def _hides(value: Value) -> bool:
    number = value.value if isinstance(value, Known) else None
    return isinstance(number, float | int) and number <= _HIDES


def _is_flat(value: Value) -> bool:
    """Whether the tensor is constant along the last dimension of what it is added to."""
    if isinstance(value, TensorValue):
        return value.shape is not None and (not value.shape or value.shape[-1] == 1)
    return isinstance(value, SymbolicInt | Known)


def _is_factor(value: Value) -> bool:
    """Whether the value is constant along the last dimension, and not zero."""
    if isinstance(value, TensorValue) and ZEROS in value.tags:
        return False
    return _is_flat(value) and not (isinstance(value, Known) and not value.value)


def _is_floating(value: Value) -> bool:
    dtype = value.dtype if isinstance(value, TensorValue) else None
    return dtype is not None and kind(dtype) >= _FLOATING
