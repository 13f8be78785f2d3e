"""Makes values of the interpreter from JSON."""

from __future__ import annotations

from forgather_lint.python.values.value import (
    DictValue,
    Known,
    ListValue,
    Unknown,
    Value,
)


def from_json(content: object) -> Value:
    """The value of the interpreter for a parsed JSON value."""
    match content:
        case None | bool() | int() | float() | str():
            return Known(content)
        case list():
            return ListValue([from_json(item) for item in content])
        case dict():
            return DictValue({str(key): from_json(item) for key, item in content.items()})
    return Unknown("not-json")
