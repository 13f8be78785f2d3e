"""Operators on lists, tuples, dicts, sets, and objects whose class defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member
from forgather_lint.python.interpreter.equality import equals
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import is_told_apart
from forgather_lint.python.values.cost import cost
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    Arguments,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    IterableValue,
    Key,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    known,
    next_serial,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def on_containers(machine: Machine, name: str, left: Value, right: Value, where: Place) -> Value:
    """Apply the operator `name` where `operators.binary` found neither constants nor sizes."""
    machine.budget.spend(cost(left) + cost(right))
    if name in ("add", "mul") and (
        isinstance(left, IterableValue) or isinstance(right, IterableValue)
    ):
        return on_iterables(name, left, right, where)
    if name in ("add", "mul") and (isinstance(left, DequeValue) or isinstance(right, DequeValue)):
        return _on_deques(machine, name, left, right, where)
    match name, left, right:
        case "add", TupleValue() | ListValue(), TupleValue() | ListValue():
            return _concatenated(machine, left, right, where)
        case "mul", ListValue() | TupleValue(), Known(int() as count):
            return _repeat(machine, left, count)
        case "mul", Known(int() as count), ListValue() | TupleValue():
            return _repeat(machine, right, count)
        case "or_", CounterValue(), _:
            return Unknown("unmodelled-operator", where, name)
        case "or_", DictValue(), DictValue():
            return _united(left, right)
        case _, SetValue(), SetValue() if name in SET_OPERATORS:
            return on_sets(name, left, right)
        case _, TupleValue() | ListValue(), TupleValue() | ListValue() if name in _ORDER_SIGNS:
            return _ordered(machine, name, left, right, where)
    if name in ("eq", "ne"):
        return _equality(machine, name, left, right, where)
    if isinstance(left, Instance):
        return _overloaded(machine, name, left, right, where)
    return Unknown("unmodelled-operator", where, name)


_ORDER_SIGNS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def _ordered(
    machine: Machine,
    name: str,
    left: TupleValue | ListValue,
    right: TupleValue | ListValue,
    where: Place,
) -> Value:
    """Compare two tuples or two lists: by the first items that differ, else by their lengths."""
    from forgather_lint.python.interpreter.operators import binary

    both = (left, right)
    if any(isinstance(each, IterableValue | DequeValue) for each in both):
        return Unknown("unmodelled-operator", where, name)
    if isinstance(left, TupleValue) is not isinstance(right, TupleValue):
        kinds = " and ".join(f"'{type_name(each)}'" for each in both)
        text = f"'{_ORDER_SIGNS[name]}' not supported between instances of {kinds}"
        raise Raised("TypeError", text, where)
    for one, other in zip(left.items, right.items, strict=False):
        equal = one is other or equals(machine, one, other, where)
        if equal is None:
            return Unknown("undecided-equality", where)
        if not equal:
            return binary(machine, name, one, other, where)
    if any(isinstance(each, ListValue) and each.rest is not None for each in both):
        return Unknown("list-length-differs", where)
    lengths = known(len(left.items)), known(len(right.items))
    return binary(machine, name, *lengths, where)


def _on_deques(machine: Machine, name: str, left: Value, right: Value, where: Place) -> Value:
    """`+` and `*` on a deque; the result has the same `maxlen`."""
    match name, left, right:
        case "mul", DequeValue(), Known(int() as count):
            made = _repeat(machine, left, count)
        case "mul", Known(int() as count), DequeValue():
            made, left = _repeat(machine, right, count), right
        case "add", DequeValue(), DequeValue():
            made = _concatenated(machine, left, right, where)
        case "add", DequeValue(), _ if isinstance(right, _PLAIN):
            text = f'can only concatenate deque (not "{type_name(right)}") to deque'
            raise Raised("TypeError", text, where)
        case "add", ListValue() | TupleValue(), DequeValue():
            kind = type_name(left)
            text = f'can only concatenate {kind} (not "collections.deque") to {kind}'
            raise Raised("TypeError", text, where)
        case _:
            return Unknown("unmodelled-operator", where, name)
    if not isinstance(made, ListValue) or not isinstance(left, DequeValue):
        return made
    return DequeValue(held(made.items, left.maxlen), made.rest, maxlen=left.maxlen)


def held(items: Sequence[Value], maxlen: int | None) -> list[Value]:
    """The items that remain in a deque of `maxlen` when `items` have been added at its end."""
    return list(items) if maxlen is None else list(items[max(len(items) - maxlen, 0) :])


def on_iterables(
    name: str, left: Value, right: Value, where: Place, *, in_place: bool = False
) -> Value:
    """The operator on a range, view or iterator: none of them can be added or repeated."""
    if not all(isinstance(each, _PLAIN) for each in (left, right)):
        return Unknown("unmodelled-operator", where, name)
    kinds = (type_name(left), type_name(right))
    sign = {"add": "+", "mul": "*"}[name] + "=" * in_place
    text = f"unsupported operand type(s) for {sign}: '{kinds[0]}' and '{kinds[1]}'"
    if name == "add" and kinds[0] in ("list", "tuple"):
        text = f'can only concatenate {kinds[0]} (not "{kinds[1]}") to {kinds[0]}'
    elif name == "mul" and (sequence := next((k for k in kinds if k in _REPEATED), None)):
        other = kinds[1 - kinds.index(sequence)]
        text = f"can't multiply sequence by non-int of type '{other}'"
    raise Raised("TypeError", text, where)


_PLAIN = Known | TupleValue | ListValue | DictValue | SetValue
_REPEATED = ("list", "tuple", "str", "bytes")


def _overloaded(machine: Machine, name: str, left: Instance, right: Value, where: Place) -> Value:
    member = find_member(machine, left.cls, f"__{name.strip('_')}__")
    if member is None or isinstance(member.value, Unknown):
        return Unknown("unmodelled-operator", where, name)
    return machine.call(member.value, Arguments([left, right]), where)


def _concatenated(
    machine: Machine, left: TupleValue | ListValue, right: TupleValue | ListValue, where: Place
) -> Value:
    if not machine.budget.has_room(len(left.items) + len(right.items)):
        return Unknown("many-items", where)
    if isinstance(left, TupleValue) and isinstance(right, TupleValue):
        return TupleValue(left.items + right.items)
    if isinstance(left, ListValue) and isinstance(right, ListValue):
        return ListValue([*left.items, *right.items], left.rest or right.rest)
    return Unknown("unmodelled-operator", where, "add")


def _repeat(machine: Machine, value: ListValue | TupleValue, count: int) -> Value:
    if not machine.budget.has_room(len(value.items) * count):
        return Unknown("many-items")
    if isinstance(value, TupleValue):
        return TupleValue(value.items * count)
    return ListValue(list(value.items) * count, value.rest)


def _united(left: DictValue, right: DictValue) -> Value:
    kind = right if isinstance(right, DefaultDictValue | CounterValue) else left
    if isinstance(left, DefaultDictValue):
        kind = left
    return replace(
        kind,
        items={**left.items, **right.items},
        keys={**left.keys, **right.keys},
        rest=left.rest or right.rest,
        places={**left.places, **right.places},
        serial=next_serial(),
        writes=0,
        disorder=left.disorder or right.disorder,
    )


SET_OPERATORS = ("or_", "and_", "sub", "xor")


def on_sets(name: str, left: SetValue, right: SetValue) -> SetValue:
    """The operator `name` on two sets; what comes of it is of the kind of the left one."""
    rest = left.rest or right.rest
    if name == "or_":
        items = {**left.items, **{k: v for k, v in right.items.items() if k not in left.items}}
    elif name == "xor":
        pairs = ((left, right), (right, left))
        apart = [_sorted_out(one, other)[1:] for one, other in pairs]
        items = {**apart[0][0], **apart[1][0]}
        rest = rest or apart[0][1] or apart[1][1]
    else:
        within, without, doubtful = _sorted_out(left, right)
        items, rest = (within if name == "and_" else without), left.rest or doubtful
    return replace(left, items=items, rest=rest, serial=next_serial(), writes=0)


def _sorted_out(
    left: SetValue, right: SetValue
) -> tuple[dict[Key, Value], dict[Key, Value], Unknown | None]:
    """The items of `left` that are in `right`, those that are not, and why others may be either."""
    within = {key: item for key, item in left.items.items() if key in right.items}
    without = {key: item for key, item in left.items.items() if key not in right.items}
    why = right.rest
    if why is None and not all(map(is_told_apart, (*without, *right.items))):
        why = Unknown("unknown-key")
    return (within, without, None) if why is None or not without else (within, {}, why)


def _equality(machine: Machine, name: str, left: Value, right: Value, where: Place) -> Value:
    equal = equals(machine, left, right, where)
    return Unknown("undecided-equality", where) if equal is None else known(equal == (name == "eq"))
