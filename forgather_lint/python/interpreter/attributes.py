"""Reading attributes, with properties and `__getattr__`."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from functools import partial
from types import GeneratorType
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.branching import join_values
from forgather_lint.python.interpreter.classes import Member, find_member, order_of
from forgather_lint.python.interpreter.dispatch import BUILTINS, expression
from forgather_lint.python.interpreter.frame import Frame, Raised, cause_in
from forgather_lint.python.interpreter.stores import forget, room_of
from forgather_lint.python.values.joining import may_be_absent, where_set
from forgather_lint.python.values.objects import (
    ANY_NAME,
    AttributeDict,
    BoundMethod,
    ClassMethod,
    ClassValue,
    FunctionValue,
    Instance,
    LibraryMethod,
    Namespace,
    Property,
    StaticMethod,
    Super,
)
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    Arguments,
    Builtin,
    Choice,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    External,
    Known,
    ListValue,
    NamedTupleValue,
    SetValue,
    TupleValue,
    Unknown,
    Value,
    known,
    next_serial,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@expression(cst.Attribute)
def attribute(machine: Machine, node: cst.Attribute, frame: Frame) -> Value:
    value = machine.evaluate(node.value, frame)
    return read(machine, value, frame.attribute(node), frame.place(node))


def read(machine: Machine, value: Value, name: str, where: Place) -> Value:
    """`value.name`. Raises `Raised("AttributeError")` when it surely does not exist."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Choice):
        return machine.each_option(value, lambda each: read(machine, each, name, where), where)
    if isinstance(value, Instance):
        return read_instance(machine, value, name, where)
    if machine.library.handles(value):
        found = machine.library.attribute(machine, value, name, where)
        return Unknown("unmodelled-attribute", where, name) if found is None else found
    if isinstance(value, External):
        return read_external(machine, value, name, where)
    if isinstance(value, ClassValue):
        return read_class(machine, value, name, where)
    if isinstance(value, Super):
        return _read_super(machine, value, name, where)
    return _read_plain(machine, value, name, where)


def read_external(machine: Machine, value: External, name: str, where: Place) -> Value:
    """An attribute of a library module or class: a constant, a class with source, or a dotted name.

    Raises what Python raises for one that is not there, or in other releases only.
    """
    error = machine.environment.modules.attribute_error(value.name, name)
    if error:
        kind, _, text = error.partition(": ")
        raise Raised(kind, text, where)
    if f"{value.name}.{name}" in machine.environment.absent_members:
        owner = "'AttentionInterface' object"
        if machine.library.lineage(value.name) is not None:
            owner = f"type object '{value.name.rpartition('.')[2]}'"
        raise Raised("AttributeError", f"{owner} has no attribute '{name}'", where)
    return machine.loader.member(machine, value, name)


def read_instance(machine: Machine, instance: Instance, name: str, where: Place) -> Value:
    """`instance.name`: a property, its own attribute, a member of its class, then `__getattr__`."""
    machine.observer.read(instance, name, where)
    machine.run.loop_copies.noticed(instance, name)
    member = find_member(machine, instance.cls, name)
    if member is not None and isinstance(member.value, Property):
        return _get_property(machine, instance, member.value, name, where)
    own = instance.attributes.get(name)
    if own is None:
        return _read_inherited(machine, instance, member, name, where)
    if isinstance(own, Choice) and may_be_absent(own):
        inherited = partial(_read_inherited, machine, instance, member, name, where)
        return join_values(machine, [lambda: where_set(own), inherited], where)
    return own


def set_by_a_branch(machine: Machine, value: Value, name: str) -> Choice | None:
    """What `value.name` may be, where the attribute is missing unless a branch was taken."""
    own = value.attributes.get(name) if isinstance(value, Instance) else None
    if not (isinstance(value, Instance) and isinstance(own, Choice) and may_be_absent(own)):
        return None
    other = find_member(machine, value.cls, name) or find_member(machine, value.cls, "__getattr__")
    return own if other is None else None


def _read_inherited(
    machine: Machine, instance: Instance, member: Member | None, name: str, where: Place
) -> Value:
    """`instance.name` where it has no such attribute of its own."""
    if member is not None and not isinstance(member.owner, Unknown):
        other = machine.library.attribute_name(machine, instance, name)
        if other != name:
            return read_instance(machine, instance, other, where)
        return bind(machine, member, instance, instance.cls)
    special = _special(machine, instance, name)
    if special is not None:
        return special
    fallback = find_member(machine, instance.cls, "__getattr__")
    if fallback is not None and not isinstance(fallback.value, Unknown):
        found = machine.library.attribute(machine, instance, name, where)
        if found is not None:
            return found  # what a base has, `__getattr__` is not asked for
        method = bind(machine, fallback, instance, instance.cls)
        return _computed(machine, instance, method, Arguments([known(name)]), where)
    return missing(machine, instance, name, where)


