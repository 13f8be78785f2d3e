"""Subscripts: reading items, and `in`."""

from __future__ import annotations

import builtins
import operator
from functools import partial
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member, is_generic, is_subclass
from forgather_lint.python.interpreter.constants import compute
from forgather_lint.python.interpreter.dispatch import expression
from forgather_lint.python.interpreter.equality import equals
from forgather_lint.python.interpreter.frame import Frame, Raised, cause_in
from forgather_lint.python.interpreter.hashing import has_key, is_key_in, key_error, set_key
from forgather_lint.python.interpreter.iteration import Rounds
from forgather_lint.python.values import dims
from forgather_lint.python.values.joining import join, same
from forgather_lint.python.values.loop_index import decide, observe, pinned
from forgather_lint.python.values.objects import AttributeDict, ClassValue, Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    PERHAPS_FEWER,
    UNDECIDED_ITEM,
    Arguments,
    Builtin,
    Choice,
    Constant,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    SetValue,
    SliceValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
    keyed,
    may_have_fewer,
    size_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@expression(cst.Subscript)
def subscript(machine: Machine, node: cst.Subscript, frame: Frame) -> Value:
    owner = machine.evaluate(node.value, frame)
    return read(machine, owner, key_value(machine, node, frame), frame.place(node))


def key_value(machine: Machine, node: cst.Subscript, frame: Frame) -> Value:
    """The value between the brackets."""
    parts = [machine.evaluate(_expression_of(part.slice), frame) for part in node.slice]
    has_comma = not isinstance(node.slice[-1].comma, cst.MaybeSentinel)
    return TupleValue(tuple(parts)) if len(parts) > 1 or has_comma else parts[0]


def _expression_of(part: cst.BaseSlice) -> cst.CSTNode:
    return part.value if isinstance(part, cst.Index) else part


def read(machine: Machine, owner: Value, key: Value, where: Place) -> Value:
    """`owner[key]`. Raises `Raised` for a key or index that is surely missing."""
    if isinstance(owner, Choice):
        return machine.each_option(owner, lambda each: read(machine, each, key, where), where)
    if isinstance(key, Choice) and not machine.library.handles(owner):
        return machine.each_option(key, lambda each: read(machine, owner, each, where), where)
    match owner:
        case Unknown():
            return owner
        case AttributeDict(instance):
            return _read_attribute_dict(instance, key, where)
        case DictValue():
            return read_dict(machine, owner, key, where)
        case IterableValue() if owner.kind != "range":
            raise Raised("TypeError", f"'{owner.kind}' object is not subscriptable", where)
        case TupleValue() | ListValue():
            return _read_sequence(machine, owner, key, where)
        case Known(str() | bytes() as text):
            return _read_text(machine, text, key, where)
        case Instance():
            return _read_instance(machine, owner, key, where)
        case ClassValue() | External() | Builtin():
            return _read_generic(machine, owner, key, where)
        case Known(value):
            kind = type(value).__name__
            text = f"'{kind}' object is not subscriptable"
            raise Raised("TypeError", text, where, cause=cause_in(value))
    if machine.library.handles(owner):
        arguments = Arguments([owner, key])
        return machine.library.call(machine, "operator.getitem", arguments, where)
    return Unknown("unmodelled-subscript", where)


def _read_generic(machine: Machine, owner: Value, key: Value, where: Place) -> Value:
    """`Class[...]`: a generic type, or a member of an enumeration; or a table of a library."""
    if isinstance(owner, External) and machine.library.has(f"{owner.name}.__getitem__"):
        name = f"{owner.name}.__getitem__"
        return machine.library.call(machine, name, Arguments([key]), where)
    if isinstance(owner, ClassValue) and is_subclass(machine, owner, External("enum.Enum")):
        members = owner.namespace.get("_member_map_")
        if isinstance(members, DictValue):
            return read_dict(machine, members, key, where)
        return Unknown("enumeration-member", where)
    if isinstance(owner, ClassValue) and not is_generic(machine, owner):
        raise Raised("TypeError", f"type '{owner.name}' is not subscriptable", where)
    if isinstance(owner, Builtin):
        _check_generic(owner, where)
    if owner == External("typing.Generic"):
        _check_parameters(key, where)
    return owner


def _check_parameters(key: Value, where: Place) -> None:
    """Raise what Python raises for a parameter of `Generic` that is a class."""
    parts = key.items if isinstance(key, TupleValue) else (key,)
    if any(isinstance(each, Builtin | ClassValue) for each in parts):
        text = "must all be type variables or parameter specification variables."
        raise Raised("TypeError", f"Parameters to Generic[...] {text}", where)


