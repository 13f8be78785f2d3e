"""What iterating over a value yields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.frame import Raised, cause_in
from forgather_lint.python.values.objects import AttributeDict, Instance
from forgather_lint.python.values.value import (
    Arguments,
    Choice,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.core.source import Place
    from forgather_lint.python.interpreter.machine import Machine


def items_of(
    machine: Machine, value: Value, where: Place | None = None
) -> tuple[list[Value], Unknown | None]:
    """The items of `value`, and why there may be more (None: there are no others).

    Raises `Raised` for a constant that surely has none.
    `where` is the place to blame when `value` cannot be iterated over.
    """
    match value:
        case IterableValue() if value.is_iterator:
            return _used_up(machine, value), value.rest
        case ListValue():
            return list(value.items), value.rest
        case TupleValue():
            return list(value.items), None
        case DictValue():
            return value.key_values(), value.rest
        case SetValue():
            return list(value.items.values()), value.rest
        case Known(str() | bytes() as text):
            if not machine.budget.has_room(len(text)):
                return [], Unknown("many-items", where)
            return [known(letter) for letter in text], None
        case AttributeDict(instance):
            return [known(name) for name in instance.attributes], instance.open
        case Instance():
            return _items_of_instance(machine, value, where or value.where)
        case Choice():
            return _items_of_choice(machine, value, where)
        case Unknown():
            return [], value
        case Known(constant) if where is not None:
            text = f"'{type(constant).__name__}' object is not iterable"
            raise Raised("TypeError", text, where, cause=cause_in(constant))
    if machine.library.handles(value):
        return _items_of_library_value(machine, value, where)
    return [], Unknown("unmodelled-iteration", where)


def _used_up(machine: Machine, value: IterableValue) -> list[Value]:
    items = list(value.items)
    if items:
        machine.trail.set_items(value, [])
    return items


def give_back(machine: Machine, value: Value, items: Sequence[Value]) -> None:
    """`items` were not taken of `value`, if it is an iterator."""
    if isinstance(value, IterableValue) and value.is_iterator:
        machine.trail.set_items(value, items)


@contextmanager
def rounds(
    machine: Machine, value: Value, where: Place
) -> Iterator[tuple[list[Value], Unknown | None]]:
    """What `items_of` says, for a body that runs with each of the items.

    What is left of an iterator for the body itself, or when the body raises, is not known.
    """
    items, rest = machine.items_of(value, where)
    if not isinstance(value, IterableValue) or not value.is_iterator:
        yield items, rest
        return
    machine.trail.set_rest(value, Unknown("iterator-in-use", where))
    yield items, rest
    machine.trail.set_rest(value, rest)


def _items_of_instance(
    machine: Machine, value: Instance, where: Place
) -> tuple[list[Value], Unknown | None]:
    member = find_member(machine, value.cls, "__iter__")
    if member is None or isinstance(member.value, Unknown):
        return [], Unknown("iteration-of-unmodelled-object", value.where, repr(value))
    result = machine.call(member.value, Arguments([value]), where)
    if result is value:
        return [], Unknown("self-iterator", where)
    return machine.items_of(result, where)


def _items_of_choice(
    machine: Machine, value: Choice, where: Place | None
) -> tuple[list[Value], Unknown | None]:
    options = [items_of(machine, option, where) for option in value.options]
    longest = max(options, key=lambda option: len(option[0]))
    why = Unknown("choice-of-iterables", where)
    machine.assume(why)
    return longest[0], why


def _items_of_library_value(
    machine: Machine, value: Value, where: Place | None
) -> tuple[list[Value], Unknown | None]:
    name = "Tensor.__iter__"
    where = where or (value.origin if isinstance(value, TensorValue) else None)
    if where is None or not machine.library.has(name):
        return [], Unknown("unmodelled-iteration", where)
    result = machine.library.call(machine, name, Arguments([value]), where)
    if isinstance(result, ListValue | TupleValue):
        return items_of(machine, result, where)
    return [], result if isinstance(result, Unknown) else Unknown("unmodelled-iteration", where)
