"""Named tuples: classes whose base is `NamedTuple`, and those that `namedtuple` makes.

Their objects are tuples that know their class. Sources: Lib/typing.py, `NamedTupleMeta`, and
Lib/collections/__init__.py, `namedtuple`.
"""

from __future__ import annotations

from collections.abc import Mapping
from keyword import iskeyword
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.source import Place
from forgather_lint.python.interpreter.binding import Signature
from forgather_lint.python.interpreter.classes import annotated_names, find_member, order_of
from forgather_lint.python.interpreter.dispatch import machine_of
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.library import Site, op
from forgather_lint.python.interpreter.slots import SLOTS
from forgather_lint.python.values.objects import (
    ClassMethod,
    ClassValue,
    FunctionValue,
    Instance,
    Namespace,
    Scope,
)
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    DictValue,
    External,
    Known,
    ListValue,
    NamedTupleValue,
    TupleValue,
    Unknown,
    Value,
    known,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

NAMED_TUPLE = External("typing.NamedTuple")
_PROHIBITED = frozenset(
    "__new__ __init__ __slots__ __getnewargs__ _fields _field_defaults _field_types _make "
    "_replace _asdict _source".split()
)
_FIELDS, _DEFAULTS, _NEW = "_fields", "_field_defaults", "__new__"
_OF_TUPLES = frozenset("__repr__ __str__ __module__ __qualname__ __doc__ __slots__".split())
"""Members of a class that change nothing of what the interpreter does with a tuple."""


def finish(machine: Machine, cls: ClassValue) -> None:
    """Give a class whose base is `NamedTuple` what Python gives it; raise what it refuses."""
    if NAMED_TUPLE not in cls.bases or cls.node is None:
        return
    names = annotated_names(cls.node)
    defaults: list[str] = []
    for name in names:
        if name.startswith("_"):
            text = f"Field names cannot start with an underscore: '{name}'"
            raise Raised("ValueError", text, cls.where)
        if name in cls.namespace:
            defaults.append(name)
        elif defaults:
            before = f"field{'s' if len(defaults) > 1 else ''} {', '.join(defaults)}"
            text = f"Non-default namedtuple field {name} cannot follow default {before}"
            raise Raised("TypeError", text, cls.where)
    for name in cls.namespace:
        if name in _PROHIBITED:
            text = f"Cannot overwrite NamedTuple attribute {name}"
            raise Raised("AttributeError", text, cls.where)
    given: dict[str, Value] = {
        _FIELDS: TupleValue(tuple(map(known, names))),
        _DEFAULTS: DictValue({name: cls.namespace[name] for name in defaults}),
        _NEW: Instance(External("builtins.object"), {}, cls.where),
        "_make": ClassMethod(External("typing.NamedTuple._make")),
        SLOTS: TupleValue(()),
    }
    readers = {name: Unknown("unmodelled-attribute", cls.where, name) for name in names}
    for name, value in (given | readers).items():
        machine.trail.set_key(cls.namespace, name, value)


def construct_tuple(
    machine: Machine, cls: ClassValue, arguments: Arguments, where: Place
) -> Value | None:
    """`cls(...)` of a named tuple that is one in all that it does; None for any other class."""
    order = order_of(machine, cls)
    own = next((e for e in order if isinstance(e, ClassValue) and NAMED_TUPLE in e.bases), None)
    if own is None or any(isinstance(each, Unknown) for each in order):
        return None
    if any(_has_way_of_its_own(each) for each in order if isinstance(each, ClassValue)):
        return None
    names = _names(machine, own)
    defaults = _defaults(own, names)
    if defaults is None:
        return Unknown("unmodelled-class", where, cls.name)
    signature = Signature(f"{own.name}.__new__()", names, (), frozenset(defaults))
    signature.check(arguments, where)
    unknown = Unknown("unknown-arguments", where, cls.name)
    given = {**dict(zip(names, arguments.positional, strict=False)), **arguments.keywords}
    left = defaults if arguments.rest is None else {}
    items = tuple(given.get(name) or left.get(name) or unknown for name in names)
    return NamedTupleValue(items, names, cls)


def _has_way_of_its_own(cls: ClassValue) -> bool:
    return any(
        name.startswith("__") and name.endswith("__") and isinstance(value, FunctionValue)
        for name, value in cls.namespace.items()
        if name not in _OF_TUPLES
    )


