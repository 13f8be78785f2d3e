"""A library that records how tensors were computed, and the way back from one of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from forgather_lint.core.record import record
from forgather_lint.core.source import Place
from forgather_lint.libraries.standard import StandardLibrary
from forgather_lint.python.interpreter.machine import Machine
from forgather_lint.python.values.value import Arguments, TensorValue, Value, ValueId


@record
class TracedOp:
    """One op: its plain name, arguments, place and result."""

    op: str
    arguments: Arguments
    where: Place
    result: Value


@record(frozen=False, eq=False)
class Tracing(StandardLibrary):
    """The standard library, recording how each tensor was computed once it is `armed`."""

    armed: bool = False
    outer: Place | None = None
    """The call, in the forward of the whole model, that is running now."""
    made: dict[ValueId, TracedOp] = field(default_factory=dict)

    def __post_init__(self) -> None:
        StandardLibrary.__init__(self)

    def call(self, machine: Machine, name: str, arguments: Arguments, where: Place) -> Value:
        result = StandardLibrary.call(self, machine, name, arguments, where)
        if self.armed:
            op = name.rpartition(".")[2]
            # Whoever is first made it; later it is handed on.
            self.made.setdefault(
                ValueId(result), TracedOp(op, arguments, self.outer or where, result)
            )
        return result

    def way_back(self, value: Value | None) -> Iterator[TracedOp]:
        """The ops that computed `value`, last first, following the first tensor of each."""
        while isinstance(value, TensorValue):
            step = self.made.get(ValueId(value))
            if step is None:
                return
            yield step
            tensors = [each for each in step.arguments.all() if isinstance(each, TensorValue)]
            inputs = [each for each in tensors if not each.is_parameter and each is not value]
            value = inputs[0] if inputs else None
