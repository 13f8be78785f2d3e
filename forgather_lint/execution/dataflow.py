"""The data flow inside the forwards of a model, recorded from one run without sharding.

Newer releases look for groups of projections in the traced graph of a module's `forward` and shard
them by themselves (vllm/model_executor/models/transformers/fusers). What they use of that graph is
recorded here from an abstract run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.execution.engine import Engine, Heads, given_arguments
from forgather_lint.execution.engine_library import EngineLibrary
from forgather_lint.execution.module_answers import ModuleAnswers
from forgather_lint.python.interpreter.budget import BudgetExceeded
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
"""The casts that vLLM ignores (fx_utils.py, `_DTYPE_CASTS`)."""


@record(eq=False)
class Step:
    """One call of an op or module: its name, the values that it got, and the one it returned.

    For an `item` taken out of a tuple, `place` is its index. `tensors` counts the inputs that are
    tensors. `in_place`: it wrote to its first input, as `x += y` does, of which the name says
    nothing.
    """

    name: str
    inputs: tuple[ValueId, ...]
    output: ValueId
    module: Instance | None = None
    tensors: int = 0
    arguments: Arguments = field(default_factory=Arguments)
    where: Place | None = None
    place: int = 0
    in_place: bool = False


@record(frozen=False, eq=False)
class Body:
    """One run of a module's forward: its placeholders, its steps in order, and its result.

    `merged` maps a value that depends on an undecided condition to the values that it may be.
    """

    owner: Instance
    placeholders: tuple[ValueId, ...]
    steps: list[Step] = field(default_factory=list)
    result: ValueId = ValueId(NONE)
    merged: dict[ValueId, list[Value]] = field(default_factory=dict)

    def made_by(self, value: ValueId) -> Step | None:
        """The step whose output is `value`; None for a value from outside."""
        return next((step for step in self.steps if step.output == value), None)

    def peeled(self, value: ValueId) -> ValueId:
        """The value that `value` was cast from, through any number of casts."""
        step = self.made_by(value)
        while step is not None and step.name in CASTS and step.inputs:
            value = step.inputs[0]
            step = self.made_by(value)
        return value

    def uses_of(self, value: ValueId) -> list[Step]:
        """The steps that take `value`, in the order in which they ran."""
        return [step for step in self.steps if value in step.inputs]


@record
class _OpenBody:
    """A call that has not returned yet: the kind of its module, and its body so far."""

    alike: Instance
    body: Body
    arguments: Arguments
    where: Place


@record(frozen=False)
class GraphRecorder(Observer):
    """Records one body for each kind of module; further modules of the kind are not run."""

    answers: ModuleAnswers
    bodies: dict[Instance, Body] = field(default_factory=dict)
    open: list[_OpenBody] = field(default_factory=list)

    def answer(self, instance: Instance, arguments: Arguments, where: Place) -> Value | None:
        known = self.answers.result(instance, arguments)
        return None if known is None else self._stepped(instance, arguments, fresh(known), where)

    def entered(self, instance: Instance, arguments: Arguments, where: Place) -> None:
        body = Body(instance, _identities(arguments.all()))
        self.open.append(_OpenBody(instance.first_alike, body, arguments, where))
        self.answers.entered(instance, arguments)

    def left(self, instance: Instance, result: Value) -> Value:
        done = self.open.pop()
        done.body.result = ValueId(result)
        self.bodies.setdefault(done.alike, done.body)
        self.answers.left(result)
        return self._stepped(instance, done.arguments, fresh(result), done.where)

    def abandoned(self, instance: Instance, error: Raised) -> None:
        self.open.pop()
        self.answers.abandoned()

    def merged(self, result: object, options: Sequence[object]) -> None:
        """A tensor is one of several, depending on an undecided condition."""
        if self.open and isinstance(result, TensorValue):
            found = self.open[-1].body.merged.setdefault(ValueId(result), [])
            found.extend(option for option in options if isinstance(option, Value))

    def _stepped(
        self, instance: Instance, arguments: Arguments, result: Value, where: Place
    ) -> Value:
        self._note("call", arguments, result, instance, where)
        return result

    def computed(self, name: str, arguments: Arguments, result: Value, where: Place) -> None:
        """An op has run in the forward that is being recorded."""
        self._note(name, arguments, result, None, where)

    def written(self, made: Value, kept: Value) -> None:
        """The op that made `made` has written to its first input, which now is `kept`."""
        steps = self.open[-1].body.steps if self.open else []
        for place in reversed(range(len(steps))):
            if steps[place].output == ValueId(made):
                steps[place] = replace(steps[place], in_place=True, output=ValueId(kept))
                return

    def _note(
        self,
        name: str,
        arguments: Arguments,
        result: Value,
        module: Instance | None,
        where: Place,
    ) -> None:
        """Add a step to the body that is being recorded, and one for each item of a tuple."""
        inputs, made = _identities(arguments.all()), ValueId(result)
        if not self.open or made in inputs:
            return
        steps = self.open[-1].body.steps
        tensors = sum(isinstance(each, TensorValue) for each in arguments.all())
        steps.append(Step(name, inputs, made, module, tensors, arguments, where))
        whole = Arguments([result])
        steps.extend(
            Step("item", (made,), ValueId(item), None, 1, whole, where, place)
            for place, item in enumerate(_parts(result))
        )


def _parts(value: Value) -> Sequence[Value]:
    """The items of a tuple; for a tensor of unknown length, one value that stands for each row."""
    if isinstance(value, TupleValue):
        return value.items
    row = value.rest.item if isinstance(value, ListValue) and value.rest is not None else None
    return (row,) if row is not None else ()


def _identities(values: Iterable[Value]) -> tuple[ValueId, ...]:
    return tuple(map(ValueId, flattened(values)))


def flattened(values: Iterable[Value]) -> Iterator[Value]:
    """The values in order; a tuple or list is followed by its items."""
    for value in values:
        yield value
        if isinstance(value, TupleValue | ListValue):
            yield from flattened(value.items)


def fresh(value: Value) -> Value:
    """A copy of a tensor: the result of a module is another value than that of an op inside it."""
    if isinstance(value, TupleValue):
        return replace(value, items=tuple(map(fresh, value.items)))
    if not isinstance(value, TensorValue):
        return value
    return TensorValue(
        value.shape, value.placement, value.dtype, value.origin, value.is_parameter, value.tags
    )


@record(frozen=False)
class RecordingLibrary(EngineLibrary):
    """Tells the recorder of each op and its result."""

    recorder: GraphRecorder = field(kw_only=True)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = EngineLibrary.call(self, machine, name, arguments, where)
        self.recorder.computed(name, arguments, result, where)
        return result

    def on_written(self, target: Value, made: Value, where: Place) -> Value:
        kept = EngineLibrary.on_written(self, target, made, where)
        self.recorder.written(made, kept)
        return kept


def graphs(
    machine: Machine, root: Instance, engine: Engine, heads: Heads | None
) -> dict[Instance, Body]:
    """The body of every kind of module below `root`, from one run on a single rank.

    Raises `Raised` when the forward raises, `BudgetExceeded`.
    """
    recorder = GraphRecorder(ModuleAnswers(machine))
    with machine.undone_run(RecordingLibrary(engine, 1, heads, recorder=recorder), recorder):
        machine.call(root, given_arguments(engine), root.where)
    return recorder.bodies


def graphs_alone(
    machine: Machine, modules: Mapping[Instance, int], engine: Engine, heads: Heads | None
) -> dict[Instance, Body]:
    """The body of each of `modules` by itself, called with so many tensors of unknown shape.

    So torch.fx traces what the forward of the model does not call, such as a vision tower. A module
    whose forward raises, or takes too long, has no body.
    """
    recorder = GraphRecorder(ModuleAnswers(machine))
    for module, tensors in modules.items():
        given = Arguments([TensorValue(None) for _ in range(tensors)])
        library = RecordingLibrary(engine, 1, heads, recorder=recorder)
        with suppress(Raised, BudgetExceeded), machine.undone_run(library, recorder):
            machine.call(module, given, module.where)
    return recorder.bodies
