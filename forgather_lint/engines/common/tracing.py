"""A library that records how tensors were computed, and the way back from one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.libraries.operands import is_in_place
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.value import NONE, Arguments, TensorValue, Value, ValueId


@record
class TracedOp:
    """One op: its name, arguments, place and result."""

    name: str
    arguments: Arguments
    where: Place
    result: Value

    @property
    def op(self) -> str:
        """Its plain name: `mul_` of `Tensor.mul_`."""
        return self.name.rpartition(".")[2]

    @property
    def source(self) -> TensorValue | None:
        """The first tensor that it was computed from; parameters apart."""
        tensors = [each for each in self.arguments.all() if isinstance(each, TensorValue)]
        inputs = (each for each in tensors if not each.is_parameter and each is not self.result)
        return next(inputs, None)


@record(frozen=False, eq=False)
class Tracing(StandardLibrary):
    """The standard library, recording how each tensor was computed once it is `armed`."""

    armed: bool = False
    outer: Place | None = None
    """The call, in the forward of the whole model, that is running now."""
    made: dict[ValueId, TracedOp] = field(default_factory=dict)
    written: list[TracedOp] = field(default_factory=list)
    """What was written in place; of `x.data = y` nothing else is known."""

    def __post_init__(self) -> None:
        StandardLibrary.__init__(self)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = StandardLibrary.call(self, machine, name, arguments, where)
        if self.armed:
            # Whoever is first made it; later it is handed on.
            step = TracedOp(name, arguments, self.outer or where, result)
            self.made.setdefault(ValueId(result), step)
            if is_in_place(name) or step.op == "setitem" or "out" in arguments.keywords:
                self.written.append(step)
        return result

    def on_written(self, target: Value, made: Value, where: Place) -> Value:
        made = StandardLibrary.on_written(self, target, made, where)
        if self.armed:
            step = TracedOp("Tensor.set_", Arguments([target]), self.outer or where, made)
            self.written.append(step)
        return made

    def on_replaced(
        self, machine: Machine, target: Value, name: str, value: Value, where: Place
    ) -> None:
        if self.armed and name == "data":
            step = TracedOp("Tensor.data.set", Arguments([target]), self.outer or where, NONE)
            self.written.append(step)

    def way_back(self, value: Value | None) -> Iterator[TracedOp]:
        """The ops that computed `value`, last first, following the first tensor of each."""
        while isinstance(value, TensorValue):
            step = self.made.get(ValueId(value))
            if step is None:
                return
            yield step
            value = step.source
