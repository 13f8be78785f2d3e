"""What `dataclass` and `NamedTuple` refuse in the body of a class, and the objects of one later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.core.source import Place
from forgather_lint.libraries.stdlib.classes import (
    declared_in,
    fields_of,
    has_default,
    is_made_by_python,
    names_pythons,
    option_of,
)
from forgather_lint.python.interpreter.classes import find_member, order_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.slots import SLOTS
from forgather_lint.python.values.objects import ClassValue, Instance
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    DictValue,
    ListValue,
    SetValue,
    TupleValue,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


def check_dataclass(machine: Machine, cls: ClassValue) -> None:
    """Raise what the decorator `dataclass` raises for `cls` (Lib/dataclasses.py)."""
    if not names_pythons(cls):
        return
    if option_of(cls, "order") is True and option_of(cls, "eq", True) is False:
        raise Raised("ValueError", "eq must be true if order is true", cls.where)
    _make_slots(machine, cls)
    if is_made_by_python(machine, cls):
        _check_frozen_alike(machine, cls)
        _check_fields(machine, cls)


def _make_slots(machine: Machine, cls: ClassValue) -> None:
    """With `slots=True` the fields of a class are its slots."""
    if option_of(cls, "slots") is not True:
        return
    if SLOTS in cls.namespace:
        raise Raised("TypeError", f"{cls.name} already specifies __slots__", cls.where)
    names = TupleValue(tuple(map(known, fields_of(machine, cls))))
    machine.trail.set_key(cls.namespace, SLOTS, names)


def _check_frozen_alike(machine: Machine, cls: ClassValue) -> None:
    """Raise what Python does for a frozen class below one that is not, and for the reverse."""
    above = order_of(machine, cls)[1:]
    bases = [each for each in above if isinstance(each, ClassValue) and names_pythons(each)]
    frozen = option_of(cls, "frozen")
    of_bases = [option_of(each, "frozen") for each in bases]
    if frozen is False and True in of_bases:
        text = "cannot inherit non-frozen dataclass from a frozen one"
        raise Raised("TypeError", text, cls.where)
    if frozen and of_bases and not any(each is not False for each in of_bases):
        text = "cannot inherit frozen dataclass from a non-frozen one"
        raise Raised("TypeError", text, cls.where)


def _check_fields(machine: Machine, cls: ClassValue) -> None:
    default_before: str | None = None
    for name, kind in declared_in(machine, cls).items():
        if kind == "ClassVar":
            continue
        if kind == "KW_ONLY" or option_of(cls, "kw_only") is not False:
            return
        member = find_member(machine, cls, name)
        value = member.value if member is not None else None
        if isinstance(value, ListValue | DictValue | SetValue) and name in cls.namespace:
            what = f"mutable default <class '{type_name(value)}'> for field {name}"
            text = f"{what} is not allowed: use default_factory"
            raise Raised("ValueError", text, cls.places.get(name, cls.where))
        has = has_default(machine, cls, name)
        if has is None:
            return
        if has:
            default_before = name
        elif default_before is not None:
            text = f"non-default argument '{name}' follows default argument '{default_before}'"
            raise Raised("TypeError", text, cls.where)


def check_frozen(machine: Machine, target: Instance, name: str, where: Place) -> None:
    """Raise what an object of a frozen dataclass does where `name` is set.

    One of a class below it that is none holds other names than the fields.
    """
    for entry in order_of(machine, target.cls):
        if not isinstance(entry, ClassValue) or "__setattr__" in entry.namespace:
            return
        if not names_pythons(entry) or option_of(entry, "frozen") is not True:
            continue
        if entry is target.cls or name in fields_of(machine, entry):
            raise Raised("FrozenInstanceError", f"cannot assign to field '{name}'", where)
