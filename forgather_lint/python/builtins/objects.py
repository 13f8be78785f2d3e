"""Builtins about objects and classes: `isinstance`, `getattr`, `super`, `type`, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forgather_lint.python.interpreter import attributes, stores
from forgather_lint.python.interpreter.classes import find_member, is_of_python, order_of
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.hashing import has_key
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.joining import join, where_set
from forgather_lint.python.values.objects import (
    ANY_NAME,
    BoundMethod,
    ClassValue,
    FunctionValue,
    Instance,
    LibraryMethod,
    Namespace,
    PartialCall,
    Super,
)
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    NONE,
    Builtin,
    Choice,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    External,
    Known,
    ListValue,
    NamedTupleValue,
    TensorValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@builtin("getattr")
def getattr_(site: Site, obj: Value, name: Value, default: Value | None = None) -> Value:
    machine = machine_of(site)
    if not (isinstance(name, Known) and isinstance(name.value, str)):
        return site.unknown("dynamic-attribute")
    perhaps = attributes.set_by_a_branch(machine, obj, name.value)
    if perhaps is not None and default is not None:
        return join([where_set(perhaps), default])
    try:
        found = attributes.read(machine, obj, name.value, site.where)
        if isinstance(obj, TensorValue) and isinstance(found, LibraryMethod):
            known_here = machine.library.has(found.name)
            return found if known_here else site.unknown("unmodelled-attribute", name.value)
        return found
    except Raised as error:
        if error.kind == "AttributeError":
            machine.observer.asked_kind(obj, site.where)
        if default is None or error.kind != "AttributeError":
            raise
        return default


@builtin("hasattr")
def hasattr_(site: Site, obj: Value, name: Value) -> Value:
    if isinstance(obj, Unknown):
        return obj
    text = name.value if isinstance(name, Known) else None
    if isinstance(text, str) and attributes.set_by_a_branch(machine_of(site), obj, text):
        return site.unknown("attribute-by-condition", text)
    try:
        value = getattr_(site, obj, name)
    except Raised:
        return known(False)
    undecided = isinstance(value, Unknown) and value.reason in _UNDECIDED_ATTRIBUTES
    return value if undecided else known(True)


_UNDECIDED_ATTRIBUTES = frozenset(
    {"attribute-of-unknown-class", "unmodelled-attribute", "dynamic-attribute"}
)


@builtin("setattr")
def setattr_(site: Site, obj: Value, name: Value, value: Value) -> Value:
    if isinstance(name, Known) and isinstance(name.value, str):
        stores.set_attribute(machine_of(site), obj, name.value, value, site.where)
    else:
        stores.set_some_attribute(machine_of(site), obj, site.unknown("dynamic-attribute"))
    return NONE


@builtin("delattr")
def delattr_(site: Site, obj: Value, name: Value) -> Value:
    if isinstance(name, Known) and isinstance(name.value, str):
        stores.delete_attribute(machine_of(site), obj, name.value, site.where)
    return NONE


@builtin("object.__setattr__")
def object_setattr(site: Site, obj: Value, name: Value, value: Value) -> Value:
    if isinstance(obj, Instance) and isinstance(name, Known) and isinstance(name.value, str):
        machine = machine_of(site)
        stores.check_room(machine, obj, name.value, site.where)
        stores.store(machine, obj, name.value, value, site.where)
        if machine.library.keeps_apart(machine, obj, value):
            machine.trail.hide(obj, name.value)
    return NONE


@builtin("exec")
@builtin("eval")
def run_text(site: Site, *arguments: Value, **keywords: Value) -> Value:
    """Text that is run is not followed: it may bind any name."""
    machine_of(site).assume(site.unknown("text-run"))
    return site.unknown("text-run")


@builtin("object.__init__")
def object_init(site: Site, obj: Value, *arguments: Value, **keywords: Value) -> Value:
    cls = obj.cls if isinstance(obj, Instance) else None
    if cls is not None and (arguments or keywords) and is_of_python(machine_of(site), cls):
        text = "takes exactly one argument (the instance to initialize)"
        raise Raised("TypeError", f"object.__init__() {text}", site.where)
    return NONE


@builtin("object.__init_subclass__")
def object_init_subclass(site: Site, *arguments: Value, **keywords: Value) -> Value:
    return NONE


@builtin("object")
def object_(site: Site) -> Value:
    return Instance(External("builtins.object"), {}, site.where)


@builtin("super")
def super_(site: Site, cls: Value | None = None, obj: Value | None = None) -> Value:
    if isinstance(cls, ClassValue) and isinstance(obj, Instance | ClassValue):
        return Super(obj, cls)
    return site.unknown("super-without-method")


@builtin("super_in_method")
def super_in_method(site: Site, cls: Value, receiver: Value) -> Value:
    return super_(site, cls, receiver)


@builtin("type")
def type_(site: Site, obj: Value, *rest: Value) -> Value:
    if rest:
        return site.unknown("dynamic-class")
    if isinstance(obj, Instance):
        machine_of(site).observer.asked_kind(obj, site.where)
        return obj.cls
    if isinstance(obj, TensorValue):
        return External("torch.Tensor")
    if isinstance(obj, NamedTupleValue):
        return obj.cls or site.unknown("unmodelled-class")
    if isinstance(obj, DequeValue | DefaultDictValue | CounterValue):
        return External(f"collections.{type_name(obj).rpartition('.')[2]}")
    if isinstance(obj, ClassValue | External | Choice | Super):
        plain = isinstance(obj, ClassValue) and not _has_unknown_base(machine_of(site), obj)
        return Builtin("type") if plain else site.unknown("type-of-class")
    if isinstance(obj, Known):
        return Builtin(type(obj.value).__name__)
    return Builtin(type_name(obj)) if not isinstance(obj, Unknown) else obj


def _has_unknown_base(machine: Machine, cls: ClassValue) -> bool:
    return any(isinstance(each, Unknown) for each in order_of(machine, cls))


@builtin("callable")
def callable_(site: Site, obj: Value) -> Value:
    if isinstance(obj, Unknown | Choice):
        return site.unknown("undecided-callable")
    if isinstance(obj, Instance):
        machine = machine_of(site)
        return known(any(find_member(machine, obj.cls, n) for n in ("__call__", "forward")))
    plain = FunctionValue | BoundMethod | ClassValue | Builtin | External | PartialCall
    return known(isinstance(obj, plain | LibraryMethod))


@builtin("vars")
def vars_(site: Site, obj: Value) -> Value:
    if not isinstance(obj, Instance):
        return site.unknown("vars")
    return machine_of(site).attribute(obj, "__dict__", site.where)


@builtin("id")
def id_(site: Site, obj: Value) -> Value:
    return site.unknown("object-identity")


@builtin("hash")
def hash_(site: Site, obj: Value) -> Value:
    has_key(machine_of(site), obj, site.where)
    return site.unknown("object-hash")


@builtin("print")
def print_(site: Site, *values: Value, **options: Value) -> Value:
    return NONE


@builtin("dir")
def dir_(site: Site, obj: Value) -> Value:
    machine = machine_of(site)
    if isinstance(obj, Namespace):
        others = site.unknown("star-import") if ANY_NAME in obj.globals else None
        return ListValue([known(name) for name in obj.globals if name != ANY_NAME], others)
    if isinstance(obj, Instance) and obj.open is None:
        names = dict.fromkeys(obj.attributes)
        for entry in order_of(machine, obj.cls):
            names.update(dict.fromkeys(entry.namespace if isinstance(entry, ClassValue) else ()))
        return ListValue([known(name) for name in sorted(names)])
    return site.unknown("dir")


@builtin("partial.func")
def partial_func(site: Site, call: PartialCall) -> Value:
    return call.function
