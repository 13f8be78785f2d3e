"""Text and bytes: `str`, `repr`, `format`, and the methods of constants."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forgather_lint.python.interpreter.constants import compute, is_plain, plain, same_result
from forgather_lint.python.interpreter.dispatch import BUILTINS, builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.loop_index import observe, pinned
from forgather_lint.python.values.value import Known, Unknown, Value

_EMPTY = Known("")


@builtin("str")
def str_(site: Site, obj: Value = _EMPTY) -> Value:
    return _text_of(site, obj, str)


@builtin("repr")
def repr_(site: Site, obj: Value) -> Value:
    return _text_of(site, obj, repr)


@builtin("ascii")
def ascii_(site: Site, obj: Value) -> Value:
    return _text_of(site, obj, ascii)


def _text_of(site: Site, obj: Value, convert: Callable[[Any], str]) -> Value:
    if not isinstance(obj, Known):
        return site.unknown("text-of-object")
    result = compute(machine_of(site).budget, site.where, site.name, convert, (obj.value,))
    if isinstance(result, Known):
        text = result.value
        observe(obj, lambda index: same_result(site.name, convert, (index,), text))
    return result


@builtin("format")
def format_value(site: Site, value: Value, format_spec: Value = _EMPTY) -> Value:
    return _of_plain(site, format, (value, format_spec), {})


@builtin("hex")
def hex_(site: Site, number: Value) -> Value:
    return _of_plain(site, hex, (number,), {})


@builtin("bin")
def bin_(site: Site, number: Value) -> Value:
    return _of_plain(site, bin, (number,), {})


@builtin("oct")
def oct_(site: Site, number: Value) -> Value:
    return _of_plain(site, oct, (number,), {})


def _of_plain(
    site: Site,
    function: Callable[..., object],
    arguments: Sequence[Value],
    keywords: Mapping[str, Value],
) -> Value:
    if not all(map(is_plain, (*arguments, *keywords.values()))):
        given = (each for each in arguments if isinstance(each, Unknown))
        return next(given, site.unknown("unknown-text"))
    options = {key: plain(value) for key, value in keywords.items()}
    operands = [plain(argument) for argument in arguments]
    return compute(machine_of(site).budget, site.where, site.name, function, operands, options)


def _method(kind: type, name: str) -> Callable[..., Value]:
    function: Callable[..., object] = getattr(kind, name)

    def call(site: Site, text: Value, *arguments: Value, **keywords: Value) -> Value:
        return _of_plain(site, function, (text, *arguments), keywords)

    return call


_OF_BOTH = (
    "lower upper title capitalize swapcase strip lstrip rstrip split rsplit splitlines partition "
    "rpartition startswith endswith replace removeprefix removesuffix find rfind index rindex "
    "count isdigit isalpha isalnum isascii isspace istitle islower isupper center ljust rjust "
    "zfill expandtabs"
).split()
_METHODS: dict[type, list[str]] = {
    str: [*_OF_BOTH, *"casefold isnumeric isdecimal isidentifier isprintable encode".split()],
    bytes: [*_OF_BOTH, "decode", "hex"],
    int: "conjugate bit_length bit_count as_integer_ratio to_bytes".split(),
    bool: "conjugate bit_length bit_count as_integer_ratio to_bytes".split(),
    float: "conjugate is_integer as_integer_ratio hex".split(),
    complex: ["conjugate"],
}
for _kind, _names in _METHODS.items():
    for _name in _names:
        BUILTINS[f"{_kind.__name__}.{_name}"] = _method(_kind, _name)


@builtin("str.join")
def join(site: Site, separator: Value, iterable: Value) -> Value:
    if isinstance(iterable, Known) and not isinstance(iterable.value, str | bytes):
        raise Raised("TypeError", "can only join an iterable", site.where)
    items, rest = machine_of(site).items_of(iterable, site.where)
    if rest is not None or not all(isinstance(item, Known) for item in (separator, *items)):
        return site.unknown("unknown-text")
    between = separator.value if isinstance(separator, Known) else None
    parts = tuple(item.value for item in map(pinned, items) if isinstance(item, Known))
    return compute(machine_of(site).budget, site.where, site.name, str.join, (between, parts))


_READS_INSIDE = re.compile(r"\{[^{}:!]*[.\[]")
"""A field of a format string that reads an attribute or an item of its value."""


@builtin("str.format")
def format_(site: Site, text: Value, *arguments: Value, **keywords: Value) -> Value:
    template = text.value if isinstance(text, Known) else None
    if not isinstance(template, str) or _READS_INSIDE.search(template):
        return site.unknown("unknown-text")
    return _of_plain(site, str.format, (text, *arguments), keywords)
