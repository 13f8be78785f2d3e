"""Members of enumerations, which equal nothing but themselves.

Those of an enumeration that is a text or a number too stay the constants that they equal.
As in Python, the class keeps all of them in `_member_map_`: what is set later is no member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import (
    BUILTIN_BASE,
    assigned_names,
    find_member,
    order_of,
)
from forgather_lint.python.interpreter.equality import equals
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import shown
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassMethod,
    ClassValue,
    FunctionValue,
    Instance,
    Property,
    StaticMethod,
)
from forgather_lint.python.values.value import (
    Arguments,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

_ENUM, _FLAG = "enum.Enum", "enum.Flag"
_CONSTANTS = frozenset(("enum.IntEnum", "enum.StrEnum"))
_PLAIN_BASES = frozenset((_ENUM, _FLAG, "builtins.object", "object"))
_ALSO = {"int": int, "str": str, "float": float}
"""Classes that members can be of besides, which leave the values that are of them as they are."""
_DESCRIPTORS = (FunctionValue, BoundMethod, Property, StaticMethod, ClassMethod)
_VALUES = (Known, TupleValue, ListValue, DictValue, SetValue)
_MEMBERS = "_member_map_"


def make_members(machine: Machine, cls: ClassValue) -> None:
    """Make the names that the body of an enumeration binds its members.

    A member whose class has a way of its own to make it, or whose value is not known, is not known;
    nor are flags, which are combined. Source: Lib/enum.py, `EnumType.__new__`.
    """
    bases = _names_of_bases(machine, cls)
    if not bases & {_ENUM, _FLAG}:
        return
    _check_extended(machine, cls)
    _check_bound_once(cls)
    own_way = _FLAG in bases or any(
        find_member(machine, cls, name) is not None for name in ("__new__", "__init__")
    )
    also = [_ALSO[each] for each in bases if each in _ALSO]
    is_read = bases <= {*_PLAIN_BASES, *_CONSTANTS, *_ALSO}
    members = DictValue({}, rest=_doubt(cls, "_ignore_" in cls.namespace or not is_read))
    for name, value in list(cls.namespace.items()):
        if name.startswith("__") or (name[:1] == name[-1:] == "_"):
            continue
        if isinstance(value, _DESCRIPTORS):
            continue
        made: Value = Unknown("enumeration-member", cls.where, cls.name)
        if bases & _CONSTANTS:
            made = value
        elif isinstance(value, _VALUES) and not own_way and _is_kept(value, also):
            made = _equal(machine, cls, members, value, cls.where) or _member(cls, name, value)
        if isinstance(value, _VALUES) or _is_counted(value):
            machine.trail.set_item(members, name, made)
        else:  # what has a `__get__` is no member
            machine.trail.may_hold_more(members, _doubt(cls, True))
        machine.trail.set_key(cls.namespace, name, made)
    for name in (_MEMBERS, "__members__"):
        machine.trail.set_key(cls.namespace, name, members)


def _names_of_bases(machine: Machine, cls: ClassValue) -> set[str]:
    """The names of the bases that are not of the model, builtin ones among them."""
    found: set[str] = set()
    for each in order_of(machine, cls):
        if isinstance(each, External):
            found.add(each.name)
        elif isinstance(each, Unknown) and each.detail != _FLAG:
            found.add(each.detail if each.reason == BUILTIN_BASE else each.reason)
    return found


def _is_kept(value: Value, also: list[type]) -> bool:
    """Whether the classes that members are of besides make the same value of it."""
    return not also or (isinstance(value, Known) and type(value.value) in also)


def _doubt(cls: ClassValue, there_is: bool) -> Unknown | None:
    return Unknown("enumeration-member", cls.where, cls.name) if there_is else None


def _is_counted(value: Value) -> bool:
    return isinstance(value, Unknown) and value.detail == "enum.auto"


def _check_extended(machine: Machine, cls: ClassValue) -> None:
    """Raise what Python does for a base with members (`_check_for_existing_members_`)."""
    for base in order_of(machine, cls)[1:]:
        members = _members_of(base) if isinstance(base, ClassValue) else None
        if members is not None and members.items:
            assert isinstance(base, ClassValue)
            kind = "flag" if _FLAG in _names_of_bases(machine, base) else "enum"
            text = f"<enum '{cls.name}'> cannot extend <{kind} '{base.name}'>"
            raise Raised("TypeError", text, cls.where)


def _check_bound_once(cls: ClassValue) -> None:
    """Raise what Python does for a member that the body binds again (`EnumDict.__setitem__`).

    Only what is bound to a literal is surely a member when it is bound again.
    """
    bound: dict[str, object] = {}
    for name, line in assigned_names(cls.node.body) if cls.node is not None else ():
        if name.startswith("_"):
            continue
        if name in bound:
            text = f"'{name}' already defined as {bound[name]!r}"
            raise Raised("TypeError", text, cls.where)
        value = line.value if isinstance(line, cst.Assign | cst.AnnAssign) else None
        if isinstance(value, cst.Integer | cst.Float | cst.SimpleString):
            bound[name] = value.evaluated_value


def _members_of(cls: ClassValue) -> DictValue | None:
    found = cls.namespace.get(_MEMBERS)
    return found if isinstance(found, DictValue) else None


def member_of(machine: Machine, cls: ClassValue, arguments: Arguments, where: Place) -> Value:
    """`Enumeration(value)`: the member that has the value, or is it."""
    unknown = Unknown("enumeration-member", where, cls.name)
    members = _members_of(cls)
    if len(arguments.all()) != 1 or not arguments.positional or members is None:
        return unknown
    (asked,) = arguments.positional
    if isinstance(asked, Instance) and asked.cls is cls:
        return asked
    found = _equal(machine, cls, members, asked, where)
    if found is not None:
        return found
    told = shown(asked)
    if members.rest is not None or not members.items or told is None or arguments.rest is not None:
        return unknown
    own_way = find_member(machine, cls, "_missing_")
    if own_way is not None and not isinstance(own_way.owner, Unknown):
        return unknown
    raise Raised("ValueError", f"{told} is not a valid {cls.name}", where)


def _member(cls: ClassValue, name: str, value: Value) -> Instance:
    held = {each: known(name) for each in ("name", "_name_")}
    return Instance(cls, {**held, **dict.fromkeys(("value", "_value_"), value)}, cls.where)


def _equal(
    machine: Machine, cls: ClassValue, members: DictValue, value: Value, where: Place
) -> Value | None:
    """The first member that has this value; unknown where that cannot be told, None: none has."""
    for each in members.items.values():
        held = each.attributes["value"] if isinstance(each, Instance) else each
        equal = equals(machine, held, value, where)
        if equal is None:
            return Unknown("enumeration-member", where, cls.name)
        if equal:
            return each
    return None


def check_class_write(
    machine: Machine, cls: ClassValue, name: str, where: Place, *, deletes: bool = False
) -> None:
    """Raise what Python does where a member is set or deleted (`EnumType.__setattr__`)."""
    members = _members_of(cls)
    if members is None:
        return
    if name in members.items:
        text = f"cannot reassign member '{name}'"
        if deletes:
            text = f"'{cls.name}' cannot delete member '{name}'."
        raise Raised("AttributeError", text, where)
    if members.rest is not None and name in cls.namespace:
        machine.leave_unproved(Unknown("enumeration-member", where, name))


def check_member_write(machine: Machine, target: Instance, name: str, where: Place) -> None:
    """Raise what Python does where the name or the value of a member is set (`enum.property`)."""
    cls = target.cls
    if name not in ("name", "value") or not isinstance(cls, ClassValue):
        return
    if _members_of(cls) is not None and find_member(machine, cls, name) is None:
        raise Raised("AttributeError", f"<enum 'Enum'> cannot set attribute '{name}'", where)
