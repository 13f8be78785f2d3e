"""Copies of what a loop builds many times.

The rounds of `for i in range(80): Layer(config, i)` differ in a stored number only. When nothing
asked for the number in a way that tells the rounds apart, later rounds copy what the first built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from forgather_lint.core.record import record
from forgather_lint.python.values.joining import same
from forgather_lint.python.values.loop_index import alike
from forgather_lint.python.values.objects import (
    BoundMethod,
    ClassValue,
    Instance,
    PartialCall,
    next_serial,
)
from forgather_lint.python.values.value import (
    Arguments,
    DictValue,
    Known,
    ListValue,
    LoopIndex,
    TensorValue,
    TupleValue,
    Value,
)

if TYPE_CHECKING:
    from forgather_lint.python.interpreter.machine import Machine


@record(frozen=False, eq=False)
class Template:
    """An instance with the arguments it was built from and what was asked of its loop index."""

    arguments: Arguments
    loop: LoopIndex
    instance: Instance
    first_serial: int
    last_serial: int


def build(
    machine: Machine,
    cls: ClassValue,
    arguments: Arguments,
    construct: Callable[[Arguments], Value],
) -> Value:
    """`construct(arguments)`, or a copy of an earlier instance that differs in a number only."""
    index = _loop_argument(arguments)
    if index is None or index.loop is None or not isinstance(index.value, int):
        return construct(arguments)
    templates = machine.templates.setdefault(id(cls), [])
    for template in templates:
        if _fits(template, arguments, index.value):
            index.loop.observations.extend(template.loop.observations)
            return _Copy(template, index).of(template.instance)
    watch = LoopIndex(outer=index.loop)
    first = next_serial()
    built = construct(_with_loop(arguments, watch))
    index.loop.observations.extend(watch.observations)
    if isinstance(built, Instance):
        templates.append(Template(arguments, watch, built, first, next_serial()))
    return built


def _loop_argument(arguments: Arguments) -> Known | None:
    """The one argument that is a loop index."""
    found = [v for v in arguments.all() if isinstance(v, Known) and v.loop is not None]
    return found[0] if len(found) == 1 and arguments.rest is None else None


def _with_loop(arguments: Arguments, loop: LoopIndex) -> Arguments:
    def watched(value: Value) -> Value:
        is_index = isinstance(value, Known) and value.loop is not None
        return Known(value.value, loop) if is_index and isinstance(value, Known) else value

    return Arguments(
        [watched(value) for value in arguments.positional],
        {name: watched(value) for name, value in arguments.keywords.items()},
    )


def _fits(template: Template, arguments: Arguments, index: int) -> bool:
    ours, theirs = template.arguments, arguments
    if len(ours.positional) != len(theirs.positional):
        return False
    if list(ours.keywords) != list(theirs.keywords):
        return False
    pairs = zip(ours.all(), theirs.all(), strict=True)
    return all(map(_interchangeable, *zip(*pairs, strict=True))) and alike(template.loop, index)


def _interchangeable(one: Value, other: Value) -> bool:
    if isinstance(one, Known) and isinstance(other, Known) and one.loop and other.loop:
        return True
    return same(one, other)


class _Copy:
    """Copies what was made while the template was built; all else is shared."""

    def __init__(self, template: Template, index: Known) -> None:
        self._template = template
        self._index = index
        self._done: dict[int, Value] = {}

    def of(self, value: Value) -> Value:
        done = self._done.get(id(value))
        if done is None:
            done = self._done[id(value)] = self._made(value)
        return done

    def _made(self, value: Value) -> Value:
        match value:
            case Instance():
                return self._instance(value)
            case Known(loop=LoopIndex() as loop) if loop.is_within(self._template.loop):
                return Known(self._index.value, self._index.loop)
            case TensorValue() if value.is_parameter:
                return TensorValue(
                    value.shape, value.placement, value.dtype, value.origin, True, value.tags
                )
            case ListValue():
                return ListValue([self.of(item) for item in value.items], value.rest)
            case TupleValue():
                return TupleValue(tuple(self.of(item) for item in value.items))
            case DictValue():
                items = {key: self.of(item) for key, item in value.items.items()}
                return DictValue(items, value.keys, value.rest, value.places)
            case BoundMethod(receiver, function):
                return BoundMethod(self.of(receiver), function)
            case PartialCall(function, positional, keywords):
                given = {name: self.of(item) for name, item in keywords.items()}
                return PartialCall(function, tuple(map(self.of, positional)), given)
        return value

    def _instance(self, value: Instance) -> Value:
        if not self._template.first_serial < value.serial < self._template.last_serial:
            return value
        twin = Instance(value.cls, {}, value.where)
        self._done[id(value)] = twin
        twin.attributes.update({name: self.of(item) for name, item in value.attributes.items()})
        twin.hidden, twin.buffers = set(value.hidden), dict(value.buffers)
        twin.places, twin.open = value.places, value.open
        twin.twin = value.twin or value
        return twin
