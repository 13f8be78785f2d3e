"""`isinstance` and `issubclass`: true, false, or undecided."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from forgather_lint.python.interpreter.classes import is_subclass
from forgather_lint.python.interpreter.dispatch import builtin, machine_of
from forgather_lint.python.interpreter.library import Site
from forgather_lint.python.values.objects import (
    ClassMethod,
    ClassValue,
    Instance,
    Property,
    StaticMethod,
)
from forgather_lint.python.values.type_names import type_name
from forgather_lint.python.values.value import (
    Builtin,
    Choice,
    CounterValue,
    DefaultDictValue,
    DequeValue,
    DictValue,
    External,
    IterableValue,
    Known,
    ListValue,
    NamedTupleValue,
    SetValue,
    SymbolicInt,
    TensorValue,
    TupleValue,
    Unknown,
    Value,
    known,
    parts_of,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@builtin("isinstance")
def isinstance_(site: Site, obj: Value, classinfo: Value) -> Value:
    machine = machine_of(site)
    if isinstance(obj, Instance):
        machine.observer.asked_kind(obj, site.where)
    return _decided(site, is_instance(machine, obj, classinfo))


def is_instance(machine: Machine, value: Value, kind: Value) -> bool | None:
    """`isinstance(value, kind)`, None when it cannot be decided."""
    if isinstance(kind, TupleValue):
        results = [is_instance(machine, value, each) for each in parts_of(kind)]
        return True if True in results else (None if None in results else False)
    if isinstance(value, Choice):
        options = {is_instance(machine, each, kind) for each in value.options}
        return options.pop() if len(options) == 1 else None
    if isinstance(value, Unknown) or isinstance(kind, Unknown | Choice | Known):
        return None  # a class that transformers sets behind the scenes may stand as None
    if isinstance(value, Instance):
        return _instance_is(machine, value, kind)
    own = value.cls if isinstance(value, NamedTupleValue) else None
    if isinstance(own, ClassValue) and isinstance(kind, ClassValue):
        return is_subclass(machine, own, kind)
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
    if isinstance(kind, External) and kind.name in _CONTAINER_TYPES:
        return isinstance(value, _CONTAINER_TYPES[kind.name])
    if plain and isinstance(kind, External) and isinstance(value, _CONTAINER_VALUES):
        return _is_container(value, kind.name.rpartition(".")[2])
    if plain and isinstance(value, Known) and value.value is not None:
        return _abstract_kind(kind, value)
    if isinstance(value, Known) or isinstance(kind, ClassValue):
        return False
    return None if plain else False


_CONTAINER_TYPES: dict[str, type[Value]] = {
    "collections.deque": DequeValue,
    "collections.defaultdict": DefaultDictValue,
    "collections.Counter": CounterValue,
}


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
    """Whether a container is an instance of the class `name` of `collections.abc`.

    None if unknown.
    """
    if name in _CONTAINERS and isinstance(value, IterableValue):
        return name == "Iterable" or (value.kind == "range" and name in ("Sequence", "Collection"))
    return isinstance(value, _CONTAINERS[name]) if name in _CONTAINERS else None


_PLAIN: dict[str, tuple[type[Value], ...]] = {
    "list": (ListValue,),
    "tuple": (TupleValue,),
    "dict": (DictValue,),
    "type": (ClassValue,),
}


def _builtin_type(name: str) -> type | None:
    """The Python type called `name`, also for types without a global name.

    None if there is none.
    """
    kind = _NAMELESS.get(name) or getattr(builtins, name, None)
    return kind if isinstance(kind, type) else None


_NAMELESS: dict[str, type] = {"NoneType": type(None), "ellipsis": type(...)}


def _is_builtin_kind(value: Value, name: str) -> bool | None:
    kind = _builtin_type(name)
    if kind is None:
        return None
    if isinstance(value, Known):
        return isinstance(value.value, kind)
    if isinstance(value, Builtin):
        return isinstance(getattr(builtins, value.name, None), kind)
    if isinstance(value, SymbolicInt):
        return name in ("int", "object")
    if isinstance(value, Property | StaticMethod | ClassMethod):
        wanted = {Property: "property", StaticMethod: "staticmethod", ClassMethod: "classmethod"}
        return name in (wanted[type(value)], "object")
    if isinstance(value, IterableValue):
        return name in (value.kind, "object")
    if isinstance(value, DequeValue):
        return name == "object"
    if isinstance(value, SetValue):
        return name in (type_name(value), "object")
    if name in _PLAIN:
        return isinstance(value, _PLAIN[name])
    return None if isinstance(value, External) else name == "object"


def _decided(site: Site, result: bool | None) -> Value:
    return site.unknown("undecided-isinstance") if result is None else known(result)


@builtin("issubclass")
def issubclass_(site: Site, cls: Value, classinfo: Value) -> Value:
    options = parts_of(classinfo) if isinstance(classinfo, TupleValue) else (classinfo,)
    if isinstance(cls, Builtin):
        results = [_is_builtin_subclass(cls, option) for option in options]
    elif isinstance(cls, ClassValue | External):
        results = [is_subclass(machine_of(site), cls, option) for option in options]
    else:
        return site.unknown("undecided-issubclass")
    return _decided(site, True if True in results else (None if None in results else False))


def _is_builtin_subclass(cls: Builtin, of: Value) -> bool | None:
    kinds = [_builtin_type(each.name) for each in (cls, of) if isinstance(each, Builtin)]
    one, other = kinds[0], kinds[-1] if len(kinds) > 1 else None
    return None if one is None or other is None else issubclass(one, other)
