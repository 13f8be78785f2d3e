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
from forgather_lint.python.values.value import Arguments, External, Known, TensorValue, Value

_ALWAYS = frozenset(
    "tanh tanh_ sigmoid softmax log_softmax clamp clip exp log relu normalize layer_norm "
    "rms_norm".split()
)
_CASTS = frozenset("to float half bfloat16 type type_as contiguous".split())
WEIGHT = "weight"


@record(frozen=False, eq=False)
class _HeadWatch(Observer):
    """Starts the recording when the base model has run, and records the output of the head."""

    library: Tracing
    base: Instance
    head: Instance
    answers: ModuleAnswers
    path: list[Instance] = field(default_factory=list)
    given: Value | None = None
    logits: Value | None = None

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
        self.library.armed = self.library.armed or instance is self.base
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


def arithmetic_beside(
    machine: Machine, whole: Instance, base: Instance, head: Instance, kept: OnLogits
) -> Place | None:
    """The place of the first arithmetic that the engine does not do too; None if there is none.

    `kept` is what the engine does itself.
    """
    traced = _traced(machine, whole, base, head)
    if traced is None:
        return None
    watch, last = traced
    places = [
        *_back(watch.library, last, watch.logits, kept),
        *_of_head(watch),
        *_back(watch.library, watch.given, None, OnLogits()),
    ]
    return places[0] if places else None


def applies_its_weight(machine: Machine, whole: Instance, base: Instance, head: Instance) -> bool:
    """Whether the head surely multiplies what it is given by its weight, and does nothing else."""
    traced = _traced(machine, whole, base, head)
    if traced is None:
        return False
    watch, _ = traced
    steps = [step for step in watch.steps_of_head() if step.op not in _CASTS]
    if len(steps) != 1:
        return False
    (step,) = steps
    given = step.arguments.all()
    if step.op == "forward":
        return given[0] is head and is_subclass(machine, head.cls, External(LINEAR)) is True
    return step.op == "linear" and len(given) > 1 and given[1] is head.attributes.get(WEIGHT)


def _of_head(watch: _HeadWatch) -> Iterator[Place]:
    """The places of arithmetic in the head, on what it is given or on its weight."""
    for step in watch.steps_of_head():
        if _changes(step.op, step.arguments, OnLogits()):
            yield step.where
        for each in step.arguments.all()[1:]:
            yield from _back(watch.library, each, None, OnLogits())


def numbers_behind(
    machine: Machine, whole: Instance, base: Instance, head: Instance
) -> list[float] | None:
    """The factors between the output of the head and the logits; None if these are not known."""
    traced = _traced(machine, whole, base, head)
    if traced is None:
        return None
    watch, last = traced
    found: list[float] = []
    for step in watch.library.way_back(last):
        if step.result is watch.logits:
            return found
        constants = (each.value for each in step.arguments.all() if isinstance(each, Known))
        found += [float(each) for each in constants if isinstance(each, int | float)]
    return found if last is watch.logits else None


def _traced(
    machine: Machine, whole: Instance, base: Instance, head: Instance
) -> tuple[_HeadWatch, Value] | None:
    """The run of the forward of the whole model, and its logits; None if it raises."""
    library = Tracing()
    watch = _HeadWatch(library, base, head, ModuleAnswers(machine))
    try:
        with machine.undone_run(library, watch):
            answer = machine.call(whole, engine_arguments(), whole.where)
            return watch, _logits(machine, answer, whole)
    except Raised:
        return None


def _logits(machine: Machine, answer: Value, whole: Instance) -> Value:
    return (
        answer if isinstance(answer, TensorValue) else read(machine, answer, Known(0), whole.where)
    )


def _back(
    library: Tracing, value: Value | None, until: Value | None, kept: OnLogits
) -> Iterator[Place]:
    """The places of arithmetic on the way from `value` back to `until`, or to the start."""
    for step in library.way_back(value):
        if step.result is until:
            return
        if _changes(step.op, step.arguments, kept):
            yield step.where


def _changes(op: str, arguments: Arguments, kept: OnLogits) -> bool:
    """Whether the op surely changes the numbers of its tensor."""
    if op in _ALWAYS:
        return kept.cap is None or not op.startswith("tanh")
    neutral = NEUTRAL.get(op.strip("_"))
    others = [each for each in arguments.all()[:2] if not isinstance(each, Instance)]
    if neutral is None or len(others) != 2:
        return False
    if all(isinstance(each, TensorValue) for each in others):
        return True
    factors = [each.value for each in others if isinstance(each, Known)]
    if len(factors) != 1 or not isinstance(factors[0], int | float):
        return False
    return factors[0] != neutral and float(factors[0]) not in kept.numbers