def _check_generic(owner: Builtin, where: Place) -> None:
    """Raise what Python raises for a builtin that is no generic type."""
    meant = getattr(builtins, owner.name, None)
    if meant is None or hasattr(meant, "__class_getitem__") or meant is type:
        return
    told = f"type '{owner.name}'" if isinstance(meant, type) else f"'{type_name(owner)}' object"
    raise Raised("TypeError", f"{told} is not subscriptable", where)


def _read_attribute_dict(instance: Instance, key: Value, where: Place) -> Value:
    name = key.value if isinstance(key, Known) else None
    found = instance.attributes.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    if instance.open is not None or name is None:
        return Unknown("attribute-of-unknown-class", where)
    raise Raised("KeyError", repr(name), where)


def read_dict(machine: Machine, owner: DictValue, key: Value, where: Place) -> Value:
    """`owner[key]` of a dict."""
    if isinstance(key, Unknown):
        _may_have_made(machine, owner, key)
        return key if not owner.items else Unknown("unknown-key", where)
    is_there = is_key_in(machine, owner, key, where)
    if is_there is None:
        why = owner.rest or Unknown("unknown-key", where)
        _may_have_made(machine, owner, why)
        if why.reason == UNDECIDED_ITEM and not _makes_missing(owner):
            machine.pass_over(key_error(key, where))  # else the unknown value says as much
        return why
    if is_there:
        return owner.items[key_of(key)]
    return _missing(machine, owner, key, where)


def _makes_missing(owner: DictValue) -> bool:
    is_default = isinstance(owner, DefaultDictValue) and not _is_none(owner.factory)
    return is_default or isinstance(owner, CounterValue)


def _missing(machine: Machine, owner: DictValue, key: Value, where: Place) -> Value:
    """What a dict gives for a key that it surely does not have. Raises `Raised` for most."""
    if isinstance(owner, CounterValue):
        return Known(0)
    if isinstance(owner, DefaultDictValue) and not _is_none(owner.factory):
        made = machine.call(owner.factory, Arguments([]), where)
        set_key(machine, owner, key, made, where)
        return made
    raise key_error(key, where)


def _may_have_made(machine: Machine, owner: DictValue, why: Unknown) -> None:
    """Reading a key that may be missing adds it to a `defaultdict`."""
    if isinstance(owner, DefaultDictValue):
        machine.trail.may_hold_more(owner, why)


def _read_sequence(
    machine: Machine, owner: TupleValue | ListValue, key: Value, where: Place
) -> Value:
    items = owner.items
    rest = owner.rest if isinstance(owner, ListValue) else None
    asked = (key.start, key.stop, key.step) if isinstance(key, SliceValue) else (key,)
    for number in asked:
        machine.library.read_number(machine, number, where)
    if isinstance(key, SliceValue):
        check_index(owner, key, where)
        return _slice(machine, owner, rest, key, where)
    index = index_of(key)
    if index is None:
        check_index(owner, key, where)
        machine.budget.walk(len(items))
        return join(items) if items and rest is None else Unknown("unknown-index", where)
    if -len(items) <= index < len(items) and (index >= 0 or rest is None):
        found = items[index]
        if rest is not None and rest.reason in PERHAPS_FEWER:
            machine.leave_unproved(Unknown(rest.reason, where))
        if isinstance(key, Known) and key.loop is not None:
            observe(key, lambda i: i < len(items) and same(items[i], found))
        return found
    if rest is not None:
        if isinstance(owner, ListValue) and may_have_fewer(owner):
            machine.leave_unproved(Unknown(rest.reason, where))
        return rest
    kind = _IN_MESSAGES.get(type_name(owner), type_name(owner))
    raise Raised("IndexError", f"{kind} index out of range", where)


_IN_MESSAGES = {"range": "range object", "collections.deque": "deque"}


def check_index(owner: Value, key: Value, where: Place) -> None:
    """Raise what Python raises for a `key` that surely is no index."""
    if isinstance(owner, DequeValue) and isinstance(key, _NO_INDEX | SliceValue):
        text = f"sequence index must be integer, not '{type_name(key)}'"
        raise Raised("TypeError", text, where)
    if isinstance(key, _NO_INDEX):
        name = type_name(key)
        text = f"{type_name(owner)} indices must be integers or slices, not {name}"
        raise Raised("TypeError", text, where)


def index_of(key: Value) -> int | None:
    """The integer that `key` is on a rank; None when it is not known."""
    size = size_of(key)
    if size is None:
        return None
    here = dims.local(size)
    return here if isinstance(here, int) else None


