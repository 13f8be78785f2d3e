"""Class statements, method resolution order, and the lookup of members."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.documents.python import NodePlace
from forgather_lint.python.interpreter.dispatch import statement
from forgather_lint.python.interpreter.frame import (
    SOURCE_NOT_HERE,
    Completion,
    Frame,
    Raised,
    private,
)
from forgather_lint.python.interpreter.functions import adopt_methods
from forgather_lint.python.interpreter.names import bind_name
from forgather_lint.python.interpreter.slots import check_slots
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassMethod,
    ClassValue,
    Instance,
    Scope,
)
from forgather_lint.python.values.value import Arguments, Builtin, External, Unknown, Value

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

AnyClass = ClassValue | External
BUILTIN_BASE = "builtin-base-class"
"""The reason where a base is a class of Python itself, such as `int`, which `detail` names."""
OrderEntry = ClassValue | External | Unknown


@statement(cst.ClassDef)
def class_statement(machine: Machine, node: cst.ClassDef, frame: Frame) -> Completion:
    decorators = tuple(machine.evaluate(each.decorator, frame) for each in node.decorators)
    bases = tuple(machine.evaluate(argument.value, frame) for argument in node.bases)
    keywords = {
        each.keyword.value: machine.evaluate(each.value, frame)
        for each in node.keywords
        if each.keyword is not None
    }
    if isinstance(keywords.pop("metaclass", None), ClassValue):
        bases = (*bases, Unknown("metaclass", frame.place(node.name), node.name.value))
    body_scope = Scope({}, frame.scope, frame.scope.namespace, of_class=True)
    namespace = frame.scope.namespace
    cls = ClassValue(
        name=node.name.value,
        qualified=f"{namespace.name}.{node.name.value}",
        bases=tuple(base for base in bases if base != Builtin("object")),
        namespace=body_scope.names,
        node=node,
        where=frame.place(node.name),
        scope=frame.scope,
        decorators=decorators,
    )
    _check_builtin_bases(cls, bases)
    _check_generic_base(cls, node)
    _check_bases(machine, cls)
    machine.execute(node.body.body, Frame(body_scope, frame.file))
    adopt_methods(cls)
    check_slots(cls)
    machine.library.on_defined(machine, cls)
    _hide_private(machine, cls)
    _note_places(cls, node, frame)
    _tell_base(machine, cls, keywords)
    made: Value = cls
    for decorator in reversed(decorators):
        made = _decorated(machine, decorator, made, frame.place(node))
    bind_name(machine, frame, node.name.value, made)
    return None


def _check_bases(machine: Machine, cls: ClassValue) -> None:
    """Raise what Python does for bases that cannot stand beside each other."""
    bases = [
        base
        for base in cls.bases
        if isinstance(base, ClassValue)
        or (isinstance(base, External) and base.name.startswith(_TORCH))
    ]
    for i, base in enumerate(bases):
        if any(_equal(base, other) for other in bases[:i]):
            name = base.name.rpartition(".")[2]
            raise Raised("TypeError", f"duplicate base class {name}", cls.where)
    before = [base for i, base in enumerate(bases) if _is_below(machine, bases[i + 1 :], base)]
    if before:
        listed = ", ".join(base.name.rpartition(".")[2] for base in bases)
        text = "Cannot create a consistent method resolution order (MRO) for bases"
        raise Raised("TypeError", f"{text} {listed}", cls.where)


def _check_builtin_bases(cls: ClassValue, bases: tuple[Value, ...]) -> None:
    """Raise what Python does for classes of its own that none can be derived from together."""
    named = [getattr(builtins, each.name, None) for each in bases if isinstance(each, Builtin)]
    classes = tuple(each for each in named if isinstance(each, type))
    if not classes or len(classes) < len(bases):
        return
    try:
        type(cls.name, classes, {})
    except TypeError as error:
        raise Raised("TypeError", str(error), cls.where) from None


def _check_generic_base(cls: ClassValue, node: cst.ClassDef) -> None:
    """Raise what Python does for `Generic` without parameters; with them it is the same value."""
    for written, base in zip(node.bases, cls.bases, strict=False):
        if base != External("typing.Generic") or not isinstance(written.value, _NAMED):
            continue
        name = written.value.attr if isinstance(written.value, cst.Attribute) else written.value
        if name.value == "Generic":
            raise Raised("TypeError", "Cannot inherit from plain Generic", cls.where)


_NAMED = cst.Name | cst.Attribute


def _is_below(machine: Machine, classes: Iterable[AnyClass], base: AnyClass) -> bool:
    """Whether one of `classes` derives from `base`, which stands before them."""
    return any(_equal(each, base) for cls in classes for each in order_of(machine, cls))


def _hide_private(machine: Machine, cls: ClassValue) -> None:
    """Rename members: what the body of class `C` calls `__x` is the attribute `_C__x`."""
    for name in list(cls.namespace):
        hidden = private(name, cls.name)
        if hidden != name:
            machine.trail.set_key(cls.namespace, hidden, cls.namespace[name])
            machine.trail.delete_key(cls.namespace, name)


def _tell_base(machine: Machine, cls: ClassValue, keywords: dict[str, Value]) -> None:
    """Run `__init_subclass__` of a base whose source was read."""
    member = find_member(machine, cls, "__init_subclass__", after=cls)
    if member is not None and isinstance(member.value, ClassMethod):
        method = BoundMethod(cls, member.value.function)
        machine.call(method, Arguments([], keywords), cls.where)


def _decorated(machine: Machine, decorator: Value, made: Value, where: Place) -> Value:
    """What a class decorator returns; one whose source is not known returns the class."""
    if isinstance(decorator, External | Unknown | Builtin):
        return made
    result = machine.call(decorator, Arguments([made]), where)
    return made if isinstance(result, Unknown) else result


def _note_places(cls: ClassValue, node: cst.ClassDef, frame: Frame) -> None:
    """Record the place at which each class attribute is assigned."""
    for name, target in assigned_names(node.body):
        cls.places[name] = NodePlace(frame.file, target)


def assigned_names(body: cst.BaseSuite) -> Iterator[tuple[str, cst.CSTNode]]:
    """The names that simple assignments in a class body bind, each with its assignment."""
    for line in body.body:
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.Assign):
                targets = [target.target for target in small.targets]
            elif isinstance(small, cst.AnnAssign) and small.value is not None:
                targets = [small.target]
            else:
                continue
            yield from ((each.value, small) for each in targets if isinstance(each, cst.Name))


def annotated_names(node: cst.ClassDef) -> tuple[str, ...]:
    """The names that stand with an annotation in a class body, in order."""
    lines = (line for line in node.body.body if isinstance(line, cst.SimpleStatementLine))
    parts = (part for line in lines for part in line.body if isinstance(part, cst.AnnAssign))
    targets = (part.target for part in parts)
    return tuple(dict.fromkeys(each.value for each in targets if isinstance(each, cst.Name)))


def annotation_of(cls: ClassValue, name: str) -> str | None:
    """The annotation, if it is a name, of `name: Annotation` in the body of `cls`; else None."""
    annotation = annotated(cls, name)
    return _annotated_name(annotation) if annotation is not None else None


def annotated(cls: ClassValue, name: str) -> cst.BaseExpression | None:
    """What stands as annotation of `name`, to which the body of `cls` assigns nothing."""
    for line in cls.node.body.body if cls.node is not None else ():
        for small in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(small, cst.AnnAssign) and small.value is None:
                target, annotation = small.target, small.annotation.annotation
                if isinstance(target, cst.Name) and target.value == name:
                    return annotation
    return None


def _annotated_name(annotation: cst.BaseExpression) -> str | None:
    if isinstance(annotation, cst.SimpleString):
        return str(annotation.evaluated_value)
    return annotation.value if isinstance(annotation, cst.Name) else None


@record
class Member:
    """A member that a lookup found, and the class that it was found in."""

    owner: OrderEntry
    value: Value


def order_of(machine: Machine, cls: AnyClass) -> tuple[OrderEntry, ...]:
    """The method resolution order of `cls`; library classes are in it by name."""
    if isinstance(cls, External):
        lineage = machine.library.lineage(cls.name)
        if lineage is None:
            return (cls, Unknown("unmodelled-class", detail=cls.name))
        return _external(lineage)
    cached = cls.order
    if cached is None:
        cached = cls.order = (cls, *_merge_bases(machine, cls))
    return cached


def library_bases(machine: Machine, cls: AnyClass) -> frozenset[str]:
    """The names of the library classes that `cls` derives from, itself included."""
    if isinstance(cls, External):
        return _bases_named(machine.library.lineage(cls.name) or (cls.name,))
    found = cls.library_bases
    if found is None:
        found = cls.library_bases = _named(order_of(machine, cls))
    return found


@lru_cache(maxsize=1024)
def _bases_named(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(names)


def _named(order: Iterable[OrderEntry]) -> frozenset[str]:
    return frozenset(each.name for each in order if isinstance(each, External))


@lru_cache(maxsize=1024)
def _external(names: tuple[str, ...]) -> tuple[External, ...]:
    return tuple(map(External, names))


_PER_STEP = 20
"""How many entries of an order are compared for one step of the budget."""


def _merge_bases(machine: Machine, cls: ClassValue) -> tuple[OrderEntry, ...]:
    """The C3 linearisation; for inconsistent bases, each class at its first occurrence."""
    bases: list[OrderEntry] = [_as_base(base, cls) for base in cls.bases]
    if len(bases) == 1:
        return _line(machine, bases[0])
    lines = [list(_line(machine, base)) for base in bases] + [bases]
    merged: list[OrderEntry] = []
    while any(lines):
        machine.budget.spend(1 + sum(map(len, lines)) // _PER_STEP)
        head = _next_head([line for line in lines if line])
        merged.append(head)
        lines = [[each for each in line if not _equal(each, head)] for line in lines]
    return tuple(merged)


def _next_head(lines: list[list[OrderEntry]]) -> OrderEntry:
    for line in lines:
        if not any(_equal(line[0], later) for other in lines for later in other[1:]):
            return line[0]
    return lines[0][0]


def _equal(left: OrderEntry, right: OrderEntry) -> bool:
    return left is right or (isinstance(left, External) and left == right)


def _line(machine: Machine, base: OrderEntry) -> tuple[OrderEntry, ...]:
    return (base,) if isinstance(base, Unknown) else order_of(machine, base)


def _as_base(base: Value, cls: ClassValue) -> OrderEntry:
    if isinstance(base, ClassValue | External):
        return base
    if isinstance(base, Unknown) and base.reason == SOURCE_NOT_HERE:
        return Unknown(SOURCE_NOT_HERE, cls.where, base.detail)
    if isinstance(base, Builtin):  # what its objects have, a list or an exception, is not followed
        return Unknown(BUILTIN_BASE, cls.where, base.name)
    return Unknown("unknown-base-class", cls.where)


def find_member(
    machine: Machine, cls: AnyClass, name: str, after: AnyClass | None = None
) -> Member | None:
    """The first member called `name` in the resolution order of `cls`, behind `after` when given.

    A library class has a member when the library knows the function `<class>.<name>`. At an unknown
    base the search ends with that `Unknown` as the member. None when there is no such member.
    """
    order = order_of(machine, cls)
    if after is not None:
        positions = [i for i, entry in enumerate(order) if _equal(entry, after)]
        order = order[positions[0] + 1 :] if positions else ()
    for entry in order:
        found = _own_member(machine, entry, name)
        if found is not None:
            return Member(entry, found)
    return None


def _own_member(machine: Machine, entry: OrderEntry, name: str) -> Value | None:
    if isinstance(entry, ClassValue):
        return entry.namespace.get(name)
    if isinstance(entry, Unknown):
        return entry if not name.startswith("__") else None
    if f"{entry.name}.{name}" in machine.environment.absent_members:
        return None
    return machine.library.member(machine, entry.name, name)


def is_of_python(machine: Machine, cls: AnyClass) -> bool:
    """Whether all that `cls` derives from was read, and no decorator or base adds a constructor."""
    order = order_of(machine, cls)
    return all(
        not e.decorators if isinstance(e, ClassValue) else e in _WITHOUT_CONSTRUCTOR for e in order
    )


_WITHOUT_CONSTRUCTOR = tuple(map(External, ("abc.ABC", "typing.Generic", "typing.Protocol")))


def surely_lacks(machine: Machine, instance: Instance, *members: str) -> bool:
    """Whether the class has none of `members`: all its bases were read or are modules of torch."""
    order = order_of(machine, instance.cls)
    of_torch = (each.name.startswith(_TORCH) for each in order if isinstance(each, External))
    if any(isinstance(each, Unknown) for each in order) or not all(of_torch):
        return False
    return all(find_member(machine, instance.cls, name) is None for name in members)


def is_generic(machine: Machine, cls: ClassValue) -> bool:
    """Whether `cls[...]` may be a type: a base, a member or a decorator may give it that."""
    for each in order_of(machine, cls):
        if isinstance(each, ClassValue):
            parameters = each.node.type_parameters if each.node is not None else None
            kept = all(map(machine.library.keeps, each.decorators))
            if parameters is not None or not kept or "__class_getitem__" in each.namespace:
                return True
        elif each not in _NOT_GENERIC:
            return True
    return False


_NOT_GENERIC = tuple(map(External, ("abc.ABC", "builtins.object", "torch.nn.Module")))


_TORCH = "torch.nn."


def is_same_class(one: AnyClass, other: AnyClass) -> bool:
    """Whether both are the same class, possibly from two runs of its file."""
    if isinstance(one, ClassValue) and isinstance(other, ClassValue):
        return one.qualified == other.qualified
    return one == other


def is_subclass(machine: Machine, cls: AnyClass, of: Value) -> bool | None:
    """`issubclass(cls, of)`; None when a base is unknown."""
    if of == Builtin("object"):
        return True
    order = order_of(machine, cls)
    if any(isinstance(of, ClassValue | External) and _equal(entry, of) for entry in order):
        return True
    return None if any(isinstance(entry, Unknown) for entry in order) else False
