"""Writing and deleting attributes and items."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.budget import MOST_ITEMS
from forgather_lint.python.interpreter.classes import find_member, order_of, surely_lacks
from forgather_lint.python.interpreter.frame import Raised, cause_of, private
from forgather_lint.python.interpreter.hashing import has_key, is_key_in, key_error, set_key
from forgather_lint.python.interpreter.iteration import pairs_of
from forgather_lint.python.interpreter.slots import SLOTS, slot_names
from forgather_lint.python.interpreter.subscripts import bounds, check_index, index_of
from forgather_lint.python.values.joining import join
from forgather_lint.python.values.loop_index import pinned
from forgather_lint.python.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassMethod,
    ClassValue,
    FunctionValue,
    Instance,
    Namespace,
    Property,
    StaticMethod,
)
from forgather_lint.python.values.type_names import is_iterable, is_plain, type_name
from forgather_lint.python.values.value import (
    Arguments,
    Choice,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Key,
    Known,
    ListValue,
    NamedTupleValue,
    SetValue,
    SliceValue,
    TupleValue,
    Unknown,
    Value,
    key_of,
    keyed,
    known,
    may_have_fewer,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def set_attribute(machine: Machine, target: Value, name: str, value: Value, where: Place) -> None:
    """`target.name = value`, through `__setattr__` and property setters where there are any."""
    if isinstance(target, Choice):
        for option in target.options:
            before = option.attributes.get(name) if isinstance(option, Instance) else None
            either = value if before is None else join([before, value])
            set_attribute(machine, option, name, either, where)
    elif isinstance(target, Instance):
        _set_on_instance(machine, target, name, value, where)
    elif isinstance(target, ClassValue):
        machine.library.on_class_write(machine, target, name, where)
        elsewhere = where.span.path != target.where.span.path
        if elsewhere and machine.library.is_read_by_others(machine, target):
            # Whoever loads the class by its own file may have another, without it.
            value = Unknown("set-by-another-file", where, name)
        machine.trail.set_shared(target.namespace, name, value)
    elif isinstance(target, Namespace):
        machine.trail.set_shared(target.globals, name, value)
    elif isinstance(target, FunctionValue):
        machine.trail.set_shared(target.attributes, name, value)
    elif isinstance(target, DefaultDictValue) and name == "default_factory":
        machine.assume(Unknown("other-default-factory", where))
    elif isinstance(target, Known) or type(target) in (ListValue, TupleValue, SetValue):
        text = f"'{type_name(target)}' object has no attribute '{name}'"
        raise Raised("AttributeError", text, where, cause=cause_of(target))
    elif isinstance(target, NamedTupleValue):
        _set_on_tuple(machine, target, name, where)
    elif isinstance(target, External):
        machine.assume(Unknown("library-changed", where, f"{target.name}.{name}"))
    elif machine.library.handles(target):
        machine.library.on_replaced(machine, target, name, value, where)


def _set_on_instance(
    machine: Machine, target: Instance, name: str, value: Value, where: Place
) -> None:
    machine.library.on_assigned(machine, target, name, value, where)
    setter = find_member(machine, target.cls, "__setattr__")
    if setter is not None and isinstance(setter.value, FunctionValue):
        method = BoundMethod(target, setter.value)
        machine.call(method, Arguments([known(name), value]), where)
        return
    member = find_member(machine, target.cls, name)
    if member is not None and isinstance(member.value, Property):
        if member.value.setter:
            machine.call(member.value.setter, Arguments([target, value]), where)
            return
        if not member.value.cached and not machine.library.keeps_apart(machine, target, value):
            cls = target.cls.name.rpartition(".")[2]
            text = f"property '{name}' of '{cls}' object has no setter"
            raise Raised("AttributeError", text, where)
    check_room(machine, target, name, where)
    store(machine, target, name, value, where)


def _set_on_tuple(machine: Machine, target: NamedTupleValue, name: str, where: Place) -> None:
    """Raise what a named tuple does; one of a class below it may hold further attributes."""
    if name in target.names:
        text = "can't set attribute" if target.cls is not None else "readonly attribute"
        raise Raised("AttributeError", text, where)
    if isinstance(target.cls, ClassValue):
        check_room(machine, Instance(target.cls, {}, where), name, where)
    machine.leave_unproved(Unknown("attribute-of-a-tuple", where, name))


def store(machine: Machine, target: Instance, name: str, value: Value, where: Place) -> None:
    """Set an attribute without calling `__setattr__`, as `object.__setattr__` does."""
    name, value = machine.library.on_set(machine, target, name, value)
    machine.trail.set_attribute(target, name, value)
    machine.trail.set_place(target, name, where)


_EMPTY = frozenset(
    "abc.ABC builtins.object typing.Generic typing.NamedTuple typing.Protocol".split()
)
"""Classes of Python whose objects have no `__dict__` and no slots."""
_NO_DESCRIPTORS = (
    FunctionValue,
    StaticMethod,
    ClassMethod,
    Known,
    TupleValue,
    ListValue,
    DictValue,
    SetValue,
)
"""Members of a class that are not asked when an attribute of their name is set on an object."""


def room_of(machine: Machine, cls: ClassValue | External) -> frozenset[str] | None:
    """The names that objects of `cls` have room for; None: any, or it cannot be told."""
    if not isinstance(cls, ClassValue) or SLOTS not in cls.namespace:
        return None
    found: set[str] = set()
    for entry in order_of(machine, cls):
        if isinstance(entry, External) and entry.name in _EMPTY:
            continue
        named = slot_names(entry) if isinstance(entry, ClassValue) else None
        if named is None or not isinstance(entry, ClassValue) or "__dict__" in named:
            return None
        if not all(map(machine.library.keeps, entry.decorators)):
            return None
        found.update(private(name, entry.name) for name in named)
    return frozenset(found)


def check_room(machine: Machine, target: Instance, name: str, where: Place) -> None:
    """Raise what Python does where an attribute is set for which an object has no room."""
    slots = room_of(machine, target.cls)
    if slots is None or name in slots or (name.startswith("__") and name.endswith("__")):
        return
    cls = target.cls.name
    member = find_member(machine, target.cls, name)
    if member is None:
        text = f"'{cls}' object has no attribute '{name}'"
    elif isinstance(member.value, _NO_DESCRIPTORS):
        text = f"'{cls}' object attribute '{name}' is read-only"
    else:
        return
    raise Raised("AttributeError", text, where)


def set_some_attribute(machine: Machine, target: Value, why: Unknown) -> None:
    """`setattr(target, name, value)` with an unknown name, because of `why`."""
    if isinstance(target, Choice):
        for option in target.options:
            set_some_attribute(machine, option, why)
    elif isinstance(target, Instance):
        machine.trail.may_have_more(target, why)


def delete_attribute(machine: Machine, target: Value, name: str, where: Place) -> None:
    """`del target.name`; of a class, what is read afterwards is not known."""
    if isinstance(target, Instance):
        if name not in target.attributes and not _perhaps_has(machine, target, name, where):
            text = f"'{target.cls.name.rpartition('.')[2]}' object has no attribute '{name}'"
            raise Raised("AttributeError", text, where)
        machine.trail.delete_attribute(target, name)
    elif isinstance(target, ClassValue) and name in target.namespace:
        machine.library.on_class_write(machine, target, name, where, deletes=True)
        machine.trail.set_shared(target.namespace, name, Unknown("deleted-attribute"))


def _perhaps_has(machine: Machine, target: Instance, name: str, where: Place) -> bool:
    """Whether an attribute that nobody has set may be there to be deleted."""
    if target.open is not None or any(
        isinstance(c, Unknown) for c in order_of(machine, target.cls)
    ):
        return True
    if any(find_member(machine, target.cls, each) is not None for each in (name, "__delattr__")):
        return True
    return machine.library.attribute(machine, target, name, where) is not None


def set_item(
    machine: Machine, owner: Value, key: Value, value: Value, where: Place
) -> Value | None:
    """`owner[key] = value`; returns what `owner` then is, when it is a library value, else None."""
    match owner:
        case Choice(options):
            after = machine.each_option(
                owner, lambda each: set_item(machine, each, key, value, where) or each, where
            )
            return after if any(map(machine.library.handles, options)) else None
        case AttributeDict(instance):
            _set_in_attribute_dict(machine, instance, key, value)
        case DictValue():
            set_key(machine, owner, key, value, where)
        case IterableValue():
            text = f"'{owner.kind}' object does not support item assignment"
            raise Raised("TypeError", text, where)
        case ListValue():
            _set_in_list(machine, owner, key, value, where)
        case _ if is_plain(owner):
            text = f"'{type_name(owner)}' object does not support item assignment"
            raise Raised("TypeError", text, where, cause=cause_of(owner))
        case Instance():
            member = find_member(machine, owner.cls, "__setitem__")
            if member is not None and not isinstance(member.value, Unknown):
                machine.call(member.value, Arguments([owner, key, value]), where)
            elif surely_lacks(machine, owner, "__setitem__"):
                kind = owner.cls.name.rpartition(".")[2]
                text = f"'{kind}' object does not support item assignment"
                raise Raised("TypeError", text, where)
        case _ if machine.library.handles(owner):
            arguments = Arguments([owner, key, value])
            return machine.library.call(machine, "operator.setitem", arguments, where)
    return None


def _set_in_attribute_dict(machine: Machine, instance: Instance, key: Value, value: Value) -> None:
    if isinstance(key, Known) and isinstance(key.value, str):
        machine.trail.set_attribute(instance, key.value, value)
        machine.trail.hide(instance, key.value)


def update(
    machine: Machine, target: DictValue | AttributeDict, source: Value, where: Place
) -> None:
    """`target.update(source)` and `target |= source`; keys may be written that are not known."""
    if isinstance(target, DictValue) and not isinstance(source, DictValue | AttributeDict):
        pairs, more = pairs_of(machine, source, where)
        for first, second in pairs:
            set_key(machine, target, first, second, where)
        machine.trail.may_hold_more(target, more)
        return
    items, rest = _written(source, where)
    if isinstance(target, DictValue):
        for key, value in items.items():
            machine.trail.set_item(target, key, value)
        machine.trail.may_hold_more(target, rest)
        return
    instance = target.instance
    for name, value in items.items():
        if isinstance(name, str):
            machine.trail.set_attribute(instance, name, value)
            if not isinstance(source, AttributeDict):
                machine.trail.hide(instance, name)
    machine.trail.may_have_more(instance, rest)


def _written(source: Value, where: Place) -> tuple[Mapping[Key, Value], Unknown | None]:
    """The keys and values that `update(source)` surely writes, and why it may write more."""
    if isinstance(source, DictValue):
        return source.items, source.rest
    if isinstance(source, AttributeDict):
        return keyed(source.instance.attributes), source.instance.open
    return {}, Unknown("unknown-dict", where)


def forget(machine: Machine, owner: Value, why: Unknown) -> None:
    """From now on any item of a list, dict or set may be different or gone, because of `why`."""
    if isinstance(owner, IterableValue) and owner.is_iterator:
        machine.trail.advance(owner, items=(), given=0, source=None, rest=why)
    elif isinstance(owner, ListValue):
        machine.trail.set_items(owner, [])
        machine.trail.may_hold_more(owner, why)
    elif isinstance(owner, DictValue | SetValue):
        for key in list(owner.items):
            machine.trail.delete_item(owner, key)
        machine.trail.may_hold_more(owner, why)


def fill(machine: Machine, target: SetValue, made: SetValue) -> None:
    """Have a set hold what another does."""
    for key in [key for key in target.items if key not in made.items]:
        machine.trail.delete_item(target, key)
    for key, item in made.items.items():
        if key not in target.items:
            machine.trail.set_item(target, key, item)
    machine.trail.set_rest(target, made.rest)


def _set_in_list(
    machine: Machine, owner: ListValue, key: Value, value: Value, where: Place
) -> None:
    index = index_of(pinned(key))
    if index is None:
        check_index(owner, key, where)
    if isinstance(key, SliceValue):
        _set_slice(machine, owner, key, value, where)
    elif index is not None and -len(owner.items) <= index < len(owner.items):
        if may_have_fewer(owner):
            machine.pass_over(Raised("IndexError", _out_of_range(owner), where))
        machine.trail.set_at(owner, index, value)
    elif index is not None and owner.rest is None:
        raise Raised("IndexError", _out_of_range(owner), where)
    elif index is None:
        machine.budget.walk(len(owner.items))
        machine.trail.set_items(owner, [join([item, value]) for item in owner.items])


def _out_of_range(owner: ListValue) -> str:
    is_deque = isinstance(owner, DequeValue)
    return "deque index out of range" if is_deque else "list assignment index out of range"


def _set_slice(
    machine: Machine, owner: ListValue, key: SliceValue, value: Value, where: Place
) -> None:
    """`owner[start:stop:step] = value`, which may change the length of the list."""
    if is_iterable(value) is False:
        raise Raised("TypeError", "can only assign an iterable", where)
    within, (items, rest) = bounds(key, where), machine.items_of(value, where)
    if within is None or rest is not None or owner.rest is not None:
        forget(machine, owner, rest or Unknown("unknown-slice", where))
        return
    room = len(range(*within.indices(len(owner.items))))
    if within.step not in (None, 1) and room != len(items):
        text = f"attempt to assign sequence of size {len(items)} to extended slice of size {room}"
        raise Raised("ValueError", text, where)
    changed = list(owner.items)
    changed[within] = items
    machine.trail.set_items(owner, changed if machine.budget.has_room(len(changed)) else [])
    if len(changed) > MOST_ITEMS:
        machine.trail.may_hold_more(owner, Unknown("many-items", where))


def _delete_from_list(machine: Machine, owner: ListValue, key: Value, where: Place) -> None:
    index = bounds(key, where) if isinstance(key, SliceValue) else index_of(pinned(key))
    if index is None or (isinstance(owner, DequeValue) and isinstance(key, SliceValue)):
        check_index(owner, key, where)
    if index is None or owner.rest is not None:
        if may_have_fewer(owner) and not isinstance(key, SliceValue):
            machine.pass_over(Raised("IndexError", _out_of_range(owner), where))
        forget(machine, owner, Unknown("unknown-index", where))
        return
    items = list(owner.items)
    if isinstance(index, int) and not -len(items) <= index < len(items):
        raise Raised("IndexError", _out_of_range(owner), where)
    del items[index]
    machine.trail.set_items(owner, items)


def _without_item(machine: Machine, key: Value, where: Place, owner: Value) -> Value:
    delete_item(machine, owner, key, where)
    return owner


def delete_item(machine: Machine, owner: Value, key: Value, where: Place) -> None:
    """`del owner[key]`."""
    if isinstance(owner, Choice):
        machine.each_option(owner, partial(_without_item, machine, key, where), where)
    elif isinstance(owner, DictValue):
        is_there = is_key_in(machine, owner, key, where)
        if is_there is not True and not isinstance(owner, CounterValue):
            # A counter has no key that it cannot delete.
            if is_there is False:
                raise key_error(key, where)
            machine.pass_over(key_error(key, where))
        if has_key(machine, key, where):
            machine.trail.delete_item(owner, key_of(key))
        else:
            forget(machine, owner, Unknown("unknown-key", where))
    elif isinstance(owner, IterableValue) or is_plain(owner):
        text = f"'{type_name(owner)}' object doesn't support item deletion"
        raise Raised("TypeError", text, where, cause=cause_of(owner))
    elif isinstance(owner, ListValue):
        _delete_from_list(machine, owner, key, where)
    elif isinstance(owner, Instance):
        member = find_member(machine, owner.cls, "__delitem__")
        if surely_lacks(machine, owner, "__delitem__"):
            kind = owner.cls.name.rpartition(".")[2]
            raise Raised("TypeError", f"'{kind}' object doesn't support item deletion", where)
        if member is not None and not isinstance(member.value, Unknown):
            machine.call(member.value, Arguments([owner, key]), where)
