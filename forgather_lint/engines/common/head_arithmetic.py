"""What a model computes besides the product of hidden states and the weight of its head.

It is lost, as no engine runs its forward, or that of the head.

The forward is run abstractly, and the way back from the logits to the base model is searched for
arithmetic. Casts, views and slices are none, nor is a factor of 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.engines.common.tracing import TracedOp, Tracing
from forgather_lint.execution.inputs import engine_arguments
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.libraries.names import LINEAR
from forgather_lint.libraries.neutral import NEUTRAL
from forgather_lint.python.interpreter.classes import is_subclass
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.interpreter.subscripts import read
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    External,
    Known,
    SliceValue,
    TensorValue,
    TupleValue,
    Value,
    ValueId,
)

_ALWAYS = frozenset(
    "tanh tanh_ sigmoid softmax clamp clip exp log relu normalize layer_norm rms_norm".split()
)


@record(frozen=False, eq=False)
class _HeadWatch(Observer):
    """Starts the recording when the base model has run, and records the output of the head."""

    machine: Machine
    library: Tracing
    base: Instance
    head: Instance
    answers: ModuleAnswers
    path: list[Instance] = field(default_factory=list)
    given: Value | None = None
    logits: Value | None = None
    states: Value | None = None
    """What the base model gave first, which an engine hands to the head."""

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        return None if self.library.armed else self.answers.result(instance, arguments)

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        self.path.append(instance)
        if len(self.path) == 2:
            self.library.outer = where
        self.answers.entered(instance, arguments)
        if instance is self.head and arguments.all():
            self.given = arguments.all()[0]

    def left(self, instance: Instance, result: Value) -> Value:
        self._returned()
        self.answers.left(result)
        if instance is self.base and not self.library.armed:
            self.library.armed = True
            self.states = _first_of(self.machine, result, instance)
        if instance is self.head:
            self.logits = result
        return result

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self._returned()
        self.answers.abandoned()

    def steps_of_head(self) -> Iterator[TracedOp]:
        """The ops with which the head computes what it returns, last first."""
        for step in self.library.way_back(self.logits):
            if step.result is self.given:
                return
            yield step

    def _returned(self) -> None:
        self.path.pop()
        if len(self.path) == 1:
            self.library.outer = None


@record
class OnLogits:
    """What an engine does to the logits: a factor, and a soft cap (`tanh(x / cap) * cap`)."""

    scale: float | None = None
    cap: float | None = None

    @property
    def numbers(self) -> list[float]:
        """The factors that it multiplies or divides by."""
        return [each for each in (self.scale, self.cap) if each is not None]

    @property
    def ops(self) -> list[tuple[str, float | None]]:
        """What it does to what the head gives, last first, each with its number."""
        scaled = [("mul", self.scale)] if self.scale is not None else []
        return scaled + ([("mul", self.cap), ("tanh", None), ("div", self.cap)] if self.cap else [])


@record(eq=False)
class HeadRun:
    """The run of the forward of a whole model, and the logits that it gave."""

    watch: _HeadWatch
    logits: Value


def arithmetic_beside(ran: HeadRun, kept: OnLogits) -> Place | None:
    """The place of the first arithmetic that the engine does not do too; None if there is none.

    `kept` is what the engine does itself.
    """
    watch = ran.watch
    places = [
        *_back(watch.library, ran.logits, watch.logits, kept),
        *_of_head(watch),
        *_back(watch.library, watch.given, None, OnLogits()),
    ]
    return places[0] if places else None


def applies_its_weight(ran: HeadRun) -> bool:
    """Whether the head surely multiplies what it is given by its weight, and does nothing else."""
    watch, head = ran.watch, ran.watch.head
    steps = [step for step in watch.steps_of_head() if step.op not in _COPIES]
    if len(steps) != 1:
        return False
    (step,) = steps
    if step.op == "forward":
        of_head = step.arguments.all()[0] is head
        return of_head and is_subclass(watch.machine, head.cls, External(LINEAR)) is True
    return _applies_head(step, head)


def _of_head(watch: _HeadWatch) -> Iterator[Place]:
    """The places of arithmetic in the head, on what it is given or on its weight."""
    for step in watch.steps_of_head():
        if _changes(step.op, step.arguments, OnLogits()):
            yield step.where
        for each in step.arguments.all()[1:]:
            yield from _back(watch.library, each, None, OnLogits())


def not_followed(ran: HeadRun, kept: OnLogits) -> Place | None:
    """The place of what may make the logits others than the head makes of the first output.

    None where they are surely the same, but for what `kept` says.
    """
    watch, library = ran.watch, ran.watch.library
    seen: set[ValueId] = set()
    given, value = watch.given, ran.logits
    while value is not watch.logits:
        step = library.made.get(ValueId(value))
        if step is None:
            return watch.head.where
        seen.add(ValueId(value))
        if _applies_head(step, watch.head):
            given = step.source
            break
        if not _is_plain(step, kept):
            return step.where
        value = step.source or NONE
    while given is not watch.states:
        step = library.made.get(ValueId(given)) if given is not None else None
        if step is None:
            return watch.head.where
        seen.add(ValueId(step.result))
        if not _is_plain(step, OnLogits()):
            return step.where
        given = step.source
    others = (each.where for each in library.written if ValueId(each.result) not in seen)
    return next(others, None)


def does_as(ran: HeadRun, engine: OnLogits) -> bool:
    """Whether the model surely does to the output of its head what the engine does."""
    found: list[tuple[str, float | None]] = []
    if ran.logits is not ran.watch.logits:
        for step in ran.watch.library.way_back(ran.logits):
            if step.result is ran.watch.logits or _applies_head(step, ran.watch.head):
                break
            if not _is_plain(step, OnLogits()):
                found.append(_scaling(step))
    return found == engine.ops


def _scaling(step: TracedOp) -> tuple[str, float | None]:
    """The op and its number, None where it has none or several."""
    op = step.op.rstrip("_").removeprefix("true")
    numbers = [each.value for each in step.arguments.all() if isinstance(each, Known)]
    number = numbers[0] if len(numbers) == 1 else None
    if isinstance(number, bool) or not isinstance(number, int | float):
        return op, None
    return op, float(number)


def numbers_behind(ran: HeadRun) -> list[float] | None:
    """The factors between the output of the head and the logits; None if these are not known."""
    watch, last = ran.watch, ran.logits
    found: list[float] = []
    for step in watch.library.way_back(last):
        if step.result is watch.logits:
            return found
        constants = (each.value for each in step.arguments.all() if isinstance(each, Known))
        found += [float(each) for each in constants if isinstance(each, int | float)]
    return found if last is watch.logits else None


def run_with_head(
    machine: Machine, whole: Instance, base: Instance, head: Instance
) -> HeadRun | Raised:
    """The run of the forward of the whole model, or what it raises."""
    library = Tracing()
    watch = _HeadWatch(machine, library, base, head, ModuleAnswers(machine))
    try:
        with machine.undone_run(library, watch):
            answer = machine.call(whole, engine_arguments(), whole.where)
            return HeadRun(watch, _first_of(machine, answer, whole))
    except Raised as error:
        return error


def _first_of(machine: Machine, answer: Value, asked: Instance) -> Value:
    """The tensor that a model gave, or the first item of what it gave."""
    return (
        answer if isinstance(answer, TensorValue) else read(machine, answer, Known(0), asked.where)
    )


def _applies_head(step: TracedOp, head: Instance) -> bool:
    """Whether the op is `F.linear(states, head.weight, head.bias)`."""
    given, held = step.arguments.all()[1:], (head.attributes.get(n) for n in ("weight", "bias"))
    same = (one is other or one == other == NONE for one, other in zip(given, held, strict=False))
    return step.op == "linear" and bool(given) and all(same)


_COPIES = frozenset("to float half bfloat16 double type type_as contiguous clone detach".split())
_ROWS = frozenset("view reshape flatten unsqueeze squeeze".split())
_PASSING = ("torch.nn.Identity.", "torch.nn.Dropout.")


def _is_plain(step: TracedOp, kept: OnLogits) -> bool:
    """Whether the op surely leaves the features of each token as they are, but for `kept`.

    Which tokens are left does not matter as long as the last ones are.
    """
    source, made, op = step.source, step.result, step.op.rstrip("_")
    if source is None or not isinstance(made, TensorValue):
        return False
    if source.shape is None or made.shape is None or source.shape[-1:] != made.shape[-1:]:
        return False
    if op in _COPIES:
        return made.dtype is None or "float" in made.dtype
    if op == "getitem":
        return _ends_with_last(step.arguments.all()[1], len(source.shape))
    if op in _ROWS or op == "dropout" or step.name.startswith(_PASSING):
        return True
    if op == "tanh":
        return kept.cap is not None
    if op not in NEUTRAL or (op == "pow" and kept.numbers):
        return False
    numbers = [each.value for each in step.arguments.all() if isinstance(each, Known)]
    factor = len(numbers) == 1 and isinstance(numbers[0], int | float)
    scales = op not in ("add", "sub", "pow") and numbers[0] in kept.numbers if factor else False
    return factor and (numbers[0] == NEUTRAL[op] or scales)


def _ends_with_last(key: Value, dimensions: int) -> bool:
    """Whether `states[key]` has all features of the last tokens, in order."""
    keys = key.items if isinstance(key, TupleValue) else (key,)
    of_features = keys[-1] if len(keys) == dimensions else None
    if of_features is not None and not _reaches_end(of_features, whole=True):
        return False
    return all(_reaches_end(each) for each in keys)


def _reaches_end(key: Value, *, whole: bool = False) -> bool:
    if isinstance(key, SliceValue):
        first = key.start.value if isinstance(key.start, Known) else ...
        begins = first in (None, 0)
        back = isinstance(first, int) and first < 0 and not whole
        return key.stop == NONE and key.step in (NONE, Known(1)) and (begins or back)
    return isinstance(key, Known) and (key.value is ... or (not whole and key.value in (None, -1)))


def _back(
    library: Tracing, value: Value | None, until: Value | None, kept: OnLogits
) -> Iterator[Place]:
    """The places of arithmetic on the way from `value` back to `until`, or to the start."""
    for step in library.way_back(value):
        if step.result is until:
            return
        if _changes(step.op, step.arguments, kept):
            yield step.where


def _is_one_a_token(value: Value) -> bool:
    """Whether it is one number for each token, which as a summand leaves the probabilities."""
    shape = value.shape if isinstance(value, TensorValue) else None
    return bool(shape) and shape is not None and shape[-1] == 1


def _changes(op: str, arguments: Arguments, kept: OnLogits) -> bool:
    """Whether the op surely changes the numbers of its tensor."""
    if op in _ALWAYS:
        return kept.cap is None or not op.startswith("tanh")
    neutral = NEUTRAL.get(op.strip("_"))
    others = [each for each in arguments.all()[:2] if not isinstance(each, Instance)]
    if neutral is None or len(others) != 2:
        return False
    if all(isinstance(each, TensorValue) for each in others):
        return not (op.strip("_") in ("add", "sub") and any(map(_is_one_a_token, others)))
    factors = [each.value for each in others if isinstance(each, Known)]
    if len(factors) != 1 or not isinstance(factors[0], int | float):
        return False
    return factors[0] != neutral and float(factors[0]) not in kept.numbers
