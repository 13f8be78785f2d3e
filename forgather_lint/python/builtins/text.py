"""`str` and its methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forgather_lint.python.interpreter.budget import LONGEST_TEXT
from forgather_lint.python.interpreter.dispatch import BUILTINS, builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.loop_index import observe
from forgather_lint.python.values.value import Constant, Known, ListValue, TupleValue, Value, known

_EMPTY = Known("")


@builtin("str")
def str_(site: Site, obj: Value = _EMPTY) -> Value:
    if isinstance(obj, Known):
        text = str(obj.value)
        observe(obj, lambda index: str(index) == text)
        return known(text)
    return site.unknown("text-of-object")


def _plain(value: Value) -> Constant | tuple[Any, ...] | None:
    if isinstance(value, TupleValue):
        return tuple(_plain(item) for item in value.items)
    return value.value if isinstance(value, Known) else None


def _method(name: str) -> Callable[..., Value]:
    def call(site: Site, text: Value, *arguments: Value, **keywords: Value) -> Value:
        if not all(isinstance(x, Known | TupleValue) for x in (text, *arguments)):
            return site.unknown("unknown-text")
        plain = [_plain(argument) for argument in arguments]
        options = {key: _plain(value) for key, value in keywords.items()}
        try:
            result = getattr(_plain(text), name)(*plain, **options)
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise Raised(type(error).__name__, str(error), site.where) from None
        return _value(result)

    return call


def _value(result: object) -> Value:
    if isinstance(result, list):
        return ListValue([known(item) for item in result])
    if isinstance(result, tuple):
        return TupleValue(tuple(known(item) for item in result))
    return known(result)  # type: ignore[arg-type]


_SAFE = (
    "lower upper title capitalize strip lstrip rstrip split rsplit splitlines partition rpartition "
    "startswith endswith replace removeprefix removesuffix find rfind index count isdigit isalpha "
    "isnumeric isidentifier islower isupper"
)
for _name in _SAFE.split():
    BUILTINS[f"str.{_name}"] = _method(_name)


@builtin("str.join")
def join(site: Site, separator: Value, iterable: Value) -> Value:
    items, rest = machine_of(site).items_of(iterable)
    texts = [
        item.value for item in items if isinstance(item, Known) and isinstance(item.value, str)
    ]
    if rest is not None or len(texts) != len(items) or not isinstance(separator, Known):
        return site.unknown("unknown-text")
    if sum(map(len, texts)) > LONGEST_TEXT:
        return site.unknown("long-text")
    return known(str(separator.value).join(texts))


@builtin("str.format")
def format_(site: Site, text: Value, *arguments: Value, **keywords: Value) -> Value:
    given = [*arguments, *keywords.values()]
    if not isinstance(text, Known) or not all(isinstance(each, Known) for each in given):
        return site.unknown("unknown-text")
    template = str(text.value)
    if any(mark in template for mark in ("{0.", ".__", ":", "[")):
        return site.unknown("unknown-text")
    plain = [str(_plain(each)) for each in arguments]
    options = {key: str(_plain(value)) for key, value in keywords.items()}
    try:
        return known(template.format(*plain, **options))
    except (IndexError, KeyError, ValueError) as error:
        raise Raised(type(error).__name__, str(error), site.where) from None
