"""Remembers what modules returned, so that of several modules that are alike only one is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.contents import (
    Contents,
    contents_of,
    keeps_no_writes,
    same_contents,
)
from forgather_lint.python.values.joining import same
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    Arguments,
    Known,
    LoopIndex,
    Value,
    next_serial,
)

Question = Callable[[int], bool]
Likeness = tuple[object, ...]
"""What modules have in common that may answer alike: equal keys, equal likeness."""


@record
class _Inside:
    """What is told of a module by all that it holds.

    `numbers` are those that loops gave to it and to what is below it, such as layer indices.
    """

    likeness: Likeness
    numbers: tuple[tuple[LoopIndex, int], ...]


@record(frozen=False)
class _Call:
    """A call that has not returned, and how often each loop number was looked at before it.

    What it makes has a higher serial than `born`; `writes` counts the writes before it.
    """

    module: Instance
    likeness: Likeness
    arguments: Arguments
    asked: Mapping[LoopIndex, int]
    born: int
    writes: int


@record
class _Answer:
    """The result of a call that wrote to nothing older than itself.

    `questions` are comparisons that the run made with the module's number in a loop (its layer
    index): the answer holds for another number only if they all come out the same. `contents` are
    what its arguments held, `writes` counts the writes before its end.
    """

    module: Instance
    arguments: Arguments
    result: Value
    questions: tuple[Question, ...]
    contents: Contents
    born: int
    writes: int

    def holds_for(
        self, module: Instance, arguments: Arguments, contents: Contents, inside: _Inside
    ) -> bool:
        """Whether a call of `module`, which is like the one that ran, returns the same."""
        if not same_arguments(self.arguments, arguments):
            return False
        if not same_contents(self.contents, contents):
            return False
        if not self.questions or module is self.module:
            return True
        numbers = {value for _, value in inside.numbers}
        return len(numbers) == 1 and all(ask(*numbers) for ask in self.questions)


@record(frozen=False, eq=False)
class ModuleAnswers:
    """The answers of one forward, which `machine` runs.

    Two modules are alike if they are copies of one instance, neither was written to since, and the
    same layers replace theirs (`roles`: what replaces which Linear).

    No answer is kept of a call that leaves more than its result: it wrote to something older, or
    others may write to what it returned. An answer holds as long as its arguments hold the same,
    and nothing was written to that is older than the forward (`born`). What is made in the forward
    is found through such a write as well: after one, nothing older than the answer may change.
    """

    machine: Machine
    roles: Mapping[Instance, object] = field(default_factory=dict)
    _answers: dict[Likeness, list[_Answer]] = field(default_factory=dict)
    _open: list[_Call] = field(default_factory=list)
    _known: dict[Instance, _Inside] = field(default_factory=dict)
    _names: dict[Instance, tuple[str, ...]] = field(default_factory=dict)
    _looked_at: set[Instance] = field(default_factory=set)
    """The modules that `_known` and `_names` are from."""
    _written: Sequence[Instance | None] | None = None
    _seen: int = 0
    """How many of these writes have been looked at: `_known` and `_names` are from after them."""
    _born: int = field(default_factory=next_serial)
    _last_outside: int = -1
    """The last write to what is older than the forward, as an index into `Trail.ages`."""
    _aged: int = 0
    """How many writes `_last_outside` is from."""

    def result(self, module: Instance, arguments: Arguments) -> Value | None:
        """The answer of an earlier call of a module like this one with the same arguments.

        Else None.
        """
        if not self._answers:
            return None
        inside = self._inside(module)
        known = self._answers.get(inside.likeness)
        if known is None:
            return None
        contents = contents_of(arguments, self._born)
        if contents is None:
            return None
        for answer in known:
            if self._lasts(answer) and answer.holds_for(module, arguments, contents, inside):
                return answer.result
        return None

    def entered(self, module: Instance, arguments: Arguments) -> None:
        """`module` begins to run."""
        inside = self._inside(module)
        asked = {loop: len(loop.observations) for loop, _ in inside.numbers}
        writes = len(self.machine.trail.ages)
        call = _Call(module, inside.likeness, arguments, asked, next_serial(), writes)
        self._open.append(call)

    def left(self, result: Value) -> None:
        """The module that began last has returned `result`."""
        call = self._open.pop()
        ages = self.machine.trail.ages
        if any(age < call.born for age in ages[call.writes :]):
            return
        contents = contents_of(call.arguments, self._born)
        if contents is None or not keeps_no_writes(result, call.born):
            return
        new = tuple(each for loop, n in call.asked.items() for each in loop.observations[n:])
        answer = _Answer(call.module, call.arguments, result, new, contents, call.born, len(ages))
        self._answers.setdefault(call.likeness, []).append(answer)

    def abandoned(self) -> None:
        """The module that began last has raised."""
        self._open.pop()

    def _lasts(self, answer: _Answer) -> bool:
        """Whether nothing was written since that a module finds without being given it."""
        ages = self.machine.trail.ages
        for i in range(self._aged, len(ages)):
            if ages[i] < self._born:
                self._last_outside = i
        self._aged = len(ages)
        if self._last_outside < 0:
            return True
        since = ages[answer.writes :]
        return self._last_outside < answer.writes and all(age >= answer.born for age in since)

    def _inside(self, module: Instance) -> _Inside:
        written = self.machine.trail.written
        if self._written is not written:  # another run: a trail is not kept, as it keeps its run
            self._written, self._seen = written, 0
            self._last_outside, self._aged = -1, 0
            self._forget()
        new = written[self._seen :]
        if new:
            self._seen += len(new)
            if any(each is None or each in self._looked_at for each in new):
                self._forget()
        inside = self._known.get(module)
        if inside is None:
            likeness: list[object] = []
            numbers: list[tuple[LoopIndex, int]] = []
            self._tell(module, [], likeness, numbers)
            inside = self._known[module] = _Inside(tuple(likeness), tuple(numbers))
        return inside

    def _forget(self) -> None:
        self._known.clear()
        self._looked_at.clear()
        self._names.clear()

    def _tell(
        self,
        module: Instance,
        around: list[Instance],
        likeness: list[object],
        numbers: list[tuple[LoopIndex, int]],
    ) -> None:
        """Add what is told of `module`, which is inside of `around`, and of all its parts."""
        first = module.first_alike
        likeness += (first, self.roles.get(module))
        self._looked_at.add(module)
        names = self._names.get(first)
        if names is None:
            names = self._names[first] = _telling(first)
            self._looked_at.add(first)
        if not names:
            return
        around.append(module)
        for name in names:
            value = module.attributes.get(name)
            if isinstance(value, Known):
                if value.loop is not None and isinstance(value.value, int):
                    numbers.append((value.loop, value.value))
            elif isinstance(value, Instance) and name not in module.hidden and value not in around:
                self._tell(value, around, likeness, numbers)
            else:
                likeness.append(name)
        around.pop()


def _telling(first: Instance) -> tuple[str, ...]:
    """The attributes that may tell `first` and its copies from others: loop numbers and parts.

    They are the same for all of them: as long as one counts as a copy, nothing but what was there,
    or what equals it, was written to it. Of a number without a loop each copy has the same.
    """
    return tuple(name for name, value in first.attributes.items() if _may_tell(name, value))


def _may_tell(name: str, value: Value) -> bool:
    if isinstance(value, Instance):
        return name != "config"
    return isinstance(value, Known) and value.loop is not None


def same_arguments(known: Arguments, given: Arguments) -> bool:
    """Whether two calls pass the same values."""
    if len(known.positional) != len(given.positional):
        return False
    if list(known.keywords) != list(given.keywords):
        return False
    return all(map(same, known.all(), given.all()))
