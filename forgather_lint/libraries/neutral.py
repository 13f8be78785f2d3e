"""Ops that leave the elements of their tensor unchanged."""

from __future__ import annotations

from forgather_lint.python.values.value import Arguments, Known, TensorValue, Value

NEUTRAL = {"mul": 1, "multiply": 1, "truediv": 1, "div": 1, "add": 0, "sub": 0, "pow": 1}
"""For each of these ops the second operand that leaves the tensor unchanged."""
_COMMUTATIVE = frozenset({"mul", "multiply", "add"})
_VIEWS = frozenset({"view", "reshape"})


def handed_on(name: str, arguments: Arguments, result: Value) -> TensorValue | None:
    """The tensor whose elements the result of an op has, in the same shape.

    None where it has others.
    """
    op, given = name.rpartition(".")[2].strip("_"), arguments.positional
    source = next((each for each in given if isinstance(each, TensorValue)), None)
    if source is None or not isinstance(result, TensorValue) or result.shape != source.shape:
        return None
    if op in _VIEWS:
        return source
    if op not in NEUTRAL or len(given) != 2 or arguments.keywords:
        return None
    other = given[0] if given[1] is source else given[1]
    allowed = op in _COMMUTATIVE or given[0] is source
    number = other.value if isinstance(other, Known) else None
    is_number = isinstance(number, int | float) and not isinstance(number, bool)
    return source if allowed and is_number and number == NEUTRAL[op] else None
