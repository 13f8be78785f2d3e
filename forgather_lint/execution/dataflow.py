"""Who feeds whom inside the forwards of a model, read off one undivided run.

Newer releases look for groups of projections in the traced graph of a module's `forward` and shard
them by themselves (vllm/model_executor/models/transformers/fusers). The same graph, as far as
they use it, is what an abstract run sees.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.engine import Engine, Heads, given_arguments
from forgather_lint.execution.engine_library import EngineLibrary
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.python.interpreter.frame import Raised
from forgather_lint.python.interpreter.machine import Machine, Observer
from forgather_lint.python.values.objects import Instance
from forgather_lint.python.values.value import (
    NONE,
    Arguments,
    ListValue,
    TensorValue,
    TupleValue,
    Value,
    ValueId,
)

CASTS = frozenset({"Tensor.to", "Tensor.type_as", "Tensor.float", "Tensor.half"})
"""What vLLM looks through (fx_utils.py, `_DTYPE_CASTS`)."""


@record(eq=False)
class Step:
    """One op or module call: what it was, from which values, to which value.

    `tensors` counts those of the inputs that are tensors.
    """

    name: str
    inputs: tuple[ValueId, ...]
    output: ValueId
    module: Instance | None = None
    tensors: int = 0


@record(frozen=False, eq=False)
class Body:
    """One run of a module's forward: its placeholders, its steps in order, and its result."""

    owner: Instance
    placeholders: tuple[ValueId, ...]
    steps: list[Step] = field(default_factory=list)
    result: ValueId = ValueId(NONE)

    def made_by(self, value: ValueId) -> Step | None:
        """The step whose output is `value`; None for what came from outside."""
        return next((step for step in self.steps if step.output == value), None)

    def peeled(self, value: ValueId) -> ValueId:
        """The value behind casts."""
        step = self.made_by(value)
        while step is not None and step.name in CASTS and step.inputs:
            value = step.inputs[0]
            step = self.made_by(value)
        return value

    def uses_of(self, value: ValueId) -> list[Step]:
        """The steps that take `value`, in the order in which they ran."""
        return [step for step in self.steps if value in step.inputs]


@record
class _Open:
    """A call that has not returned yet: the first module that is alike, and its body so far."""

    alike: Instance
    body: Body
    arguments: Arguments


@record(frozen=False)
class GraphRecorder(Observer):
    """Collects one body for each kind of module: copies are answered without a run."""

    bodies: dict[Instance, Body] = field(default_factory=dict)
    answers: ModuleAnswers = field(default_factory=ModuleAnswers)
    open: list[_Open] = field(default_factory=list)

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        known = self.answers.result(instance, arguments)
        return None if known is None else self._stepped(instance, arguments, fresh(known))

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        body = Body(instance, _identities(arguments.all()))
        self.open.append(_Open(instance.first_alike, body, arguments))
        self.answers.entered(instance, arguments)

    def left(self, instance: Instance, result: Value) -> Value:
        done = self.open.pop()
        done.body.result = ValueId(result)
        self.bodies.setdefault(done.alike, done.body)
        self.answers.left(result)
        return self._stepped(instance, done.arguments, fresh(result))

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self.open.pop()
        self.answers.abandoned()

    def _stepped(self, instance: Instance, arguments: Arguments, result: Value) -> Value:
        self._note("call", arguments, result, instance)
        return result

    def computed(self, name: str, arguments: Arguments, result: Value) -> None:
        """An op has run in the forward that is open."""
        self._note(name, arguments, result, None)

    def _note(
        self, name: str, arguments: Arguments, result: Value, module: Instance | None
    ) -> None:
        """Add a step to the body that is open, and one for each item of a tuple."""
        inputs = _identities(arguments.all())
        if not self.open or ValueId(result) in inputs:
            return
        steps = self.open[-1].body.steps
        tensors = sum(isinstance(each, TensorValue) for each in arguments.all())
        steps.append(Step(name, inputs, ValueId(result), module, tensors))
        if isinstance(result, TupleValue):
            steps.extend(Step("item", (ValueId(result),), ValueId(item)) for item in result.items)


def _identities(values: Iterable[Value]) -> tuple[ValueId, ...]:
    """The values by identity, those in tuples and lists among them."""
    found: list[ValueId] = []
    for value in values:
        found.append(ValueId(value))
        if isinstance(value, TupleValue | ListValue):
            found.extend(_identities(value.items))
    return tuple(found)


def fresh(value: Value) -> Value:
    """A tensor of its own: the result of a module is not the value that an op inside made."""
    if isinstance(value, TupleValue):
        return TupleValue(tuple(map(fresh, value.items)))
    if not isinstance(value, TensorValue):
        return value
    return TensorValue(
        value.shape, value.placement, value.dtype, value.origin, value.is_parameter, value.tags
    )


@record(frozen=False)
class RecordingLibrary(EngineLibrary):
    """Tells the recorder what each op made."""

    recorder: GraphRecorder = field(default_factory=GraphRecorder)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = EngineLibrary.call(self, machine, name, arguments, where)
        self.recorder.computed(name, arguments, result)
        return result


def graphs(
    machine: Machine, root: Instance, engine: Engine, heads: Heads | None
) -> dict[Instance, Body]:
    """The graph of every kind of module below `root`, from one run at size 1.

    Raises `Raised` when the forward raises, `BudgetExceeded`.
    """
    recorder = GraphRecorder()
    with machine.undone_run(RecordingLibrary(engine, 1, heads, recorder=recorder), recorder):
        machine.call(root, given_arguments(engine), root.where)
    return recorder.bodies
