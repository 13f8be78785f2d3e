"""Classes that Python builds in a special way: dataclasses, enumerations, named tuples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard, cast

import libcst as cst

from forgather_lint.core.port import port_of
from forgather_lint.core.source import Place
from forgather_lint.libraries.names import CONFIG
from forgather_lint.libraries.stdlib.enumerations import member_of
from forgather_lint.libraries.stdlib.modules import copied
from forgather_lint.libraries.stdlib.named_tuples import construct_tuple
from forgather_lint.libraries.transformers.field_validators import (
    FIELD,
    VALIDATORS,
    validated_field,
)
from forgather_lint.libraries.transformers.strict import (
    check_strict,
    is_strict,
    refuse_positional,
)
from forgather_lint.python.interpreter import attributes, stores
from forgather_lint.python.interpreter.binding import Signature
from forgather_lint.python.interpreter.classes import OrderEntry, find_member, is_subclass, order_of
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.values.objects import ClassValue, FunctionValue, Instance
from forgather_lint.python.values.type_names import is_plain
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    DictValue,
    External,
    ListValue,
    TupleValue,
    Unknown,
    Value,
    known,
    next_serial,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@op("torch.autograd.Function.apply")
def apply(site: Site, *arguments: Value, **options: Value) -> Value:
    """An unknown value: functions with a gradient of their own are not followed."""
    return site.unknown("autograd-function")


_FIELD_BASES = ("transformers.ModelOutput", "typing.NamedTuple", "typing.TypedDict")


def construct_special(
    machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
) -> Value | None:
    """An instance of a class whose `__init__` is generated; None for any other class."""
    if is_subclass(machine, cls, External("enum.Enum")):
        return member_of(machine, cls, arguments, where)
    init = find_member(machine, cls, "__init__")
    is_written = init is not None and isinstance(init.value, FunctionValue)
    if init is not None and is_written and not _is_hidden(machine, cls, init.owner):
        return None
    named = construct_tuple(machine, cls, arguments, where)
    if named is not None:
        return named
    if _is_dataclass(machine, cls):
        return _construct_dataclass(machine, cls, arguments, where)
    if is_subclass(machine, cls, External(CONFIG)):
        return _construct_config(machine, cls, arguments, where)
    return None


def _is_hidden(machine: Machine, cls: ClassValue, owner: OrderEntry) -> bool:
    """Whether `dataclass` makes an `__init__` that stands before the one of `owner`."""
    for entry in order_of(machine, cls):
        if entry is owner:
            return False
        if isinstance(entry, ClassValue) and names_pythons(entry):
            return option_of(entry, "init", True) is True
    return False


def _is_dataclass(machine: Machine, cls: ClassValue) -> bool:
    if any(is_subclass(machine, cls, External(base)) for base in _FIELD_BASES):
        return True
    return any(
        isinstance(entry, ClassValue) and any(map(_names_dataclass, entry.decorators))
        for entry in order_of(machine, cls)
    )


def _names_dataclass(decorator: Value) -> bool:
    if isinstance(decorator, Unknown):
        return "dataclass" in decorator.detail
    return isinstance(decorator, External) and decorator.name.endswith("dataclass")


def fields_of(machine: Machine, cls: ClassValue) -> list[str]:
    """The fields of `cls` and its bases: annotated class attributes, as dataclasses count them."""
    return [name for name, kind in declared_in(machine, cls).items() if kind not in _NO_FIELDS]


_NO_FIELDS = ("ClassVar", "InitVar", "KW_ONLY")
"""Annotations of attributes that are no fields (dataclasses.py, `_get_field`)."""


def declared_in(machine: Machine, cls: ClassValue) -> dict[str, str]:
    """The annotated class attributes of `cls` and its bases, with names of their annotations."""
    found: dict[str, str] = {}
    bases = (*_FIELD_BASES, CONFIG)
    decorated = all(is_subclass(machine, cls, External(base)) is False for base in bases)
    for entry in reversed(order_of(machine, cls)):
        if not isinstance(entry, ClassValue) or (decorated and not entry.decorators):
            continue
        if entry.node is not None:
            found.update(_annotated(entry.node))
    return found


@op("dataclasses.fields")
def fields_listed(site: Site, class_or_instance: Value) -> Value:
    """A `Field` for each field, of which only the name is modelled."""
    cls = class_or_instance
    cls = cls.cls if isinstance(cls, Instance) else cls
    if not isinstance(cls, ClassValue):
        return site.unknown("unknown-dataclass")
    machine = machine_of(site)
    if any(isinstance(each, Unknown) for each in order_of(machine, cls)):
        return site.unknown("unknown-dataclass")
    if all(isinstance(each, ClassValue) and not each.decorators for each in order_of(machine, cls)):
        text = "must be called with a dataclass type or instance"
        raise Raised("TypeError", text, site.where)
    named = [{"name": known(name)} for name in fields_of(machine, cls)]
    return TupleValue(tuple(Instance(FIELD, each, site.where) for each in named))


_DEFAULT, _FACTORY = "default", "default_factory"


_FIELD_OPTIONS = frozenset("init repr hash compare metadata kw_only doc".split())
_OF_INIT = frozenset(("init", "kw_only", "doc"))
"""Options that change what `__init__` takes, or that not every Python has."""


@op("dataclasses.field")
def field_(
    site: Site, *, default: Value | None = None, default_factory: Value | None = None, **more: Value
) -> Value:
    """The default of a field: the value, or a marker for what makes one for each instance."""
    for name in more:
        if name not in _FIELD_OPTIONS:
            text = f"field() got an unexpected keyword argument '{name}'"
            raise Raised("TypeError", text, site.where)
    if (
        default is not None
        and default_factory is not None
        and not _MISSING
        & {each.name for each in (default, default_factory) if isinstance(each, External)}
    ):
        text = "cannot specify both default and default_factory"
        raise Raised("ValueError", text, site.where)
    if _OF_INIT & set(more):
        return site.unknown("unmodelled-call")
    metadata = more.get("metadata")
    validator = metadata.items.get("validator") if isinstance(metadata, DictValue) else None
    if validator is not None:
        given = {_DEFAULT: default, _FACTORY: default_factory}
        held = {name: value for name, value in given.items() if value is not None}
        return validated_field(site, validator, **held)
    if default is not None:
        return default
    made = {} if default_factory is None else {_FACTORY: default_factory}
    return Instance(FIELD, made, site.where)


_MISSING = frozenset(("dataclasses.MISSING",))


_OPTIONS = frozenset(
    "init repr eq order unsafe_hash frozen match_args kw_only slots weakref_slot".split()
)


@op("dataclasses.dataclass")
def dataclass_(site: Site, *decorated: Value, **options: Value) -> Value:
    """The decorator with its options, which are read where the class is asked for them."""
    for name in options:
        if name not in _OPTIONS:
            text = f"dataclass() got an unexpected keyword argument '{name}'"
            raise Raised("TypeError", text, site.where)
    return site.unknown("unmodelled-call") if decorated else External(site.name)


@op("dataclasses.asdict")
def asdict(site: Site, obj: Value, *, dict_factory: Value = NONE) -> Value:
    """The fields of `obj` by name, copied; nested data classes become dicts as well."""
    if is_plain(obj):
        text = "asdict() should be called on dataclass instances"
        raise Raised("TypeError", text, site.where)
    if dict_factory is not NONE or not _declares_fields(machine_of(site), obj):
        return site.unknown("unmodelled-call")
    return _as_dict(site, obj, _DEEPEST)


_DEEPEST = 50
"""The deepest nesting of data classes and containers that is followed."""


def _declares_fields(machine: Machine, value: Value) -> bool:
    return (
        isinstance(value, Instance)
        and isinstance(value.cls, ClassValue)
        and _is_dataclass(machine, value.cls)
        and not any(isinstance(each, Unknown) for each in order_of(machine, value.cls))
        and not any(is_subclass(machine, value.cls, External(base)) for base in _FIELD_BASES)
    )


def _as_dict(site: Site, value: Value, room: int) -> Value:
    machine = machine_of(site)
    site.evaluator.budget.spend(1)
    if not room:
        return site.unknown("unmodelled-call")

    def inner(item: Value) -> Value:
        return _as_dict(site, item, room - 1)

    if isinstance(value, Instance) and _declares_fields(machine, value):
        names = fields_of(machine, cast("ClassValue", value.cls))
        return DictValue(
            {name: inner(attributes.read(machine, value, name, site.where)) for name in names}
        )
    match value:
        case ListValue():
            return ListValue([inner(item) for item in value.items], value.rest)
        case TupleValue():
            return replace(value, items=tuple(map(inner, value.items)))
        case DictValue():
            items = {key: inner(item) for key, item in value.items.items()}
            kept = dict(value.keys)
            return replace(value, items=items, keys=kept, serial=next_serial(), writes=0)
    return copied(value, {}, deep=True)


def _annotated(node: cst.ClassDef) -> dict[str, str]:
    lines = (line for line in node.body.body if isinstance(line, cst.SimpleStatementLine))
    return {
        small.target.value: _annotation_name(small.annotation.annotation)
        for line in lines
        for small in line.body
        if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name)
    }


def _annotation_name(annotation: cst.BaseExpression) -> str:
    """The last part of the name of a type, without parameters; also where it is quoted."""
    if isinstance(annotation, cst.Subscript):
        return _annotation_name(annotation.value)
    if isinstance(annotation, cst.Attribute):
        return annotation.attr.value
    if isinstance(annotation, cst.SimpleString):
        text = str(annotation.evaluated_value)
        return text.partition("[")[0].rpartition(".")[2].strip()
    return annotation.value if isinstance(annotation, cst.Name) else ""


def _construct_dataclass(
    machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
) -> Value:
    instance = Instance(cls, {}, where)
    declared = declared_in(machine, cls)
    taken = [name for name, kind in declared.items() if kind not in ("ClassVar", "KW_ONLY")]
    by_position, of_fields = taken, cls
    if is_made_by_python(machine, cls):
        of_fields = next(e for e in order_of(machine, cls) if _is_decorated(e))
        signature = _signature(machine, of_fields, taken)
        if signature is None:
            return Unknown("unmodelled-class", where, cls.name)
        signature.check(arguments, where)
        by_position = list(signature.positional)
    given = {**dict(zip(by_position, arguments.positional, strict=False)), **arguments.keywords}
    handed_on: list[Value] = []
    for name in taken:
        value = given.pop(name, None) or _field_default(machine, of_fields, name, where)
        if declared[name] == "InitVar":
            handed_on.append(value)
        else:
            stores.store(machine, instance, name, value, where)
    if _has_unread_fields(machine, cls):
        for name, value in given.items():
            stores.store(machine, instance, name, value, where)
    elif given:
        text = f"{cls.name}.__init__() got an unexpected keyword argument '{next(iter(given))}'"
        raise Raised("TypeError", text, where)
    call_post_init(machine, instance, Arguments(handed_on), where)
    return instance


def is_made_by_python(machine: Machine, cls: ClassValue) -> bool:
    """Whether `dataclasses.dataclass` alone makes the fields and the constructor of `cls`."""
    order = order_of(machine, cls)
    if any(isinstance(each, Unknown) for each in order) or option_of(cls, "init", True) is not True:
        return False
    if any(is_subclass(machine, cls, External(base)) for base in (*_FIELD_BASES, CONFIG)):
        return False
    classes = [each for each in order if isinstance(each, ClassValue)]
    by_python = [each for each in classes if names_pythons(each)]
    return bool(by_python) and all(each in by_python or not each.decorators for each in classes)


def _is_decorated(entry: OrderEntry) -> TypeGuard[ClassValue]:
    return isinstance(entry, ClassValue) and names_pythons(entry)


def names_pythons(cls: ClassValue) -> bool:
    """Whether the one decorator of `cls` is that of the module `dataclasses`."""
    if len(cls.decorators) != 1:
        return False
    (decorator,) = cls.decorators
    name = decorator.detail if isinstance(decorator, Unknown) else ""
    name = decorator.name if isinstance(decorator, External) else name
    return name == "dataclasses.dataclass"


def _signature(machine: Machine, cls: ClassValue, taken: list[str]) -> Signature | None:
    """The parameters of the constructor that `dataclass` makes; None where they are not known."""
    by_name: dict[str, bool] = {}
    for entry in reversed(order_of(machine, cls)):
        if not _is_decorated(entry):
            continue
        if entry.node is not None and _declares_by_condition(entry.node):
            return None
        by_name_only = option_of(entry, "kw_only")
        if by_name_only is None:
            return None
        for name, kind in _annotated(entry.node).items() if entry.node is not None else ():
            by_name_only = by_name_only or kind == "KW_ONLY"
            by_name[name] = by_name_only
    if any(_is_of_field(machine, cls, name) for name in taken):
        return None
    return Signature(
        f"{cls.name}.__init__()",
        tuple(name for name in taken if not by_name[name]),
        tuple(name for name in taken if by_name[name]),
        frozenset(name for name in taken if has_default(machine, cls, name) is not False),
    )


def _is_of_field(machine: Machine, cls: ClassValue, name: str) -> bool:
    """Whether a field is made by a call of `field` that is not known to take part in `__init__`."""
    member = find_member(machine, cls, name)
    value = member.value if member is not None else None
    return isinstance(value, Unknown) and value.detail == "dataclasses.field"


def _declares_by_condition(node: cst.ClassDef) -> bool:
    """Whether an annotation stands inside another statement of the body of a class."""
    plain = cst.SimpleStatementLine | cst.FunctionDef | cst.ClassDef
    found = _Annotations()
    for line in node.body.body:
        if not isinstance(line, plain):
            line.visit(found)
    return found.any


class _Annotations(cst.CSTVisitor):
    """Looks for an annotated name."""

    def __init__(self) -> None:
        super().__init__()
        self.any = False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self.any = True

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return False


def has_default(machine: Machine, cls: ClassValue, name: str) -> bool | None:
    """Whether a field has a default; None where that is not known."""
    member = find_member(machine, cls, name)
    value = member.value if member is not None else None
    if isinstance(value, Instance) and value.cls == FIELD:
        return bool({_DEFAULT, _FACTORY, VALIDATORS} & set(value.attributes))
    return None if isinstance(value, Unknown) else value is not None


def option_of(cls: ClassValue, option: str, default: bool = False) -> bool | None:
    """What the decorator of `cls` is told of `option`; None where that is not a constant."""
    calls = [each.decorator for each in cls.node.decorators] if cls.node is not None else []
    for argument in (each for call in calls if isinstance(call, cst.Call) for each in call.args):
        if argument.star:
            return None
        if argument.keyword is not None and argument.keyword.value == option:
            value = argument.value.value if isinstance(argument.value, cst.Name) else ""
            return {"True": True, "False": False}.get(str(value))
    return default


def _has_unread_fields(machine: Machine, cls: ClassValue) -> bool:
    """Whether a base declares fields in a source that is not read, as model outputs do."""
    return is_subclass(machine, cls, External("transformers.ModelOutput")) is True


def _field_default(machine: Machine, cls: ClassValue, name: str, where: Place) -> Value:
    member = find_member(machine, cls, name)
    if member is None:
        return Unknown("field-without-value", where, name)
    return _of_field(machine, member.value, where)


def _of_field(machine: Machine, value: Value, where: Place) -> Value:
    """The default that a class attribute stands for."""
    if not isinstance(value, Instance) or value.cls != FIELD:
        return value
    if _DEFAULT in value.attributes:
        return value.attributes[_DEFAULT]
    factory = value.attributes.get(_FACTORY)
    if factory is None:
        return Unknown("field-without-value", where)
    return machine.call(factory, Arguments(), where)


def generated_below(machine: Machine, cls: ClassValue | External) -> list[ClassValue]:
    """The classes that come after the last one in the order of `cls` with its own `__init__`.

    From transformers 5.4 on the first of them has a generated one; before that the result is empty.
    """
    if not machine.environment.fields_generated:
        return []
    found: list[ClassValue] = []
    for entry in order_of(machine, cls):
        if isinstance(entry, ClassValue):
            found = [] if "__init__" in entry.namespace else [*found, entry]
    return found


def set_fields(
    machine: Machine, instance: Instance, cls: ClassValue, given: Mapping[str, Value], where: Place
) -> dict[str, Value]:
    """Set the fields of `cls`, given or not; returns the rest of `given`."""
    left = dict(given)
    for name in fields_of(machine, cls):
        value = left.pop(name, None) or _config_default(machine, cls, name)
        if value is not None:
            machine.set_attribute(instance, name, value, where)
    return left


@port_of("transformers/configuration_utils.py", "__init_subclass__")
def _construct_config(
    machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
) -> Value:
    """A config of transformers 5: sets annotated fields, then calls `__post_init__` with the rest.

    Source: transformers/configuration_utils.py, `PreTrainedConfig.__init_subclass__`, which makes
    every subclass without an `__init__` of its own a dataclass that accepts further keywords.
    """
    refuse_positional(machine, cls.name, len(arguments.positional), where)
    instance = Instance(cls, {}, where)
    left_over = set_fields(machine, instance, cls, arguments.keywords, where)
    call_post_init(machine, instance, Arguments([], left_over, arguments.rest), where)
    if is_strict(cls) and machine.environment.fields_generated:
        check_strict(machine, instance, cls, where)
    return instance


def _config_default(machine: Machine, cls: ClassValue, name: str) -> Value | None:
    """The default of a config field, copied when it is a list or dict; None if it has none."""
    for entry in order_of(machine, cls):
        if isinstance(entry, ClassValue) and name in entry.namespace:
            value = entry.namespace[name]
            return _of_field(machine, _default_of_wrapper(value), cls.where)
    return None


def _default_of_wrapper(value: Value) -> Value:
    """The default inside `interval(...)(default=0.02)` or `field(default=...)`."""
    if isinstance(value, Unknown):
        return Unknown("field-without-value", value.where)
    return value


def call_post_init(
    machine: Machine, instance: Instance, arguments: Arguments, where: Place
) -> None:
    """`instance.__post_init__(...)`, where there is one."""
    member = find_member(machine, instance.cls, "__post_init__")
    if member is None or isinstance(member.value, Unknown):
        return
    bound = attributes.bind(machine, member, instance, instance.cls)
    machine.call(bound, arguments, where)
