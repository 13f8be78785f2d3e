"""Values as keys of dicts and items of sets: which can be any, and in what order they come."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import permutations
from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassValue,
    Instance,
    LibraryMethod,
)
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Choice,
    DictValue,
    External,
    FrozenSetValue,
    IterableValue,
    Key,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
    may_have_fewer,
    parts_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

DISORDER = "order-of-a-set"
_SMALLEST_TABLE = 8
_MOST_ORDERED = 3
"""Items of which all orders are tried."""


def has_key(machine: Machine, value: Value, where: Place) -> bool:
    """Whether `key_of` tells which key `value` is: no other value that is not known is equal to it.

    Raises what Python raises for what has no hash.
    """
    if isinstance(value, TupleValue):
        parts = list(parts_of(value))
        machine.budget.walk(len(parts))
        known = [has_key(machine, each, where) for each in parts]  # each may have no hash
        return all(known)
    match value:
        case Unknown() | Choice():
            return False
        case SliceValue():  # slices have a hash from Python 3.12 on
            machine.assume(Unknown("hash-of-a-slice", where))
            return False
        case FrozenSetValue():
            return value.rest is None
        case IterableValue() if value.kind not in ("dict_keys", "dict_items"):
            return value.kind != "range"
        case ListValue() | DictValue() | SetValue() | AttributeDict():
            kind = "dict" if isinstance(value, AttributeDict) else type_name(value)
            raise Raised("TypeError", f"unhashable type: '{kind}'", where)
        case Instance():
            return _is_but_itself(machine, value, where)
    return True


def _is_but_itself(machine: Machine, value: Instance, where: Place) -> bool:
    """Whether the hash of an object is that of `object`.

    Raises for one whose class compares it and has no `__hash__`.
    """
    for cls in order_of(machine, value.cls):
        if isinstance(cls, ClassValue):
            own = cls.namespace.get("__hash__")
            if own == NONE or (own is None and "__eq__" in cls.namespace):
                raise Raised("TypeError", f"unhashable type: '{value.cls.name}'", where)
            if own is not None or cls.decorators:
                return False
        elif not isinstance(cls, External) or not cls.name.startswith(_COMPARED_BY_IDENTITY):
            return False
    return True


_COMPARED_BY_IDENTITY = ("torch.nn.", "builtins.object", "enum.")


def is_told_apart(key: object) -> bool:
    """Whether keys like this (see `key_of`) are surely different ones when they are not equal."""
    if isinstance(key, tuple | frozenset):
        return all(map(is_told_apart, key))
    return not isinstance(key, _PERHAPS_EQUAL)


_PERHAPS_EQUAL = SymbolicInt | TensorValue | BoundMethod | LibraryMethod | Unknown | Choice


def is_key_in(
    machine: Machine, owner: DictValue | SetValue, item: Value, where: Place
) -> bool | None:
    """`item in owner`, None where that is not known."""
    if isinstance(owner, SetValue):
        item = looked_up(item)
    if not has_key(machine, item, where):
        is_empty = not (owner.items or owner.rest)
        return False if is_empty and not isinstance(item, SliceValue) else None
    key = key_of(item)
    if key in owner.items:
        return None if may_have_fewer(owner) else True
    apart = owner.rest is None and all(map(is_told_apart, (key, *owner.items)))
    return False if apart or not (owner.items or owner.rest) else None


def set_key(machine: Machine, owner: DictValue, key: Value, value: Value, where: Place) -> None:
    """Set one key of a dict."""
    if not has_key(machine, key, where):
        machine.trail.may_hold_more(owner, Unknown("unknown-key", where))
        return
    machine.trail.set_item(owner, key_of(key), value)
    if not isinstance(key, Known | TupleValue | SymbolicInt):
        machine.trail.set_key(owner.keys, key_of(key), key)


def looked_up(item: Value) -> Value:
    """What a set looks for that is asked for `item`: for a set as for a frozen one."""
    return FrozenSetValue(item.items, item.rest) if isinstance(item, SetValue) else item


def key_error(key: Value, where: Place) -> Raised:
    """What Python says of a key that is missing."""
    return Raised("KeyError", shown(key) or "key", where)


def shown(key: Value) -> str | None:
    """`repr(key)` of a constant, and of a tuple or a list of them."""
    if isinstance(key, Known):
        return repr(key.value)
    is_list = type(key) is ListValue and key.rest is None
    if not isinstance(key, TupleValue) and not is_list:
        return None
    assert isinstance(key, TupleValue | ListValue)
    parts = [shown(each) for each in key.items]
    texts = [each for each in parts if each is not None]
    if len(texts) < len(parts):
        return None
    inside = ", ".join(texts)
    if is_list:
        return f"[{inside}]"
    return f"({inside},)" if len(texts) == 1 else f"({inside})"


class NewSet:
    """A set that is being made, which nobody else holds yet."""

    def __init__(self, machine: Machine, where: Place) -> None:
        self.items: dict[Key, Value] = {}
        self.rest: Unknown | None = None
        self._machine = machine
        self._where = where

    def add(self, item: Value) -> None:
        """Of equal items the first stays, as in Python."""
        if has_key(self._machine, item, self._where):
            self.items.setdefault(key_of(item), item)
        else:
            self.rest = self.rest or Unknown("unknown-key", self._where)

    def extend(self, items: Iterable[Value], rest: Unknown | None) -> None:
        """Add all `items`, with why there may be more."""
        for item in items:
            self.add(item)
        self.rest = self.rest or rest


def disorder_of(value: Value, where: Place | None = None) -> Unknown | None:
    """Why the items of `value` may come in another order than they stand in.

    CPython finds a small number in the place of its own, whatever else a set holds or held. Where
    others stand depends on what it held before, and on hashes that differ from process to process.
    """
    if isinstance(value, SetValue):
        keys = value.items.keys()
        room = max(_SMALLEST_TABLE, len(keys))
        ordered = all(isinstance(key, int) and 0 <= key < room for key in keys)
        return None if len(keys) < 2 or ordered else Unknown(DISORDER, where)
    return value.disorder if isinstance(value, DictValue | IterableValue) else None


def in_order(value: SetValue) -> list[Value]:
    """The items of a set, in the order in which CPython gives them if that is known."""
    if len(value.items) < 2 or disorder_of(value) is not None:
        return list(value.items.values())
    return [value.items[key] for key in sorted(value.items)]  # type: ignore[type-var]


def orders(machine: Machine, value: Value, where: Place) -> list[TupleValue] | None:
    """The items of `value` in all the orders in which they may come.

    None where there is but one, where they are too many to try, and for iterators.
    """
    if isinstance(value, IterableValue) and value.is_iterator:
        return None
    if disorder_of(value) is None or value.rest is not None or len(value.items) > _MOST_ORDERED:  # type: ignore[attr-defined]
        return None
    items, _ = machine.items_of(value, where, any_order=True)
    return [TupleValue(each) for each in permutations(items)]
