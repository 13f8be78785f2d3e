"""Copies of objects that a loop builds many times.

The rounds of `for i in range(80): Layer(config, i)` differ only in a number that is stored. If
nothing compared that number in a way that would come out differently in another round, later rounds
copy what the first has built. That holds while everything the first has read is unchanged, and only
if it changed nothing but what it built.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING

from forgather_lint.core.record import record
from forgather_lint.python.values.joining import same
from forgather_lint.python.values.loop_index import alike
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassValue,
    FunctionValue,
    Instance,
    PartialCall,
)
from forgather_lint.python.values.value import (
    Arguments,
    Choice,
    Collection,
    DictValue,
    IterableValue,
    Known,
    ListValue,
    LoopIndex,
    SetValue,
    TensorValue,
    TupleValue,
    Value,
    next_serial,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine

Read = tuple[Instance, str]


@record(frozen=False)
class _ConstructorWatch:
    """A constructor that is running: the older objects that it has read, and what it read there.

    `met` has, for lists, dicts and sets, how often each had been written to.
    """

    born: int
    reads: dict[Read, Value | None] = field(default_factory=dict)
    met: dict[Collection, int] = field(default_factory=dict)


@record(eq=False)
class Template:
    """An instance as it was when its constructor had returned, and what it depended on.

    `parts` are the objects, lists, dicts and sets that were built with it. `reads` are attributes
    of older objects, `met` older lists, dicts and sets with the number of writes to them,
    `shared_writes` the number of writes to classes and modules until then.
    """

    arguments: Arguments
    loop: LoopIndex
    instance: Instance
    parts: frozenset[Instance | Collection]
    reads: Mapping[Read, Value | None]
    met: Mapping[Collection, int]
    shared_writes: int


@record(frozen=False, eq=False)
class LoopCopies:
    """The templates of one run, by class."""

    _templates: dict[ClassValue, list[Template]] = field(default_factory=dict)
    _running: list[_ConstructorWatch] = field(default_factory=list)

    def noticed(self, instance: Instance, name: str) -> None:
        """An attribute of `instance` is read."""
        for watch in self._running:
            if instance.serial < watch.born:
                value = instance.attributes.get(name)
                watch.reads.setdefault((instance, name), value)
                self.met(value)

    def met(self, value: Value | None) -> None:
        """`value` has been read from a name or an attribute."""
        if self._running and isinstance(value, Collection):
            for watch in self._running:
                if value.serial < watch.born:
                    watch.met.setdefault(value, value.writes)

    def build(
        self,
        machine: Machine,
        cls: ClassValue,
        arguments: Arguments,
        construct: Callable[[Arguments], Value],
    ) -> Value:
        """`construct(arguments)`, or a copy of an earlier instance that differs in one number."""
        index = _loop_argument(arguments)
        if index is None or index.loop is None or not isinstance(index.value, int):
            return construct(arguments)
        templates = self._templates.setdefault(cls, [])
        for template in templates:
            if _fits(machine, template, arguments, index.value):
                index.loop.observations.extend(template.loop.observations)
                for owner, name in template.reads:
                    self.noticed(owner, name)
                for each in template.met:
                    self.met(each)
                return _numbered(template, index)
        inner = LoopIndex(outer=index.loop)
        watch, written = _ConstructorWatch(next_serial()), machine.trail.outside_writes
        self._running.append(watch)
        try:
            with machine.trail.guarding(watch.born):
                built = construct(_with_loop(arguments, inner))
        finally:
            self._running.pop()
        index.loop.observations.extend(inner.observations)
        if isinstance(built, Instance) and machine.trail.outside_writes == written:
            made = _template(arguments, inner, built, watch, machine)
            templates += [made] if made is not None else []
        return built


def _loop_argument(arguments: Arguments) -> Known | None:
    """The argument that is a loop index, if exactly one is; else None."""
    found = [v for v in arguments.all() if isinstance(v, Known) and _is_index(v)]
    return found[0] if len(found) == 1 and arguments.rest is None else None


def _with_loop(arguments: Arguments, loop: LoopIndex) -> Arguments:
    def watched(value: Value) -> Value:
        return Known(value.value, loop) if isinstance(value, Known) and _is_index(value) else value

    return Arguments(
        [watched(value) for value in arguments.positional],
        {name: watched(value) for name, value in arguments.keywords.items()},
    )


def _fits(machine: Machine, template: Template, arguments: Arguments, index: int) -> bool:
    ours, theirs = template.arguments, arguments
    if len(ours.positional) != len(theirs.positional):
        return False
    if list(ours.keywords) != list(theirs.keywords):
        return False
    if template.shared_writes != machine.trail.shared_writes:
        return False
    pairs = zip(ours.all(), theirs.all(), strict=True)
    return (
        all(map(_interchangeable, *zip(*pairs, strict=True)))
        and alike(template.loop, index)
        and all(owner.attributes.get(name) is was for (owner, name), was in template.reads.items())
        and all(each.writes == before for each, before in template.met.items())
    )


def _interchangeable(one: Value, other: Value) -> bool:
    if isinstance(one, Known) and isinstance(other, Known) and _is_index(one) and _is_index(other):
        return True
    return same(one, other)


def _is_index(value: Known) -> bool:
    return value.loop is not None and not value.loop.handed_on


def _template(
    arguments: Arguments,
    loop: LoopIndex,
    built: Instance,
    watch: _ConstructorWatch,
    machine: Machine,
) -> Template | None:
    """A copy of `built` to copy from, as others may change `built`; None if it cannot be copied."""
    behind = next_serial()
    copying = _Copying(
        lambda each: watch.born < each.serial < behind,
        lambda number: number,
        lambda each: each.copy_of,
    )
    try:
        pristine = copying.of(built)
    except _HasNoCopy:
        return None
    assert isinstance(pristine, Instance)
    for part, first in copying.copies.items():
        machine.trail.set_copy_of(part, first.first_alike)
    parts = frozenset([*copying.copies.values(), *copying.collections])
    shared = machine.trail.shared_writes
    return Template(arguments, loop, pristine, parts, watch.reads, watch.met, shared)


def _numbered(template: Template, index: Known) -> Value:
    """A copy of the template with the number `index`."""

    def number(value: Known) -> Known:
        inside = value.loop is not None and value.loop.is_within(template.loop)
        return Known(index.value, index.loop) if inside else value

    copying = _Copying(template.parts.__contains__, number, lambda each: each.first_alike)
    return copying.of(template.instance)


class _HasNoCopy(Exception):
    """A function or iterator made with an object cannot be copied, as it refers to that object."""


class _Copying:
    """Copies the instances and collections that are `inside`; all others are shared.

    `copies` maps each original to its copy, `collections` are the copied lists, dicts and sets.
    """

    def __init__(
        self,
        inside: Callable[[Instance | Collection], bool],
        number: Callable[[Known], Known],
        first: Callable[[Instance], Instance | None],
    ) -> None:
        self._inside = inside
        self._number = number
        self._first = first
        self._done: dict[Value, Value] = {}
        self.copies: dict[Instance, Instance] = {}
        self.collections: list[Collection] = []

    def of(self, value: Value) -> Value:
        """The copy of `value`; the same one at each call."""
        if isinstance(value, Known):
            return self._number(value)
        done = self._done.get(value)
        if done is None:
            done = self._done[value] = self._made(value)
        return done

    def _made(self, value: Value) -> Value:
        match value:
            case Instance():
                return self._instance(value) if self._inside(value) else value
            case TensorValue() if value.is_parameter:
                return value.copy()
            case IterableValue() if value.source is not None and self._inside(value):
                raise _HasNoCopy
            case ListValue() | DictValue() | SetValue():
                return self._collection(value) if self._inside(value) else value
            case TupleValue():
                return replace(value, items=tuple(self.of(item) for item in value.items))
            case Choice(options):
                return Choice(tuple(map(self.of, options)))
            case BoundMethod(receiver, function):
                return BoundMethod(self.of(receiver), function)
            case PartialCall(function, positional, keywords):
                given = {name: self.of(item) for name, item in keywords.items()}
                return PartialCall(self.of(function), tuple(map(self.of, positional)), given)
            case FunctionValue():
                held = value.scope.names.values()
                if any(isinstance(each, Instance) and self._inside(each) for each in held):
                    raise _HasNoCopy
        return value

    def _collection(self, value: Collection) -> Collection:
        copy: Collection
        match value:
            case ListValue():
                inner = [self.of(item) for item in value.items]
                copy = replace(value, items=inner, serial=next_serial(), writes=0)
            case DictValue():
                items = {key: self.of(item) for key, item in value.items.items()}
                copy = replace(
                    value, items=items, keys=dict(value.keys), serial=next_serial(), writes=0
                )
            case SetValue():
                copy = replace(value, items=dict(value.items), serial=next_serial(), writes=0)
        self.collections.append(copy)
        return copy

    def _instance(self, value: Instance) -> Instance:
        attributes: dict[str, Value] = {}
        copy = value.empty_copy(attributes, self._first(value))
        self._done[value] = copy
        self.copies[value] = copy
        attributes.update({name: self.of(item) for name, item in value.attributes.items()})
        return copy
