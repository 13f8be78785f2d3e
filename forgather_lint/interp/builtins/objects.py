"""Builtins about objects and classes: `isinstance`, `getattr`, `super`, `type`, ..."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, cast

from forgather_lint.interp import attributes
from forgather_lint.interp.classes import find_member, is_subclass, order_of
from forgather_lint.interp.dispatch import builtin
from forgather_lint.interp.frame import Raised
from forgather_lint.interp.library import Site
from forgather_lint.values.objects import (
    AttributeDict,
    BoundMethod,
    ClassValue,
    FunctionValue,
    Instance,
    LibraryMethod,
    Namespace,
    PartialCall,
    Super,
)
from forgather_lint.values.value import (
    NONE,
    Builtin,
    Choice,
    DictValue,
    External,
    Known,
    ListValue,
    SetValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.interp.machine import Machine


def machine_of(site: Site) -> Machine:
    """The interpreter behind `site`; builtins are part of it."""
    return cast("Machine", site.evaluator)


@builtin("isinstance")
def isinstance_(site: Site, obj: Value, classinfo: Value) -> Value:
    return _decided(site, is_instance(machine_of(site), obj, classinfo))


def is_instance(machine: Machine, value: Value, kind: Value) -> bool | None:
    """`isinstance(value, kind)`, None when it cannot be decided."""
    if isinstance(kind, TupleValue):
        results = [is_instance(machine, value, each) for each in kind.items]
        return True if True in results else (None if None in results else False)
    if isinstance(value, Choice):
        options = {is_instance(machine, each, kind) for each in value.options}
        return options.pop() if len(options) == 1 else None
    if isinstance(value, Unknown) or isinstance(kind, Unknown | Choice | Known):
        return None  # a class that transformers sets behind the scenes may stand as None
    if isinstance(value, Instance):
        return _instance_is(machine, value, kind)
    if isinstance(kind, Builtin):
        return _is_builtin_kind(value, kind.name)
    if isinstance(value, TensorValue) and isinstance(kind, External):
        return _tensor_is(value, kind.name)
    return _known_to_differ(machine, value, kind)


def _instance_is(machine: Machine, value: Instance, kind: Value) -> bool | None:
    if isinstance(kind, Builtin):
        return kind.name == "object" or (None if value.open else False)
    result = is_subclass(machine, value.cls, kind)
    return None if result is False and value.open and isinstance(value.cls, ClassValue) else result


def _tensor_is(value: TensorValue, name: str) -> bool | None:
    if name == "torch.nn.Parameter":
        return value.is_parameter
    return True if name == "torch.Tensor" else None


def _known_to_differ(machine: Machine, value: Value, kind: Value) -> bool | None:
    if isinstance(value, External | Unknown):
        return None
    plain = isinstance(kind, External) and machine.library.lineage(kind.name) is None
    if plain and isinstance(kind, External) and isinstance(value, _CONTAINER_VALUES):
        return _is_container(value, kind.name.rpartition(".")[2])
    if plain and isinstance(value, Known) and value.value is not None:
        return _abstract_kind(kind, value)
    if isinstance(value, Known) or isinstance(kind, ClassValue):
        return False
    return None if plain else False


def _abstract_kind(kind: Value, value: Known) -> bool | None:
    name = kind.name.rpartition(".")[2] if isinstance(kind, External) else ""
    kinds = {"Number": (int, float, complex), "Real": (int, float), "Integral": (int,)}
    if name in kinds:
        return isinstance(value.value, kinds[name])
    return isinstance(value.value, str | bytes) if name in _CONTAINERS else None


_CONTAINER_VALUES = ListValue | TupleValue | DictValue | SetValue
_CONTAINERS = {
    "Sequence": (ListValue, TupleValue),
    "MutableSequence": (ListValue,),
    "Mapping": (DictValue,),
    "MutableMapping": (DictValue,),
    "Iterable": (ListValue, TupleValue, DictValue, SetValue),
    "Collection": (ListValue, TupleValue, DictValue, SetValue),
}


def _is_container(value: Value, name: str) -> bool | None:
    """Whether a container is one of the abstract classes of `collections.abc`."""
    return isinstance(value, _CONTAINERS[name]) if name in _CONTAINERS else None


_PLAIN: dict[str, tuple[type[Value], ...]] = {
    "list": (ListValue,),
    "tuple": (TupleValue,),
    "dict": (DictValue,),
    "set": (SetValue,),
    "type": (ClassValue,),
}


def _is_builtin_kind(value: Value, name: str) -> bool | None:
    if isinstance(value, Known):
        kind = getattr(builtins, name, None)
        return isinstance(value.value, kind) if isinstance(kind, type) else None
    if isinstance(value, SymbolicInt):
        return name in ("int", "object")
    if name in _PLAIN:
        return isinstance(value, _PLAIN[name])
    return None if isinstance(value, External) else name == "object"


def _decided(site: Site, result: bool | None) -> Value:
    return site.unknown("undecided-isinstance") if result is None else known(result)


@builtin("issubclass")
def issubclass_(site: Site, cls: Value, classinfo: Value) -> Value:
    options = classinfo.items if isinstance(classinfo, TupleValue) else (classinfo,)
    if not isinstance(cls, ClassValue | External):
        return site.unknown("undecided-issubclass")
    results = [is_subclass(machine_of(site), cls, option) for option in options]
    return _decided(site, True if True in results else (None if None in results else False))


@builtin("getattr")
def getattr_(site: Site, obj: Value, name: Value, default: Value | None = None) -> Value:
    machine = machine_of(site)
    if not (isinstance(name, Known) and isinstance(name.value, str)):
        return site.unknown("dynamic-attribute")
    try:
        return attributes.read(machine, obj, name.value, site.where)
    except Raised as error:
        if default is None or error.kind != "AttributeError":
            raise
        return default


@builtin("hasattr")
def hasattr_(site: Site, obj: Value, name: Value) -> Value:
    if isinstance(obj, Unknown):
        return obj
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
        attributes.write(machine_of(site), obj, name.value, value, site.where)
    elif isinstance(obj, Instance):
        obj.open = site.unknown("dynamic-attribute")
    return NONE


@builtin("delattr")
def delattr_(site: Site, obj: Value, name: Value) -> Value:
    if isinstance(name, Known) and isinstance(name.value, str):
        attributes.delete(machine_of(site), obj, name.value)
    return NONE


@builtin("object.__setattr__")
def object_setattr(site: Site, obj: Value, name: Value, value: Value) -> Value:
    if isinstance(obj, Instance) and isinstance(name, Known) and isinstance(name.value, str):
        attributes.store(machine_of(site), obj, name.value, value, site.where)
    return NONE


@builtin("object.__init__")
def object_init(site: Site, *arguments: Value, **keywords: Value) -> Value:
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
        return obj.cls
    if isinstance(obj, TensorValue):
        return External("torch.Tensor")
    if isinstance(obj, Known):
        return Builtin(type(obj.value).__name__)
    return Builtin(attributes.kind_of(obj)) if not isinstance(obj, Unknown) else obj


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
    return AttributeDict(obj) if isinstance(obj, Instance) else site.unknown("vars")


@builtin("id")
def id_(site: Site, obj: Value) -> Value:
    return site.unknown("object-identity")


@builtin("hash")
def hash_(site: Site, obj: Value) -> Value:
    return site.unknown("object-hash")


@builtin("print")
def print_(site: Site, *values: Value, **options: Value) -> Value:
    return NONE


@builtin("repr")
def repr_(site: Site, obj: Value) -> Value:
    return known(repr(obj.value)) if isinstance(obj, Known) else site.unknown("text-of-object")


@builtin("dir")
def dir_(site: Site, obj: Value) -> Value:
    machine = machine_of(site)
    if isinstance(obj, Namespace):
        return ListValue([known(name) for name in obj.globals])
    if isinstance(obj, Instance) and obj.open is None:
        names = dict.fromkeys(obj.attributes)
        for entry in order_of(machine, obj.cls):
            names.update(dict.fromkeys(entry.namespace if isinstance(entry, ClassValue) else ()))
        return ListValue([known(name) for name in sorted(names)])
    return site.unknown("dir")


@builtin("partial.func")
def partial_func(site: Site, call: PartialCall) -> Value:
    return call.function
