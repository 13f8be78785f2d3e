"""Operations on constants, computed by Python itself once the result is known to stay small.

Each operator, builtin and method of plain values that is run here gives exactly what Python gives,
including errors and their messages. Whether an operation could fill the memory or take long is
estimated from its operands beforehand; then the result is left undecided.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.budget import LARGEST_BITS, LONGEST_TEXT, MOST_ITEMS
from forgather_lint.python.interpreter.frame import Raised, cause_in
from forgather_lint.python.values.cost import LETTERS_PER_STEP
from forgather_lint.python.values.value import (
    Constant,
    Known,
    ListValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.budget import Budget

Plain = Constant | slice | tuple["Plain", ...]
_PER_BIT = LONGEST_TEXT // LARGEST_BITS
"""How many characters a bit of a number counts for: sizes are measured in characters."""
_MOST_MODULAR = 10_000_000
"""The most bits of exponent times bits of modulus in `pow(base, exponent, modulus)`."""


def compute(
    budget: Budget,
    where: Place,
    name: str,
    function: Callable[..., object],
    operands: Sequence[Plain],
    keywords: Mapping[str, Plain] | None = None,
) -> Value:
    """`function(*operands, **keywords)`; the operation is called `name` in the estimates.

    Raises `Raised` for what Python raises.
    """
    given = keywords or {}
    size = most_made(name, operands, given)
    if size > LONGEST_TEXT:
        return Unknown("large-constant", where, name)
    budget.spend(size // LETTERS_PER_STEP)
    try:
        result = function(*operands, **given)
    except _ERRORS_OF_PYTHON as error:
        cause = next(filter(None, map(cause_in, operands)), None)
        raise Raised(type(error).__name__, str(error), where, cause=cause) from None
    return _value(result)


_ERRORS_OF_PYTHON = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def same_result(
    name: str, function: Callable[..., object], operands: Sequence[Plain], result: Constant
) -> bool:
    """Whether the operation surely gives `result` on `operands`, with which it was not computed."""
    if most_made(name, operands) > LONGEST_TEXT:
        return False
    try:
        return bool(function(*operands) == result)
    except _ERRORS_OF_PYTHON:
        return False


def _value(result: object) -> Value:
    if isinstance(result, list):
        return ListValue([_value(item) for item in result])
    if isinstance(result, tuple):
        return TupleValue(tuple(_value(item) for item in result))
    if result is NotImplemented or not isinstance(result, Constant):
        raise TypeError(f"no constant: {type(result).__name__}")
    return known(result)


def plain(value: Value) -> Plain | None:
    """The constant, or tuple of constants, that `value` is.

    None for the constant None and for others.
    """
    if isinstance(value, TupleValue):
        return tuple(plain(item) for item in value.items)
    return value.value if isinstance(value, Known) else None


def is_plain(value: Value) -> bool:
    """Whether `value` is a constant, or a tuple of constants, so that `plain` gives all of it."""
    if isinstance(value, TupleValue):
        return all(isinstance(item, Known) for item in value.items)
    return isinstance(value, Known)


def most_made(
    name: str, operands: Sequence[Plain], keywords: Mapping[str, Plain] | None = None
) -> int:
    """An upper bound for the size of the result of the operation `name`, and for its memory."""
    given = [*operands, *(keywords or {}).values()]
    held = sum(map(_size, given))
    estimate = _GROWING.get(name) or _GROWING.get(name.rpartition(".")[2])
    if estimate is None or len(given) < _fewest(estimate):  # Python refuses to do it with so few
        return held
    return held + estimate(*given)


@cache
def _fewest(estimate: Callable[..., int]) -> int:
    """The smallest number of operands that an estimate can be called with."""
    taken = signature(estimate).parameters.values()
    return sum(
        each.default is each.empty and each.kind is not each.VAR_POSITIONAL for each in taken
    )


def _size(operand: Plain) -> int:
    if isinstance(operand, int):
        return operand.bit_length() * _PER_BIT
    if isinstance(operand, tuple):
        return sum(map(_size, operand))
    return len(operand) if isinstance(operand, str | bytes) else 1


def _bits(count: float) -> int:
    return int(min(count, LARGEST_BITS + 1)) * _PER_BIT


def _multiplied(left: Any, right: Any, *_: Any) -> int:
    for text, count in ((left, right), (right, left)):
        if isinstance(text, str | bytes | tuple) and isinstance(count, int):
            return max(_size(text), 1) * max(count, 0)
    return 0


def _power(base: Any, exponent: Any = 1, modulus: Any = None, *_: Any) -> int:
    if not isinstance(base, int) or not isinstance(exponent, int):
        return 0
    if isinstance(modulus, int):
        work = exponent.bit_length() * modulus.bit_length()
        return LONGEST_TEXT + 1 if work > _MOST_MODULAR else 0
    return _bits(base.bit_length() * max(abs(exponent), 1))


def _shifted(number: Any, count: Any, *_: Any) -> int:
    return _bits(count) if isinstance(number, int) and isinstance(count, int) else 0


def _rounded(number: Any, digits: Any = None, *_: Any) -> int:
    """For `round(1, -n)`: it computes `10 ** n`."""
    whole = isinstance(number, int) and isinstance(digits, int)
    return _bits(math.log2(10) * -digits) if whole and digits < 0 else 0


def _replaced(text: Any, old: Any = "", new: Any = "", count: Any = -1, *_: Any) -> int:
    if not all(isinstance(each, str | bytes) for each in (text, old, new)):
        return 0
    places = len(text) // max(len(old), 1) + 1
    return (min(places, count) if isinstance(count, int) and count >= 0 else places) * len(new)


def _padded(text: Any, width: Any = 0, *_: Any) -> int:
    return width if isinstance(width, int) else 0


def _expanded(text: Any, size: Any = 8, *_: Any) -> int:
    wide = size if isinstance(size, int) else 0
    return len(text) * max(wide, 0) if isinstance(text, str | bytes) else 0


def _divided(text: Any, separator: Any = None, *_: Any) -> int:
    """For splitting a text: the number of parts, each of which is an object."""
    if not isinstance(text, str | bytes):
        return 0
    long = len(separator) if isinstance(separator, str | bytes) else 2
    return (len(text) // max(long, 1) + 1) * (LONGEST_TEXT // MOST_ITEMS)


_NUMBER = re.compile(r"\d+")
_WIDTH_IS_GIVEN = re.compile(r"\*|:[^}]*\{")
"""A width or precision that an operand supplies: `%*d`, `{:{}}`."""


def _widths(form: Any) -> int:
    """An upper bound for the sum of all widths and precisions in a format."""
    text = form.decode("latin-1") if isinstance(form, bytes) else form
    if not isinstance(text, str):
        return 0
    return sum(min(int(digits[:9]), LONGEST_TEXT + 1) for digits in _NUMBER.findall(text))


def _filled_in(template: Any, *operands: Any) -> int:
    text = template.decode("latin-1") if isinstance(template, bytes) else template
    size = _widths(text)
    if not isinstance(text, str) or not _WIDTH_IS_GIVEN.search(text):
        return size
    given = (each for one in operands for each in (one if isinstance(one, tuple) else (one,)))
    return size + sum(min(abs(each), LONGEST_TEXT + 1) for each in given if isinstance(each, int))


def _modulo(left: Any, right: Any, *_: Any) -> int:
    return _filled_in(left, right) if isinstance(left, str | bytes) else 0


def _case_changed(text: Any, *_: Any) -> int:
    r"""For a change of case: `"\u0390".upper()` has three characters."""
    return 2 * len(text) if isinstance(text, str) else 0


def _written_out(value: Any, *_: Any) -> int:
    """For text forms: `repr` of one character may take ten, `hex` of a byte two, `encode` four."""
    return 9 * len(value) if isinstance(value, str | bytes) else 0


def _factorial(number: Any, *_: Any) -> int:
    if not isinstance(number, int) or number < 2:
        return 0
    return _bits(number * math.log2(min(number, 2**1000)))


def _chosen(number: Any, count: Any = None, *_: Any) -> int:
    if not isinstance(number, int) or number < 2:
        return 0
    some = count if isinstance(count, int) else number
    return _bits(max(some, 0) * number.bit_length())


_GROWING: dict[str, Callable[..., int]] = {
    "mul": _multiplied,
    "imul": _multiplied,
    "pow": _power,
    "ipow": _power,
    "lshift": _shifted,
    "ilshift": _shifted,
    "mod": _modulo,
    "imod": _modulo,
    "round": _rounded,
    "replace": _replaced,
    "center": _padded,
    "ljust": _padded,
    "rjust": _padded,
    "zfill": _padded,
    "to_bytes": _padded,
    "expandtabs": _expanded,
    "split": _divided,
    "rsplit": _divided,
    "splitlines": lambda text, *_: _divided(text, "\n"),
    "str.format": _filled_in,
    "format": lambda value, form="", *_: _widths(form),
    **dict.fromkeys("upper lower title capitalize casefold swapcase".split(), _case_changed),
    **dict.fromkeys("repr ascii hex encode".split(), _written_out),
    "join": lambda separator, parts=(), *_: (
        len(separator) * len(parts) if isinstance(separator, str | bytes) else 0
    ),
    "factorial": _factorial,
    "comb": _chosen,
    "perm": _chosen,
}
"""By name of the operation (or its last part): how much more it makes than its operands are."""