def _names(machine: Machine, cls: ClassValue) -> tuple[str, ...]:
    member = find_member(machine, cls, _FIELDS)
    items = member.value.items if member and isinstance(member.value, TupleValue) else ()
    return tuple(str(each.value) for each in items if isinstance(each, Known))


def _defaults(cls: ClassValue, names: tuple[str, ...]) -> Mapping[str, Value] | None:
    """The default of each field, of which `__new__.__defaults__` may be set; None: not known."""
    new, own = cls.namespace.get(_NEW), cls.namespace.get(_DEFAULTS)
    given = new.attributes.get("__defaults__") if isinstance(new, Instance) else None
    if given is None and isinstance(own, DictValue):
        return {str(name): value for name, value in own.items.items()}
    if not isinstance(given, TupleValue) or len(given.items) > len(names):
        return None
    return dict(zip(names[len(names) - len(given.items) :], given.items, strict=True))


@op("typing.NamedTuple._replace")
def replaced(site: Site, self: Value, /, **given: Value) -> Value:
    """`self` with other values of some fields."""
    if not isinstance(self, NamedTupleValue):
        return site.unknown("unmodelled-call")
    other = [name for name in given if name not in self.names]
    if other:
        raise Raised("ValueError", f"Got unexpected field names: {other!r}", site.where)
    pairs = zip(self.names, self.items, strict=True)
    items = tuple(given.get(name, value) for name, value in pairs)
    return NamedTupleValue(items, self.names, self.cls)


@op("typing.NamedTuple._asdict")
def as_dict(site: Site, self: Value) -> Value:
    """The values of the fields by name."""
    if not isinstance(self, NamedTupleValue):
        return site.unknown("unmodelled-call")
    return DictValue(dict(zip(self.names, self.items, strict=True)))


@op("typing.NamedTuple._make")
def make(site: Site, cls: Value, iterable: Value) -> Value:
    """An object of `cls` with these values."""
    items, rest = site.evaluator.items_of(iterable, site.where)
    if rest is not None or not isinstance(cls, ClassValue):
        return rest or site.unknown("unmodelled-call")
    return site.evaluator.call(cls, Arguments(items), site.where)


@op("collections.namedtuple")
def namedtuple(
    site: Site,
    typename: Value,
    field_names: Value,
    *,
    rename: Value | None = None,
    defaults: Value = NONE,
    module: Value = NONE,
) -> Value:
    """The class that is made, as if its body were written."""
    title = typename.value if isinstance(typename, Known) else None
    names = _listed(field_names)
    least = tuple(defaults.items) if isinstance(defaults, TupleValue | ListValue) else ()
    told = names is not None and len(set(names)) == len(names) and len(least) <= len(names)
    all_told = (
        told
        and rename is None
        and (defaults == NONE or isinstance(defaults, TupleValue | ListValue))
        and not (isinstance(defaults, ListValue) and defaults.rest is not None)
    )
    if not all_told or names is None or not isinstance(title, str):
        return site.unknown("unmodelled-call")
    if not all(each.isidentifier() and not iskeyword(each) for each in (title, *names)):
        return site.unknown("unmodelled-call")
    if any(each.startswith("_") for each in names):
        return site.unknown("unmodelled-call")
    body = "".join(f"    {name}: object\n" for name in names) or "    pass\n"
    node = cst.parse_statement(f"class {title}(NamedTuple):\n{body}")
    assert isinstance(node, cst.ClassDef)
    made = ClassValue(
        name=title,
        qualified=f"collections.{title}",
        bases=(NAMED_TUPLE,),
        namespace=dict(zip(names[len(names) - len(least) :], least, strict=True)),
        node=node,
        where=site.where,
        scope=Scope({}, None, Namespace("collections", {})),
    )
    finish(machine_of(site), made)
    return made


def _listed(names: Value) -> list[str] | None:
    """The field names of `namedtuple`: a text or a list of texts."""
    if isinstance(names, Known) and isinstance(names.value, str):
        return names.value.replace(",", " ").split()
    if not isinstance(names, TupleValue | ListValue) or getattr(names, "rest", None) is not None:
        return None
    texts = [each.value for each in names.items if isinstance(each, Known)]
    found = [each for each in texts if isinstance(each, str)]
    return found if len(found) == len(names.items) else None