def missing(machine: Machine, instance: Instance, name: str, where: Place) -> Value:
    """The result of reading an attribute that nothing has set."""
    found = machine.library.attribute(machine, instance, name, where)
    if found is not None:
        return found
    unknown_base = next(
        (each for each in order_of(machine, instance.cls) if isinstance(each, Unknown)), None
    )
    own_way = find_member(machine, instance.cls, "__getattribute__")
    computed = own_way is not None and isinstance(own_way.value, FunctionValue)
    if instance.open is not None or unknown_base is not None or computed:
        return Unknown("attribute-of-unknown-class", where, name)
    cls = instance.cls.name.rpartition(".")[2]
    raise Raised("AttributeError", f"'{cls}' object has no attribute '{name}'", where)


def _special(machine: Machine, instance: Instance, name: str) -> Value | None:
    if name == "__class__":
        return instance.cls
    if name == "__dict__" and room_of(machine, instance.cls) is None:
        return AttributeDict(instance)
    if name in _METHODS_OF_ALL:
        return BoundMethod(instance, Builtin(_METHODS_OF_ALL[name]))
    return None


_METHODS_OF_ALL = {
    "__setattr__": "object.__setattr__",
    "__getattribute__": "getattr",
    "__delattr__": "delattr",
    "__dir__": "dir",
    "__repr__": "repr",
    "__str__": "str",
    "__hash__": "hash",
}


def _get_property(
    machine: Machine, instance: Instance, member: Property, name: str, where: Place
) -> Value:
    if member.cached and name in instance.attributes:
        return instance.attributes[name]
    value = _computed(machine, instance, member.getter, Arguments([instance]), where)
    if member.cached:
        machine.trail.set_attribute(instance, name, value)
    return value


def _computed(
    machine: Machine, instance: Instance, getter: Value, arguments: Arguments, where: Place
) -> Value:
    """An attribute that code computes.

    Where others read it too, nobody knows how often: what it leaves behind is not known then.
    """
    if not machine.library.is_read_by_others(machine, instance):
        return machine.call(getter, arguments, where)
    trail = machine.trail
    before = trail.outside_writes
    with trail.guarding(next_serial()):
        value = machine.call(getter, arguments, where)
    if trail.outside_writes != before:
        machine.leave_unproved(Unknown("changed-by-reading", where))
    return value


def bind(machine: Machine, member: Member, receiver: Value, cls: Value) -> Value:
    """A class member as it is read through `receiver`: a method is bound, a property evaluated."""
    value = member.value
    if isinstance(value, StaticMethod):
        return value.function
    if isinstance(value, ClassMethod):
        return BoundMethod(cls, value.function)
    if isinstance(value, FunctionValue):
        return BoundMethod(receiver, value)
    owner = member.owner
    if isinstance(value, External) and isinstance(owner, External):
        return BoundMethod(receiver, value) if value.name.startswith(f"{owner.name}.") else value
    return value


def read_class(machine: Machine, cls: ClassValue, name: str, where: Place) -> Value:
    """`cls.name` for a class whose source is known."""
    if name in ("__name__", "__qualname__"):
        return known(cls.name)
    if name == "__module__":
        return known(cls.scope.namespace.name)
    if name == "__mro__":
        return TupleValue((*order_of(machine, cls), Builtin("object")))
    member = find_member(machine, cls, name)
    if member is None:
        inherited = machine.library.inherited(machine, cls, name, where)
        if inherited is not None:
            return inherited
        if name == "__annotations__" or hasattr(type, name):
            return Unknown("unmodelled-attribute", where, name)
        raise Raised("AttributeError", f"type object '{cls.name}' has no attribute '{name}'", where)
    if isinstance(member.value, StaticMethod):
        return member.value.function
    if isinstance(member.value, ClassMethod):
        return BoundMethod(cls, member.value.function)
    return member.value


def _read_super(machine: Machine, value: Super, name: str, where: Place) -> Value:
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    member = find_member(machine, cls, name, after=value.after)
    if member is None:
        default = _OBJECT_METHODS.get(name)
        if default is not None:
            return BoundMethod(receiver, Builtin(default))
        if isinstance(receiver, Instance):
            try:
                return missing(machine, receiver, name, where)
            except Raised as error:
                error.text = f"'super' object has no attribute '{name}'"
                raise
        raise Raised("AttributeError", f"'super' object has no attribute '{name}'", where)
    if isinstance(member.value, Property) and isinstance(receiver, Instance):
        return _get_property(machine, receiver, member.value, name, where)
    return bind(machine, member, receiver, cls)


_OBJECT_METHODS = {
    "__init__": "object.__init__",
    "__setattr__": "object.__setattr__",
    "__init_subclass__": "object.__init_subclass__",
    "__post_init__": "object.__init_subclass__",
    "__new__": "object.__new__",
}


