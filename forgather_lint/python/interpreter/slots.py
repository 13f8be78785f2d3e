"""The names in the `__slots__` of a class."""

from __future__ import annotations

from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import ClassValue
from forgather_lint.python.values.value import (
    DictValue,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Value,
)

SLOTS = "__slots__"


def slot_names(cls: ClassValue) -> list[str] | None:
    """What stands in `__slots__` of the class itself; None where there is none, or not known."""
    slots = cls.namespace.get(SLOTS)
    items: list[Value] = [slots] if isinstance(slots, Known) else []
    if isinstance(slots, TupleValue):
        items = list(slots.items)
    elif isinstance(slots, ListValue | SetValue | DictValue) and slots.rest is None:
        items = list(slots.key_values() if isinstance(slots, DictValue) else _items(slots))
    elif not isinstance(slots, Known):
        return None
    names = [item.value for item in items if isinstance(item, Known)]
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == len(items) else None


def _items(slots: ListValue | SetValue) -> list[Value]:
    return list(slots.items.values() if isinstance(slots, SetValue) else slots.items)


def check_slots(cls: ClassValue) -> None:
    """Raise what Python does for a slot whose name the body of the class binds too."""
    for name in slot_names(cls) or ():
        if name in cls.namespace:
            text = f"'{name}' in __slots__ conflicts with class variable"
            raise Raised("ValueError", text, cls.where)
