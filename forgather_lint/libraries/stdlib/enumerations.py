"""Members of enumerations, which equal nothing but themselves.

Those of an enumeration that is a text or a number too stay the constants that they equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.classes import find_member, order_of
from forgather_lint.python.interpreter.equality import equals
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
    Builtin,
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
_PLAIN_BASES = frozenset((_ENUM, _FLAG, "builtins.object", "object"))
_DESCRIPTORS = (FunctionValue, BoundMethod, Property, StaticMethod, ClassMethod)
_VALUES = (Known, TupleValue, ListValue, DictValue, SetValue)


def make_members(machine: Machine, cls: ClassValue) -> None:
    """Make the names that the body of an enumeration binds its members.

    A member whose class has a way of its own to make it, or whose value is not known, is not known;
    nor are flags, which are combined. Source: Lib/enum.py, `EnumType.__new__`.
    """
    bases = {each.name for each in order_of(machine, cls) if isinstance(each, External | Builtin)}
    if not bases & {_ENUM, _FLAG} or bases - _PLAIN_BASES:
        return
    own_way = _FLAG in bases or any(
        find_member(machine, cls, name) is not None for name in ("__new__", "__init__")
    )
    for name, value in list(cls.namespace.items()):
        if name.startswith("__") or (name[:1] == name[-1:] == "_"):
            continue
        if isinstance(value, _DESCRIPTORS):
            continue
        made: Value = Unknown("enumeration-member", cls.where, cls.name)
        if isinstance(value, _VALUES) and not own_way:
            made = _equal(machine, cls, value, cls.where) or _member(cls, name, value)
        machine.trail.set_key(cls.namespace, name, made)


def member_of(machine: Machine, cls: ClassValue, arguments: Arguments, where: Place) -> Value:
    """`Enumeration(value)`: the member that has the value, or is it."""
    asked = arguments.positional[0] if len(arguments.positional) == 1 else None
    if isinstance(asked, Instance) and asked.cls is cls:
        return asked
    found = _equal(machine, cls, asked, where) if asked is not None else None
    return found or Unknown("enumeration-member", where, cls.name)


def _member(cls: ClassValue, name: str, value: Value) -> Instance:
    held = {each: known(name) for each in ("name", "_name_")}
    return Instance(cls, {**held, **dict.fromkeys(("value", "_value_"), value)}, cls.where)


def _equal(machine: Machine, cls: ClassValue, value: Value, where: Place) -> Value | None:
    """The first member that has this value; unknown where that cannot be told, None: none has."""
    for each in cls.namespace.values():
        if isinstance(each, Instance) and each.cls is cls:
            equal = equals(machine, each.attributes["value"], value, where)
            if equal is None:
                return Unknown("enumeration-member", where, cls.name)
            if equal:
                return each
    return None
