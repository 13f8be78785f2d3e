"""Remembers what modules returned, so that of several modules that are alike only one is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.python.values.joining import same
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import Arguments, Known, LoopIndex, Value

Question = Callable[[int], bool]
Likeness = tuple[object, ...]
"""What modules have in common that may answer alike: equal keys, equal likeness."""


@record(frozen=False)
class _Call:
    """A call that has not returned, and how often each loop number was looked at before it."""

    module: Instance
    likeness: Likeness
    arguments: Arguments
    asked: Mapping[LoopIndex, int]


@record
class _Answer:
    """The result of a call.

    `questions` are comparisons that the run made with the module's number in a loop (its layer
    index): the answer holds for another number only if they all come out the same.
    """

    module: Instance
    arguments: Arguments
    result: Value
    questions: tuple[Question, ...]

    def holds_for(self, module: Instance, arguments: Arguments) -> bool:
        """Whether a call of `module`, which is like the one that ran, returns the same."""
        if not same_arguments(self.arguments, arguments):
            return False
        if not self.questions or module is self.module:
            return True
        numbers = {value for _, value in _numbers(module)}
        return len(numbers) == 1 and all(ask(*numbers) for ask in self.questions)


@record(frozen=False)
class ModuleAnswers:
    """The answers of one forward.

    Two modules are alike if they are copies of one instance, neither was written to since, and the
    same layers replace theirs (`roles`: what replaces which Linear).
    """

    roles: Mapping[Instance, object] = field(default_factory=dict)
    _answers: dict[Likeness, list[_Answer]] = field(default_factory=dict)
    _open: list[_Call] = field(default_factory=list)

    def result(self, module: Instance, arguments: Arguments) -> Value | None:
        """The answer of an earlier call of a module like this one with the same arguments.

        Else None.
        """
        known = self._answers.get(self._likeness(module), ()) if self._answers else ()
        answers = (each.result for each in known if each.holds_for(module, arguments))
        return next(answers, None)

    def entered(self, module: Instance, arguments: Arguments) -> None:
        """`module` begins to run."""
        asked = {loop: len(loop.observations) for loop, _ in _numbers(module)}
        self._open.append(_Call(module, self._likeness(module), arguments, asked))

    def left(self, result: Value) -> None:
        """The module that began last has returned `result`."""
        call = self._open.pop()
        new = tuple(each for loop, n in call.asked.items() for each in loop.observations[n:])
        answer = _Answer(call.module, call.arguments, result, new)
        self._answers.setdefault(call.likeness, []).append(answer)

    def abandoned(self) -> None:
        """The module that began last has raised."""
        self._open.pop()

    def _likeness(self, module: Instance, around: tuple[Instance, ...] = ()) -> Likeness:
        inside = (*around, module)
        children = (each for _, each in _children(module) if each not in inside)
        below = (self._likeness(child, inside) for child in children)
        return (module.first_alike, self.roles.get(module), *below)


def _children(module: Instance) -> Iterator[tuple[str, Instance]]:
    for name, value in module.attributes.items():
        if isinstance(value, Instance) and name not in module.hidden and name != "config":
            yield name, value


def _numbers(
    module: Instance, around: tuple[Instance, ...] = ()
) -> Iterator[tuple[LoopIndex, int]]:
    """The numbers that loops gave to `module` and to what is below it, such as layer indices."""
    for value in module.attributes.values():
        if isinstance(value, Known) and value.loop is not None and isinstance(value.value, int):
            yield value.loop, value.value
    inside = (*around, module)
    for _, child in _children(module):
        if child not in inside:
            yield from _numbers(child, inside)


def same_arguments(known: Arguments, given: Arguments) -> bool:
    """Whether two calls pass the same values."""
    if len(known.positional) != len(given.positional):
        return False
    if list(known.keywords) != list(given.keywords):
        return False
    return all(map(same, known.all(), given.all()))
