"""Limits on what a template may compute: templates are hostile input, and rendering runs them.

Every operand and every result is weighed (characters and elements, nested ones included), and
operations whose result grows with the product of two operands are refused beforehand.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping

from forgather_lint.core.record import record

MAX_TEMPLATE_BYTES = 512 * 1024
MAX_WEIGHT = 256 * 1024
MAX_PRODUCT = 4 * 1024 * 1024
MAX_INTEGER_BITS = 4096
MAX_ELEMENTS = 10_000
MAX_RANGE = 10_000
MAX_STEPS = 300_000
MAX_STATEMENTS = 6_000
_CHARACTERS_PER_STEP = 256
_PART = 8
"""The weight of a number or container, in characters: handling it takes about as long."""
_MAX_NESTING = 50
_WIDE_FIELD = re.compile(r"\d{5,}")
_NESTED_FIELD = re.compile(r"%[^a-zA-Z]*\*|\{[^{}]*\{")


class RenderRefused(Exception):
    """A template asked for something that the linter refuses to do; the message says what."""


@record(frozen=False)
class RenderBudget:
    """The work that one rendering may still do."""

    steps: int = MAX_STEPS

    def spend(self, weight: int = 0) -> None:
        """Account for one operation on values of `weight`. Raises `RenderRefused`."""
        self.steps -= 1 + weight // _CHARACTERS_PER_STEP
        if self.steps < 0:
            raise RenderRefused(
                "the template does not come to an end within the linter's step limit"
            )


def weigh(value: object) -> int:
    """The size of `value` if it were written out. Raises `RenderRefused` above `MAX_WEIGHT`."""
    if isinstance(value, str):
        level, total, depth = [], 1 + len(value), 0
    else:
        level, total, depth = [value], 0, 0
    while level:
        total += sum(_own_weight(item) for item in level)
        if depth > _MAX_NESTING or len(level) > MAX_ELEMENTS:
            raise RenderRefused("the template builds a value with too many parts to lint")
        level = [child for item in level for child in _children(item)]
        depth += 1
    if total > MAX_WEIGHT:
        raise RenderRefused("the template builds a value too large to lint")
    return total


def check_statements(jinja: str) -> None:
    """Refuse a template with more statements than Jinja compiles in a second or two."""
    if jinja.count("{%") + jinja.count("{{") > MAX_STATEMENTS:
        raise RenderRefused(f"more than {MAX_STATEMENTS} statements in one template")


def check_binary(symbol: str, left: object, right: object) -> None:
    """Refuse an arithmetic operation whose result would be disproportionately large."""
    weigh(left), weigh(right)
    if isinstance(left, int) and isinstance(right, int):
        _check_integers(symbol, left, right)
    elif symbol == "*":
        count = left if isinstance(left, int) else right
        value = right if isinstance(left, int) else left
        if isinstance(count, int):
            _check_product(weigh(value), abs(count))
    elif symbol == "%" and isinstance(left, str):
        _check_format(left, right if isinstance(right, tuple) else (right,))


def check_method(receiver: object, name: str, arguments: Iterable[object]) -> None:
    """Refuse a method call (or filter) whose result could be much larger than its operands."""
    values = tuple(arguments)
    if name in ("format", "format_map") and isinstance(receiver, str):
        _check_format(receiver, values)
    elif name == "sum" and any(isinstance(value, list | tuple) for value in values):
        raise RenderRefused("`sum` of lists takes time by the square of their number")
    elif name == "strftime":
        _check_format(str(values[:1]), values)
    else:
        _check_product(weigh(receiver), sum(map(_as_width, values)))


def limited_range(*bounds: int) -> range:
    """`range`, refused above `MAX_RANGE` elements."""
    made = range(*bounds)
    # len() of a range beyond the machine's word raises OverflowError.
    if not -MAX_RANGE <= _elements(made) <= MAX_RANGE:
        raise RenderRefused(
            f"range with {_elements(made)} elements; the linter stops at {MAX_RANGE}"
        )
    return made


def _elements(numbers: range) -> int:
    return max(0, (numbers.stop - numbers.start + numbers.step - 1) // numbers.step)


def _own_weight(value: object) -> int:
    if isinstance(value, str | bytes):
        return _PART + len(value)
    if isinstance(value, range):
        return 1 + _elements(value)
    if isinstance(value, int) and value.bit_length() > MAX_INTEGER_BITS:
        raise RenderRefused("the template computes an integer with thousands of digits")
    return _PART


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return (part for item in value.items() for part in item)
    if isinstance(value, list | tuple | set | frozenset):
        return value
    try:
        # jinja2.utils.Namespace shows its attributes as its own; this is where it keeps them.
        attributes = object.__getattribute__(value, "_Namespace__attrs")
    except AttributeError:
        return ()
    return (part for item in attributes.items() for part in item)


def _as_width(value: object) -> int:
    return abs(value) if isinstance(value, int) else weigh(value)


def _check_product(left: int, right: int) -> None:
    if left * right > MAX_PRODUCT:
        raise RenderRefused("the template repeats or pads text beyond the linter's size limit")


def _check_integers(symbol: str, left: int, right: int) -> None:
    power = left.bit_length() * right if symbol == "**" else 0
    product = left.bit_length() + right.bit_length() if symbol == "*" else 0
    if max(power, product) > MAX_INTEGER_BITS:
        raise RenderRefused("the template computes an integer with thousands of digits")


def _check_format(text: str, values: tuple[object, ...]) -> None:
    if _WIDE_FIELD.search(text):
        raise RenderRefused("the template formats a field wider than the linter's size limit")
    measure: Callable[[object], int] = _as_width if _NESTED_FIELD.search(text) else weigh
    _check_product(weigh(text), sum(measure(value) for value in values))


OPERATORS: Mapping[str, Callable[[object, object], object]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "**": operator.pow,
    "%": operator.mod,
}
