"""The standard library that remembers how tensors were made, and the way back from one."""

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
    """One op: its plain name, what it was given, where it stands and what it made."""

    op: str
    arguments: Arguments
    where: Place
    result: Value


@record(frozen=False, eq=False)
class Tracing(StandardLibrary):
    """The standard library, which remembers how each tensor was made once `armed`."""

    armed: bool = False
    outer: Place | None = None
    """The call in the forward of the whole model that is being run."""
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
        """The ops that made `value`, the last one first, through the first tensor of each."""
        while isinstance(value, TensorValue):
            step = self.made.get(ValueId(value))
            if step is None:
                return
            yield step
            tensors = [each for each in step.arguments.all() if isinstance(each, TensorValue)]
            inputs = [each for each in tensors if not each.is_parameter and each is not value]
            value = inputs[0] if inputs else None