def _slice(
    machine: Machine,
    owner: TupleValue | ListValue,
    rest: Unknown | None,
    key: SliceValue,
    where: Place,
) -> Value:
    within = bounds(key, where)
    if rest is not None or within is None:
        return Unknown("unknown-slice", where)
    machine.budget.walk(len(range(*within.indices(len(owner.items)))))
    part = owner.items[within]
    if isinstance(owner, TupleValue):
        return TupleValue(tuple(part))
    is_range = isinstance(owner, IterableValue)
    return IterableValue(list(part), kind="range") if is_range else ListValue(list(part))


def bounds(key: SliceValue, where: Place) -> slice | None:
    """The slice; None when a bound is not known. Raises `Raised` for an impossible bound."""
    parts = [pinned(part) for part in (key.start, key.stop, key.step)]
    numbers = [index_of(part) for part in parts]
    open_ends = False
    for part, number in reversed(list(zip(parts, numbers, strict=True))):  # the step comes first
        if number is None and isinstance(part, _NO_INDEX) and not _is_none(part):
            text = "slice indices must be integers or None or have an __index__ method"
            raise Raised("TypeError", text, where)
        if part is parts[2] and number == 0:
            raise Raised("ValueError", "slice step cannot be zero", where)
        open_ends = open_ends or (number is None and not _is_none(part))
    return None if open_ends else slice(*numbers)


def _is_none(value: Value) -> bool:
    return isinstance(value, Known) and value.value is None


_NO_INDEX = Known | TupleValue | ListValue | DictValue | SetValue
"""Values that are no index unless they are integers."""


def _read_text(machine: Machine, text: str | bytes, key: Value, where: Place) -> Value:
    given: Constant | slice | None
    if isinstance(key, SliceValue):
        given = bounds(key, where)
    else:
        index = index_of(pinned(key))
        given = index if index is not None or not isinstance(key, Known) else key.value
        if given is None and not _is_none(key):
            return Unknown("unknown-index", where)
    if given is None and isinstance(key, SliceValue):
        return Unknown("unknown-slice", where)
    take = partial(operator.getitem, text)
    return compute(machine.budget, where, "getitem", take, (given,))


def _read_instance(machine: Machine, owner: Instance, key: Value, where: Place) -> Value:
    member = find_member(machine, owner.cls, "__getitem__")
    if member is None or isinstance(member.value, Unknown):
        return Unknown("subscript-of-unmodelled-object", where, repr(owner))
    return machine.call(member.value, Arguments([owner, key]), where)


def contains(machine: Machine, owner: Value, item: Value, where: Place) -> bool | None:
    """`item in owner` for plain containers; None when it cannot be decided."""
    if isinstance(owner, AttributeDict):
        owner = DictValue(keyed(owner.instance.attributes))
    if isinstance(owner, DictValue | SetValue):
        return is_key_in(machine, owner, item, where)
    if isinstance(owner, IterableValue) and owner.kind == "dict_keys":
        has_key(machine, item, where)
    if isinstance(owner, TupleValue | ListValue):
        return _contains_sequence(machine, owner, item, where)
    match owner, item:
        case Known(str()), Known(str()):
            return decide(lambda text, part: part in text, owner, item)
    return None


def _met_in(machine: Machine, owner: IterableValue, item: Value, where: Place) -> bool | None:
    """`item in iterator`, which takes the items up to and including `item`."""
    wanted = pinned(item)
    for each in Rounds(machine, owner):
        equal = each is item or equals(machine, each, wanted, where)
        if equal:
            return True
        if equal is None:
            machine.trail.advance(
                owner,
                items=(),
                given=0,
                source=None,
                rest=Unknown("iterator-partly-used", where),
            )
    return None if owner.rest is not None else False


def _contains_sequence(
    machine: Machine, owner: TupleValue | ListValue, item: Value, where: Place
) -> bool | None:
    if isinstance(owner, IterableValue) and owner.is_iterator:
        return _met_in(machine, owner, item, where)
    decided = isinstance(item, Known) and all(isinstance(each, Known) for each in owner.items)
    complete = not isinstance(owner, ListValue) or owner.rest is None
    if decided and complete and not any(each is item for each in owner.items):
        assert isinstance(item, Known)
        options = [each.value for each in owner.items if isinstance(each, Known)]
        return decide(lambda index: index in options, item)
    wanted, undecided = pinned(item), not complete
    all_there = not (isinstance(owner, ListValue) and may_have_fewer(owner))
    for each in owner.items:
        equal = True if each is item else equals(machine, each, wanted, where)
        if equal:
            return True if all_there else None
        undecided = undecided or equal is None
    return None if undecided else False