def _read_plain(machine: Machine, value: Value, name: str, where: Place) -> Value:
    if isinstance(value, Namespace):
        return _read_namespace(machine, value, name, where)
    if isinstance(value, NamedTupleValue) and name in value.names:
        return value.items[value.names.index(name)]
    if isinstance(value, NamedTupleValue) and isinstance(value.cls, ClassValue):
        member = find_member(machine, value.cls, name)
        if member is not None:
            return _read_of_tuple(machine, value, value.cls, member, where)
        if name == "__class__":
            return value.cls
        if name.startswith("__") or hasattr(tuple, name):
            return _read_of_kind(machine, value, name, where)
        text = f"'{value.cls.name}' object has no attribute '{name}'"
        raise Raised("AttributeError", text, where)
    if isinstance(value, DequeValue) and name == "maxlen":
        return known(value.maxlen)
    if isinstance(value, FunctionValue) and name in value.attributes:
        return value.attributes[name]
    if isinstance(value, BoundMethod) and name == "__self__":
        return value.receiver
    if isinstance(value, FunctionValue) and name == "__name__" and value.wrapped is not None:
        return read(machine, value.wrapped, name, where)
    if isinstance(value, FunctionValue | BoundMethod) and name == "__name__":
        return known(value.name) if isinstance(value, FunctionValue) else Unknown("method-name")
    return _read_of_kind(machine, value, name, where)


def _read_of_tuple(
    machine: Machine, value: NamedTupleValue, cls: ClassValue, member: Member, where: Place
) -> Value:
    """A member of the class of a named tuple."""
    if isinstance(member.value, Property):
        return machine.call(member.value.getter, Arguments([value]), where)
    return bind(machine, member, value, cls)


def _read_of_kind(machine: Machine, value: Value, name: str, where: Place) -> Value:
    """`value.name` of a value of Python, by what its type has."""
    if isinstance(value, Builtin) and f"{value.name}.{name}" in BUILTINS:
        return Builtin(f"{value.name}.{name}")
    kind = type_name(value)
    method = next((f"{k}.{name}" for k in _bases(value, kind) if f"{k}.{name}" in BUILTINS), None)
    if method is not None:
        return LibraryMethod(value, method)
    if isinstance(value, DefaultDictValue) and name == "default_factory":
        return value.factory
    if isinstance(value, Builtin) and name == "__name__":
        return known(value.name)
    if isinstance(value, Known) and value.value is not None and name in ("value", "name"):
        # No constant has them: a member of an enumeration stands as its value.
        return value if name == "value" else Unknown("enumeration-member", where)
    if isinstance(value, Known) and not hasattr(value.value, name):
        text = f"'{kind}' object has no attribute '{name}'"
        raise Raised("AttributeError", text, where, cause=cause_in(value.value))
    named = isinstance(value, NamedTupleValue)
    if isinstance(value, _CONTAINERS) and not named and not _has_attribute(kind, name):
        raise Raised("AttributeError", f"'{kind}' object has no attribute '{name}'", where)
    unknown = Unknown("unmodelled-attribute", where, f"{kind}.{name}")
    if name not in _READ_ONLY:
        forget(machine, value, unknown)
    return unknown


def _bases(value: Value, kind: str) -> tuple[str, ...]:
    """The types whose methods a plain value of type `kind` has."""
    return (kind, "dict") if isinstance(value, DefaultDictValue | CounterValue) else (kind,)


_CONTAINERS = (TupleValue, ListValue, DictValue, SetValue)
_STANDS_FOR: dict[str, tuple[type, ...]] = {
    "list": (list,),
    "collections.deque": (deque,),
    "tuple": (tuple,),
    "dict": (dict, OrderedDict),
    "collections.defaultdict": (defaultdict,),
    "Counter": (Counter,),
    "set": (set,),
    "frozenset": (frozenset,),
    "range": (range,),
    "generator": (GeneratorType,),
    "dict_keys": (KeysView,),
    "dict_values": (ValuesView,),
    "dict_items": (ItemsView,),
}
"""The Python types that values of each kind represent; any other kind is an iterator."""
_AN_ITERATOR: tuple[type, ...] = (Iterator,)


def _has_attribute(kind: str, name: str) -> bool:
    """Whether a container type of Python (or `torch.Size`, which is a tuple) has the attribute."""
    return name == "numel" or any(
        hasattr(each, name) for each in _STANDS_FOR.get(kind, _AN_ITERATOR)
    )


_READ_ONLY = frozenset("__contains__ __eq__ __getitem__ __iter__ __len__ isdisjoint".split())
"""Methods of containers that change nothing.

Any other that is not modelled may change all items.
"""


def _read_namespace(machine: Machine, value: Namespace, name: str, where: Place) -> Value:
    found = value.globals.get(name)
    if found is not None:
        return found
    try:
        submodule: Value | None = machine.loader.load(machine, f"{value.name}.{name}")
    except Raised:  # no such file: an attribute that is missing
        submodule = None
    if isinstance(submodule, Namespace):
        return submodule
    others = value.globals.get(ANY_NAME)
    if others is not None:
        return read(machine, others, name, where)
    text = f"module '{value.name}' has no attribute '{name}'"
    raise Raised("AttributeError", text, where)
