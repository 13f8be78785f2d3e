"""Remembers what modules returned, so that layers that are alike are analysed once."""

from __future__ import annotations

from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.python.values.joining import same
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, TensorValue, TupleValue, Value


@record(frozen=False)
class _Answered:
    arguments: Arguments
    result: Value


@record(frozen=False)
class Recall:
    """Answers by kind of module: copies of one instance are one kind while their layers agree."""

    roles: tuple[tuple[int, object], ...] = ()
    """What replaces which Linear, by identity."""
    _answers: dict[object, list[_Answered]] = field(default_factory=dict)
    _open: list[Arguments] = field(default_factory=list)
    _kinds: dict[int, object] = field(default_factory=dict)
    _role_of: dict[int, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._role_of = dict(self.roles)

    def result(self, instance: Instance, arguments: Arguments) -> Value | None:
        """What a module of this kind returned for these arguments."""
        for known in self._answers.get(self._kind(instance), ()):
            if same_arguments(known.arguments, arguments):
                return known.result
        return None

    def entered(self, instance: Instance, arguments: Arguments) -> None:
        self._open.append(arguments)

    def left(self, instance: Instance, result: Value) -> None:
        answers = self._answers.setdefault(self._kind(instance), [])
        answers.append(_Answered(self._open.pop(), result))

    def abandoned(self) -> None:
        self._open.pop()

    def _kind(self, instance: Instance) -> object:
        kind = self._kinds.get(id(instance))
        if kind is None:
            kind = (id(instance.twin or instance), self._roles_below(instance))
            self._kinds[id(instance)] = kind
        return kind

    def _roles_below(self, instance: Instance) -> tuple[object, ...]:
        found: list[object] = [self._role_of.get(id(instance))]
        for name, value in instance.attributes.items():
            if isinstance(value, Instance) and name not in instance.hidden and name != "config":
                found.append(self._kind(value))
        return tuple(found)


def same_arguments(known: Arguments, given: Arguments) -> bool:
    """Whether two calls pass the same values."""
    if len(known.positional) != len(given.positional):
        return False
    if list(known.keywords) != list(given.keywords):
        return False
    return all(map(alike, known.all(), given.all()))


def alike(one: Value, other: Value) -> bool:
    """Whether two values cannot be told apart by the code that gets them."""
    if isinstance(one, TupleValue) and isinstance(other, TupleValue):
        return len(one.items) == len(other.items) and all(map(alike, one.items, other.items))
    if isinstance(one, TensorValue) and isinstance(other, TensorValue):
        return one is other or same(one, other)
    return same(one, other)
